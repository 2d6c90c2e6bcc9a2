"""GPU: trials an hour of small decoders trained as one, and how near a large one comes to the peak.

Command:  make bench-gpu, or python -m benchmarks.gpu --json numbers.json  (under 8 minutes)
It needs torch, pytorch-lightning, and the wheels of mlflow-skinny and optuna; no other package.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.course import Watch
from harness.data.shakespeare import Shakespeare
from harness.fused.train import train_group
from harness.keeper import Hooks
from harness.models.decoder import Decoder
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.tasks.language_model import LanguageModel

GROUPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
ENOUGH = 240.0
"""Seconds after which no larger group is begun, so that the whole stays under 8 minutes."""
SMALL = Recipe(
    model=Decoder(depth=2, width=64, heads=2),
    data=Shakespeare(context=64, characters=64_000),
    task=LanguageModel(),
    strategy=Full(),
    lr=1e-3,
    epochs=2,
)
LARGE = Decoder(depth=12, width=768, heads=12)
CONTEXT, BATCH, SQUARE = 1024, 16, 8192


@dataclass(frozen=True, kw_only=True)
class Share:
    """A bf16 training step of a decoder beside the largest rate of a bf16 matrix product.

    Operations of a token are 6·parameters + 12·depth·width·context (Chowdhery et al. 2022,
    arXiv:2204.02311, appendix B).
    """

    parameters: int
    tokens_per_second: float
    teraflops: float
    ceiling: float

    @property
    def share(self) -> float:
        """The part of the ceiling that the step reaches."""
        return self.teraflops / self.ceiling


def trials_per_hour(groups: Sequence[int], recipe: Recipe = SMALL) -> dict[int, float]:
    """Return trials an hour for each number of models trained as one, after a warm-up."""
    _seconds([recipe, recipe])
    began = time.perf_counter()
    found: dict[int, float] = {}
    for count in groups:
        if time.perf_counter() - began > ENOUGH:
            break
        recipes = [replace(recipe, seed=seed) for seed in range(count)]
        found[count] = 3600 * count / _seconds(recipes)
    return found


def _seconds(recipes: Sequence[Recipe]) -> float:
    start = time.perf_counter()
    with TemporaryDirectory() as name:
        train_group(
            recipes,
            directory=Path(name),
            watch=Watch(),
            hooks=[Hooks() for _ in recipes],
            stop=lambda: False,
        )
    return time.perf_counter() - start


def share_of_ceiling(
    device: torch.device,
    model: Decoder = LARGE,
    *,
    context: int = CONTEXT,
    batch: int = BATCH,
    square: int = SQUARE,
    steps: int = 20,
) -> Share:
    """Time training steps of `model` in bf16, and a square matrix product beside them."""
    data = Shakespeare(context=context)
    network = model.build(data.facts()).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    tokens = torch.randint(data.facts().outputs, (batch, context + 1), device=device)
    second = _median(lambda: _step(network, optimizer, tokens), device, steps)
    left, right = (torch.randn(square, square, device=device).bfloat16() for _ in range(2))
    product = _median(lambda: left @ right, device, steps)
    parameters = sum(p.numel() for p in network.parameters())
    operations = batch * context * (6 * parameters + 12 * model.depth * model.width * context)
    return Share(
        parameters=parameters,
        tokens_per_second=batch * context / second,
        teraflops=operations / second / 1e12,
        ceiling=2 * square**3 / product / 1e12,
    )


def _step(network: nn.Module, optimizer: torch.optim.Optimizer, tokens: Tensor) -> None:
    optimizer.zero_grad()
    with torch.autocast(tokens.device.type, torch.bfloat16):
        logits = network(tokens[:, :-1])
        loss = cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _median(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the median seconds of `work`, after a quarter as many warm-up calls."""
    spent = []
    for repeat in range(repeats + max(1, repeats // 4)):
        _wait(device)
        start = time.perf_counter()
        work()
        _wait(device)
        if repeat >= max(1, repeats // 4):
            spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    """Measure and print; say so where there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--json", type=Path, help="file for the same numbers")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("bench-gpu needs a GPU, and torch sees none here: nothing was measured")
        return
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    share = share_of_ceiling(torch.device("cuda"))
    print(f"decoder of {share.parameters:,} parameters: {share.tokens_per_second:,.0f} tokens/s")
    print(f"bf16: {share.teraflops:.0f} of {share.ceiling:.0f} TFLOP/s, {share.share:.0%}")
    rates = trials_per_hour(GROUPS)
    for count, rate in rates.items():
        print(f"{count:4} decoders as one: {rate:10,.0f} trials an hour")
    if arguments.json:
        numbers = {"share": asdict(share), "trials_per_hour": rates}
        arguments.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
