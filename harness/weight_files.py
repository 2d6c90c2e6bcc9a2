"""Weight files: what a training leaves of its weights, compared as read back before it is done.

| file | what |
| --- | --- |
| best.safetensors | every tensor, adapters beside the weights they adapt |
| trained.safetensors | what the start does not give back, if it gives any, and its sha256 |
| merged.safetensors | of a training with adapters that merge: the plain model's tensors |
| example.safetensors | a few validation examples and what the network makes of them |

Where the start gives back more than `REPEATED`, the first and the third are left out: the start and
trained.safetensors hold all that is in them, and `make export` writes the merged network.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as as_bytes
from torch import Tensor, nn

from harness.base import begin
from harness.evaluation import outputs_on
from harness.groups import merged, prepare
from harness.outcome import Outcome
from harness.recipe import Recipe
from harness.settings import UserError
from harness.tracked import Run

FULL, TRAINED = "best.safetensors", "trained.safetensors"
MERGED, EXAMPLE = "merged.safetensors", "example.safetensors"
EXAMPLES = 8
REPEATED = 16_000_000
"""The most bytes of a start that its runs write once more, so that they outlive it: 32 runs of a
text encoder of 90 MB would fill 5 GB with the same weights."""
MERGE_ERROR = 1e-3
"""The largest error of a merged network's outputs against their own size: 4e-7 is usual, 3e-3 with
weights in bfloat16 (2026-11, LoRA of rank 8)."""


def attach_weights(run: Run, recipe: Recipe, outcome: Outcome) -> None:
    """Attach the files to a run; raise UserError if they do not compute what the training did."""
    for name, content in weight_files(recipe, outcome).items():
        run.attach(name, content)
    prove_files(recipe, run.directory)


def weight_files(recipe: Recipe, outcome: Outcome) -> dict[str, bytes]:
    """Return the files by name; no random number is taken from the global generators."""
    if not outcome.weights:
        return {}
    if recipe.start is None:
        return {FULL: as_bytes(dict(outcome.weights))}
    with torch.random.fork_rng(devices=[]):
        prepared = prepare(recipe.model.build(recipe.data.facts()), recipe.strategy)
        network = _in_precision(prepared.network, recipe)
        network.load_state_dict(dict(outcome.weights))
        inputs = _examples(recipe)
        files = {EXAMPLE: as_bytes({**inputs, "output": _outputs(network, recipe, inputs)})}
    given = prepared.given_back() & outcome.weights.keys()
    facts = {"base": outcome.base, "recipe": recipe.hash}
    if given:
        kept = {n: t for n, t in outcome.weights.items() if n not in given}
        files[TRAINED] = as_bytes(kept, metadata=facts)
    if sum(outcome.weights[name].nbytes for name in given) <= REPEATED:
        files[FULL] = as_bytes(dict(outcome.weights), metadata=facts)
        adapter = prepared.plan.adapter
        if adapter is not None and adapter.merges:
            plain, _ = merged(recipe, outcome.weights)
            files[MERGED] = as_bytes({n: t.contiguous() for n, t in plain.items()})
    return files


def restored(recipe: Recipe, path: Path) -> nn.Module:
    """Return the network of a file that a training with a start left, in eval mode.

    What a `trained.safetensors` lacks comes from the start.

    Raises UserError if the start's weights have changed, or the file is another recipe's.
    """
    with safe_open(path, framework="pt") as file:
        facts: Mapping[str, str] = file.metadata()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = recipe.model.build(recipe.data.facts())
        base = begin(network, recipe)
        now = {"base": base.sha256 if base else "", "recipe": recipe.hash}
        for what, expected in facts.items():
            if now[what] != expected:
                do = "restore the weights that it was trained from"
                raise UserError(f"{what} of {path}", got=now[what], allowed=expected, do=do)
        prepared = prepare(network, recipe.strategy)
    network = _in_precision(prepared.network, recipe)
    missing, unexpected = network.load_state_dict(load_file(path), strict=False)
    if unexpected or not set(missing) <= prepared.given_back():
        got = f"{len(unexpected)} more, {len(missing)} fewer"
        do = "restore the code that wrote it"
        raise UserError(f"tensors of {path}", got=got, allowed="what trained", do=do)
    return network.eval()


def prove_files(recipe: Recipe, directory: Path) -> None:
    """Read the files back and run them on their example; raise UserError if one differs.

    What trained, on its start, must give the same to the bit; merged weights within MERGE_ERROR.
    """
    if recipe.start is None or not (directory / EXAMPLE).exists():
        return
    inputs = load_file(directory / EXAMPLE)
    expected = inputs.pop("output")
    name = TRAINED if (directory / TRAINED).exists() else FULL
    network = restored(recipe, directory / name)
    found = _outputs(network, recipe, inputs)
    if not torch.equal(found, expected):
        raise _differs(name, found, expected, allowed="no difference")
    if (directory / MERGED).exists():
        _prove_merged(recipe, load_file(directory / MERGED), inputs, expected)
    elif not (directory / FULL).exists():
        weights, left = merged(recipe, network.state_dict())
        if left is None:
            _prove_merged(recipe, weights, inputs, expected)


def _prove_merged(
    recipe: Recipe, weights: Mapping[str, Tensor], inputs: Mapping[str, Tensor], expected: Tensor
) -> None:
    """Run the plain network with weights that adapters were merged into."""
    with torch.random.fork_rng(devices=[]):
        plain = _in_precision(recipe.model.build(recipe.data.facts()), recipe)
    plain.load_state_dict(dict(weights))
    found = _outputs(plain, recipe, inputs)
    if (found - expected).abs().max() > MERGE_ERROR * expected.abs().max():
        raise _differs(MERGED, found, expected, allowed=f"{MERGE_ERROR:g} of the largest")


def _in_precision(network: nn.Module, recipe: Recipe) -> nn.Module:
    return network.double() if recipe.precision == "64-true" else network


def _examples(recipe: Recipe) -> dict[str, Tensor]:
    """Return the parts of a batch of the first validation examples, by number."""
    module = recipe.data.build(seed=recipe.seed, batch_size=recipe.batch_size)
    batch = next(iter(module.val_dataloader()))
    return {str(number): part[:EXAMPLES].contiguous() for number, part in enumerate(batch)}


def _outputs(network: nn.Module, recipe: Recipe, inputs: Mapping[str, Tensor]) -> Tensor:
    # Cloned, as a matrix product's last bit depends on how its operands lie in memory.
    batch = [inputs[str(number)].clone() for number in range(len(inputs))]
    return outputs_on(network, [batch], recipe.task)[0].contiguous()


def _differs(name: str, found: Tensor, expected: Tensor, *, allowed: str) -> UserError:
    error = (found - expected).abs().max().item() / expected.abs().max().item()
    do = "report it: the weights in the file do not compute what the training did"
    return UserError(f"{name}, read back", got=f"an error of {error:.2g}", allowed=allowed, do=do)
