"""Memory: the estimate beside what a real training step allocates, and its parts by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adafactor, Adagrad, Adam, AdamW, Muon, Optimizer, RMSprop
from torch.profiler import ProfilerActivity, profile
from torch.utils.checkpoint import checkpoint

from harness.anatomy.describe import describe
from harness.anatomy.memory import STATES, largest_batch, state_numbers
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.recipe import Facts
from harness.settings import UserError

TOLERANCE = 0.15
FACTS = Facts(inputs=(3, 32, 32), outputs=10, train=10, validation=10, test=10)


class Transformer(nn.Module):
    """Tokens to classes of the next token, encoder layers with a causal mask."""

    def __init__(self, width: int = 64, deep: int = 4, tokens: int = 100) -> None:
        super().__init__()
        self.tokens = nn.Embedding(tokens, width)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True)
        self.body = nn.TransformerEncoder(layer, deep)
        self.head = nn.Linear(width, tokens)

    def forward(self, batch: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(batch.shape[1], device=batch.device)
        logits: Tensor = self.head(self.body(self.tokens(batch), mask=mask, is_causal=True))
        return logits


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "wide MLP": (lambda: MLP(depth=4, width=512).build(FACTS), lambda: torch.randn(64, 3, 32, 32)),
    "deep MLP": (
        lambda: MLP(depth=16, width=64, norm="layer", connection="residual").build(FACTS),
        lambda: torch.randn(512, 3, 32, 32),
    ),
    "CNN": (
        lambda: CNN(stages=2, blocks=2, norm="batch").build(FACTS),
        lambda: torch.randn(32, 3, 32, 32),
    ),
    "residual CNN": (
        lambda: CNN(stages=3, blocks=2, connection="residual", norm="batch").build(FACTS),
        lambda: torch.randn(16, 3, 32, 32),
    ),
    "transformer": (Transformer, lambda: torch.randint(100, (8, 64))),
    "large transformer": (lambda: Transformer(256, 2), lambda: torch.randint(100, (2, 32))),
}
OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], Optimizer]] = {
    "adamw": lambda parameters: AdamW(parameters, fused=True),
    "sgd": lambda parameters: SGD(parameters, lr=0.1),
}


def fixed_bytes(network: nn.Module) -> int:
    tensors = [*network.parameters(), *network.buffers()]
    return sum(each.numel() * each.element_size() for each in tensors)


def step(network: nn.Module, optimizer: Optimizer, batch: Tensor) -> None:
    optimizer.zero_grad()
    logits = network(batch).flatten(0, -2)
    torch.autograd.backward(cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long)))
    optimizer.step()


def measured_peak(network: nn.Module, optimizer: Optimizer, batch: Tensor) -> float:
    """Bytes of tensors at the peak of a second training step, by torch's profiler."""
    step(network, optimizer, batch)
    optimizer.zero_grad()
    state = [each for kept in optimizer.state.values() for each in kept.values()]
    before = fixed_bytes(network) + sum(each.numel() * each.element_size() for each in state)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
        batch = batch.clone()
        step(network, optimizer, batch)
    events = run.profiler.kineto_results.events()
    sizes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    live, peak = 0, 0
    for _, size in sizes:
        live += size
        peak = max(peak, live)
    return float(before + peak)


@pytest.mark.parametrize(
    ("name", "optimizer"), [*((name, "adamw") for name in NETWORKS), ("wide MLP", "sgd")]
)
def test_the_peak_is_that_of_a_training_step(name: str, optimizer: str) -> None:
    build, data = NETWORKS[name]
    network, batch = build(), data()
    estimate = describe(network, batch, optimizer=optimizer).memory.peak
    kept = OPTIMIZERS[optimizer](list(network.parameters()))
    assert estimate == pytest.approx(measured_peak(network, kept, batch), rel=TOLERANCE)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_peak_is_that_of_a_training_step_on_a_gpu(name: str) -> None:
    build, data = NETWORKS[name]
    network, batch = build().cuda(), data().cuda()
    estimate = describe(network, batch).memory.peak
    optimizer = AdamW(network.parameters(), fused=True)

    def train() -> None:
        optimizer.zero_grad()
        logits = network(batch).flatten(0, -2)
        targets = torch.zeros(len(logits), dtype=torch.long, device="cuda")
        torch.autograd.backward(cross_entropy(logits, targets))
        optimizer.step()

    train()
    optimizer.zero_grad()
    torch.cuda.reset_peak_memory_stats()
    train()
    # The library's workspace of 8 to 32 MB is no tensor: what was there before any step counts.
    assert estimate == pytest.approx(torch.cuda.max_memory_allocated() - workspace(), rel=TOLERANCE)


def workspace() -> int:
    """Bytes that matrix products take for good in a process."""
    torch._C._cuda_clearCublasWorkspaces()
    before = torch.cuda.memory_allocated()
    torch.ones(8, 8, device="cuda") @ torch.ones(8, 8, device="cuda")
    after: int = torch.cuda.memory_allocated()
    return after - before


def test_the_parts_by_hand() -> None:
    network = nn.Sequential(nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
    network[0].requires_grad_(False)
    found = describe(network, torch.zeros(8, 100)).memory
    trained = 50 * 10 + 10
    assert found.weights == 4 * (5_050 + trained)
    assert found.gradients == 4 * trained
    assert found.optimizer_state == 2 * 4 * trained
    assert found.activations == 4 * 8 * (50 + 10)  # what the head reads, and the loss's own


@pytest.mark.parametrize(
    ("network", "units"),
    [
        (nn.Linear(64, 64), 1),
        (nn.ReLU(), 1),
        (nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()), 3),
        (nn.LSTM(64, 64, batch_first=True), 17.7),
        (nn.TransformerEncoderLayer(64, 1, 256, 0.0, "gelu", batch_first=True), 16.05),
    ],
    ids=lambda value: type(value).__name__,
)
def test_saved_activations_in_units_of_one(network: nn.Module, units: float) -> None:
    shape = (4, 8, 16, 16) if isinstance(network, nn.Sequential) else (4, 128, 64)
    example = torch.zeros(shape, requires_grad=True)
    rows = describe(network, example).layers
    found = sum(row.saved_bytes for row in rows) / example.nbytes
    assert found == pytest.approx(units, rel=0.03)


def torch_state(optimizer: Optimizer, parameter: nn.Parameter) -> int:
    parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    kept = {name: each for name, each in optimizer.state[parameter].items() if name != "step"}
    return sum(each.numel() for each in kept.values() if isinstance(each, Tensor))


@pytest.mark.parametrize("shape", [(6, 4), (5,), (3, 4, 2)])
@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("sgd", lambda p: SGD([p], lr=0.1)),
        ("momentum", lambda p: SGD([p], lr=0.1, momentum=0.9)),
        ("rmsprop", lambda p: RMSprop([p])),
        ("adagrad", lambda p: Adagrad([p])),
        ("adam", lambda p: Adam([p])),
        ("adamw", lambda p: AdamW([p])),
        ("amsgrad", lambda p: Adam([p], amsgrad=True)),
        ("muon", lambda p: Muon([p]) if p.dim() == 2 else AdamW([p])),
        ("adafactor", lambda p: Adafactor([p])),
    ],
)
def test_optimizers_keep_what_torch_keeps(
    name: str, build: Callable[[nn.Parameter], Optimizer], shape: tuple[int, ...]
) -> None:
    parameter = nn.Parameter(torch.ones(shape))
    assert state_numbers(shape, name) == torch_state(build(parameter), parameter)


def test_every_optimizer_of_the_table_is_compared() -> None:
    marks = test_optimizers_keep_what_torch_keeps.pytestmark  # type: ignore[attr-defined]
    compared = {name for mark in marks for name, *_ in mark.args[1] if isinstance(name, str)}
    assert compared == set(STATES)


def test_precision_changes_what_it_says() -> None:
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))
    batch = torch.ones(9, 64)
    full, double, mixed = (
        describe(network, batch, precision=precision).memory
        for precision in ("32-true", "64-true", "bf16-mixed")
    )
    assert double.peak == 2 * full.peak
    assert (mixed.weights, mixed.optimizer_state) == (full.weights, full.optimizer_state)
    assert mixed.activations == full.activations // 2 + 2 * (64 * 64 + 64 * 8)


def test_checkpointing_keeps_the_inputs_of_the_blocks_and_one_block() -> None:
    network = Transformer(deep=8)
    found = describe(network, torch.zeros(8, 64, dtype=torch.long))
    block = 4 * 8 * 64 * 64
    assert found.memory.activations_checkpointed is not None
    assert found.memory.activations_checkpointed < 0.4 * found.memory.activations
    assert found.memory.activations_checkpointed > 8 * block
    blocks = [row for row in found.layers if ".layers." in row.name]
    assert found.flops.recomputed == sum(row.forward_flops for row in blocks)


def test_checkpointing_saves_about_as_much_as_torch_does() -> None:
    class Checkpointed(Transformer):
        def forward(self, batch: Tensor) -> Tensor:
            hidden = self.tokens(batch)
            for layer in self.body.layers:
                hidden = checkpoint(layer, hidden, use_reentrant=False)
            logits: Tensor = self.head(hidden)
            return logits

    network, batch = Checkpointed(deep=8), torch.randint(100, (16, 64))
    estimate = describe(Transformer(deep=8), batch, optimizer="sgd").memory.peak_checkpointed
    measured = measured_peak(network, SGD(network.parameters(), lr=0.1), batch)
    assert estimate == pytest.approx(measured, rel=TOLERANCE)


def test_no_blocks_no_checkpointing() -> None:
    found = describe(nn.Linear(3, 3), torch.zeros(1, 3))
    assert found.memory.activations_checkpointed is found.flops.recomputed is None


def test_memory_is_of_the_asked_batch_and_work_of_the_example() -> None:
    network, example = MLP(norm="batch").build(FACTS), torch.zeros(1, 3, 32, 32)
    one = describe(network, torch.zeros(64, 3, 32, 32))
    many = describe(network, example, batch_size=64)
    assert many.memory == one.memory
    assert many.flops.forward * 64 == one.flops.forward


def test_the_largest_batch_fits_and_the_next_does_not() -> None:
    network, example = MLP(width=128).build(FACTS), torch.zeros(1, 3, 32, 32)

    def peak(size: int) -> int:
        return describe(network, example, batch_size=size).memory.peak

    largest = largest_batch(20_000_000, peak)
    assert peak(largest) <= 20_000_000 < peak(largest + 1)
    assert largest_batch(1000, peak) == 0


@pytest.mark.parametrize("wrong", [{"optimizer": "adan"}, {"precision": "8-true"}])
def test_what_is_not_in_the_tables_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(UserError, match="choose one of them"):
        describe(nn.Linear(3, 3), torch.zeros(1, 3), **wrong)  # type: ignore[arg-type]
