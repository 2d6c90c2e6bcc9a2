"""How many numbers each strategy trains: closed formulas of the model's settings, exactly."""

from itertools import pairwise

import pytest
import torch

from harness.groups import Prepared, prepare
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.recipe import Facts, Model, Strategy
from harness.settings import UserError
from harness.strategies.bit_fit import BitFit
from harness.strategies.bottom_blocks import BottomBlocks
from harness.strategies.freeze_first import FreezeFirst
from harness.strategies.full import Full
from harness.strategies.gradual_unfreeze import GradualUnfreeze
from harness.strategies.layer_decay import LayerDecay
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lp_ft import LPFT
from harness.strategies.norm_tuning import NormTuning
from harness.strategies.surgical import Surgical
from harness.strategies.top_blocks import TopBlocks

FACTS = Facts(inputs=(1, 8, 8), outputs=10, train=1, validation=1, test=1)
INPUTS, OUTPUTS, WIDTH, DEPTH = 64, 10, 24, 4
DEEP = MLP(depth=DEPTH, width=WIDTH, norm="layer")
CONVOLUTIONAL = CNN(stages=3, width=4, norm="batch")

HEAD = WIDTH * OUTPUTS + OUTPUTS
NORM = 2 * WIDTH
FIRST = INPUTS * WIDTH + WIDTH + NORM
BLOCK = WIDTH * WIDTH + WIDTH + NORM
ALL = FIRST + (DEPTH - 1) * BLOCK + HEAD
MLP_COUNTS: dict[Strategy, tuple[int, ...]] = {
    Full(): (ALL,),
    LinearProbe(): (HEAD,),
    LPFT(): (HEAD, ALL),
    TopBlocks(count=2): (2 * BLOCK + HEAD,),
    BottomBlocks(count=2): (FIRST + BLOCK + HEAD,),
    FreezeFirst(count=1): (3 * BLOCK + HEAD,),
    FreezeFirst(count=4): (HEAD,),
    Surgical(block=0): (FIRST,),
    Surgical(block=3, head=True): (BLOCK + HEAD,),
    GradualUnfreeze(): (HEAD, HEAD + BLOCK, HEAD + 2 * BLOCK, HEAD + 3 * BLOCK, ALL),
    LayerDecay(): (ALL,),
    BitFit(): (HEAD + DEPTH * 2 * WIDTH,),
    NormTuning(): (HEAD + DEPTH * NORM,),
}
CHANNELS = (1, 4, 8, 16)
STAGES = [9 * a * b + 2 * b for a, b in pairwise(CHANNELS)]
CNN_HEAD = CHANNELS[-1] * OUTPUTS + OUTPUTS
CNN_COUNTS: dict[Strategy, tuple[int, ...]] = {
    Full(): (sum(STAGES) + CNN_HEAD,),
    LinearProbe(): (CNN_HEAD,),
    TopBlocks(): (STAGES[-1] + CNN_HEAD,),
    BottomBlocks(): (STAGES[0] + CNN_HEAD,),
    Surgical(block=1): (STAGES[1],),
    BitFit(): (CNN_HEAD + sum(CHANNELS[1:]),),
    NormTuning(): (CNN_HEAD + 2 * sum(CHANNELS[1:]),),
}
CASES = [
    *((DEEP, strategy, counts) for strategy, counts in MLP_COUNTS.items()),
    *((CONVOLUTIONAL, strategy, counts) for strategy, counts in CNN_COUNTS.items()),
]


def planned(model: Model, strategy: Strategy) -> Prepared:
    with torch.device("meta"):
        return prepare(model.build(FACTS), strategy)


@pytest.mark.parametrize(
    ("model", "strategy", "counts"), CASES, ids=[f"{type(s).__name__}-{c[-1]}" for _, s, c in CASES]
)
def test_it_trains_as_many_as_its_formula_says(
    model: Model, strategy: Strategy, counts: tuple[int, ...]
) -> None:
    prepared = planned(model, strategy)
    phases = range(len(prepared.plan.phases))
    assert tuple(prepared.trainable(phase) for phase in phases) == counts


def test_layer_decay_and_gradual_unfreezing_slow_down_towards_the_inputs() -> None:
    decayed = {g.name: g.factors for g in planned(DEEP, LayerDecay(decay=0.5)).groups}
    assert decayed["head"] == (1.0,)
    assert [decayed[f"blocks[-{i}]"] for i in range(1, 5)] == [(0.5**i,) for i in range(1, 5)]
    thawed = {g.name: g.factors for g in planned(DEEP, GradualUnfreeze(decay=2.0)).groups}
    assert thawed["head"] == (1.0,) * 5
    assert thawed["blocks[-2]"] == (0, 0, 0.25, 0.25, 0.25)


@pytest.mark.parametrize(
    ("strategy", "refusal"),
    [
        (TopBlocks(count=5), r"TopBlocks.count: got 5; allowed: at most 4 here"),
        (BottomBlocks(count=5), r"BottomBlocks.count: got 5"),
        (FreezeFirst(count=5), r"FreezeFirst.count: got 5"),
        (Surgical(block=4), r"Surgical.block: got 4; allowed: at most 3 here"),
    ],
)
def test_more_blocks_than_there_are_is_refused(strategy: Strategy, refusal: str) -> None:
    with pytest.raises(UserError, match=refusal):
        planned(DEEP, strategy)


def test_a_model_without_what_should_train_is_refused_with_what_there_is() -> None:
    with pytest.raises(UserError, match=r"NormTuning: selector: got 'kind:norm'.*kind:linear"):
        planned(MLP(depth=2, norm="none"), NormTuning())
    with pytest.raises(UserError, match="BitFit: selector: got 'bias'"):
        planned(MLP(depth=0), BitFit())
