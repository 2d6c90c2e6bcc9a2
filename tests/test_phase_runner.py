"""The phase runner: switches what trains, goes on after a resume, and notices what it must not."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.groups import prepare
from harness.models.mlp import MLP
from harness.phase_runner import PROOF_STEPS, FrozenMovedError, PhaseRunner
from harness.phases import Phase, Plan
from harness.recipe import Facts, Strategy
from harness.settings import UserError
from harness.strategies.full import Full
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lp_ft import LPFT

FACTS = Facts(inputs=(4,), outputs=3, train=1, validation=1, test=1)
MODEL = MLP(depth=2, width=5, norm="batch", dropout=0.5)
STEPS = 3


def runner_of(strategy: Strategy, borders: tuple[int, ...] = (0,)) -> PhaseRunner:
    torch.manual_seed(0)
    prepared = prepare(MODEL.build(FACTS), strategy)
    return PhaseRunner(prepared, borders=borders, steps_per_epoch=STEPS)


def modes(runner: PhaseRunner) -> dict[str, bool]:
    return {name: module.training for name, module in runner.network.named_modules()}


def step(network: nn.Module) -> None:
    network.zero_grad()
    torch.autograd.backward(network(torch.randn(6, 4)).square().sum())


def test_a_phase_begins_with_its_first_epoch() -> None:
    runner = runner_of(LPFT(factor=0.5), (0, 2))
    assert [runner.phase_at(at) for at in range(8)] == [0] * 6 + [1] * 2
    body, head = runner.factors()
    assert [(body(at), head(at)) for at in (0, 5, 6)] == [(0.0, 1.0), (0.0, 1.0), (0.5, 0.5)]


def test_frozen_subtrees_are_in_eval_mode_and_a_later_phase_wakes_them() -> None:
    runner = runner_of(LPFT(), (0, 2))
    runner.enter(0)
    asleep = modes(runner)
    assert asleep["head"]
    assert asleep[""]
    assert not any(asleep[name] for name in asleep if name.startswith("hidden"))
    runner.network.train()
    runner.enter(3)
    assert modes(runner) == asleep, "modes are asserted anew at every epoch"
    runner.enter(6)
    assert all(modes(runner).values())


@pytest.mark.parametrize(("statistics", "expected"), [("all", True), ("none", False)])
def test_batch_norms_may_gather_statistics_apart_from_what_trains(
    statistics: Any, expected: bool
) -> None:
    class Chosen(LinearProbe if expected else Full):  # type: ignore[misc]
        def plan(self, blocks: int) -> Plan:
            (phase,) = super().plan(blocks).phases
            return Plan(phases=(Phase(parts=phase.parts, statistics=statistics),))

    runner = runner_of(Chosen())
    runner.enter(0)
    assert {modes(runner)[f"hidden_{i}.norm"] for i in (1, 2)} == {expected}
    before = runner.network.state_dict()["hidden_1.norm.running_mean"].clone()
    step(runner.network)
    after = runner.network.state_dict()["hidden_1.norm.running_mean"]
    assert torch.equal(before, after) != expected
    runner.leave()


def test_weight_decay_and_momentum_move_nothing_that_is_frozen() -> None:
    runner = runner_of(LPFT(), (0, 1))
    groups = [{"params": list(group.members.values())} for group in runner.groups]
    optimizer = torch.optim.AdamW(groups, lr=0.1, weight_decay=0.5, fused=True)
    before = copy.deepcopy(runner.network.state_dict())
    for at in range(2 * STEPS):
        runner.enter(at)
        step(runner.network)
        runner.prove_gradients()
        optimizer.step()
        now = runner.network.state_dict()
        body = [torch.equal(now[name], before[name]) for name in before if "hidden" in name]
        assert all(body) == (at < STEPS)


@pytest.mark.parametrize("name", ["hidden_1.linear.weight", "hidden_2.norm.running_var"])
def test_a_frozen_tensor_that_moves_is_noticed_and_named(name: str) -> None:
    runner = runner_of(LinearProbe())
    runner.enter(0)
    runner.leave()
    runner.network.state_dict()[name].view(-1)[0] += 1e-7
    with pytest.raises(FrozenMovedError, match=name):
        runner.leave()


class Unused(nn.Module):
    """A layer that the output does not depend on, and one that it does."""

    def __init__(self) -> None:
        super().__init__()
        self.never = nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.head(inputs)
        return output


def test_a_tensor_that_never_gets_a_gradient_is_refused_by_name() -> None:
    runner = PhaseRunner(prepare(Unused(), Full()), borders=(0,), steps_per_epoch=100)
    runner.enter(0)
    for _ in range(PROOF_STEPS - 1):
        step(runner.network)
        runner.prove_gradients()
    with pytest.raises(UserError, match=r"no gradient in 10 steps: never.weight, never.bias"):
        runner.prove_gradients()
    probe = PhaseRunner(prepare(Unused(), LinearProbe()), borders=(0,), steps_per_epoch=100)
    probe.enter(0)
    for _ in range(PROOF_STEPS):
        step(probe.network)
        probe.prove_gradients()


@pytest.mark.parametrize("at", [0, 2, 3, 4])
def test_it_goes_on_from_a_state_and_then_is_at_the_step(at: int) -> None:
    one = runner_of(LPFT(), (0, 1))
    one.enter(0)
    one.enter(at - at % STEPS)
    other = runner_of(LPFT(), (0, 9))
    other.go_on(one.state(), at)
    assert (other.phase, other.borders) == (at // STEPS, (0, 1))
    assert other.state() == one.state()


def test_a_checkpoint_at_a_border_belongs_to_the_phase_before() -> None:
    one = runner_of(LPFT(), (0, 1))
    one.enter(0)
    other = runner_of(LPFT(), (0, 1))
    other.go_on(one.state(), STEPS)
    assert other.phase == 1


def test_a_state_of_another_strategy_or_of_another_base_is_refused() -> None:
    one = runner_of(LinearProbe())
    one.enter(0)
    with pytest.raises(UserError, match=r"checkpoint's phase.*trainable"):
        runner_of(Full()).go_on(one.state(), 1)
    other = runner_of(LinearProbe())
    with torch.no_grad():
        other.network.state_dict()["hidden_1.norm.bias"].add_(1.0)
    with pytest.raises(UserError, match="frozen"):
        other.go_on(one.state(), 1)
