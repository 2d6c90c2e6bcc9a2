"""Groups: tensors that share their course through the phases, each in exactly one."""

import pytest

from harness.groups import groups_of, prepare
from harness.models.mlp import MLP
from harness.outline import outline
from harness.phases import Part, Phase, Plan
from harness.recipe import Facts
from harness.settings import UserError
from harness.strategies.lp_ft import LPFT

FACTS = Facts(inputs=(4,), outputs=3, train=1, validation=1, test=1)
MODEL = MLP(depth=2, width=5)


def course(plan: Plan) -> dict[str, tuple[tuple[float, ...], list[str]]]:
    groups = groups_of(plan, outline(MODEL.build(FACTS)))
    return {group.name: (group.factors, list(group.members)) for group in groups}


def test_the_first_part_that_selects_a_tensor_has_it() -> None:
    parts = (Part(select="head", factor=2.0), Part(select="bias"), Part(select="all", factor=0.5))
    found = course(Plan(phases=(Phase(parts=parts),)))
    assert found["head"] == ((2.0,), ["head.weight", "head.bias"])
    assert found["bias"] == ((1.0,), ["hidden_1.linear.bias", "hidden_2.linear.bias"])
    assert found["all"] == ((0.5,), ["hidden_1.linear.weight", "hidden_2.linear.weight"])


def test_a_group_is_named_after_its_course() -> None:
    groups = prepare(MODEL.build(FACTS), LPFT(factor=0.1)).groups
    named = {group.name: group.factors for group in groups}
    assert named == {"all": (0.0, 0.1), "head → all": (1.0, 0.1)}
    assert [(g.trains(0), g.trains(1)) for g in groups] == [(False, True), (True, True)]


def test_what_no_phase_trains_is_in_no_group_and_optional_parts_may_be_empty() -> None:
    parts = (Part(select="stem", optional=True), Part(select="blocks[1]"))
    found = course(Plan(phases=(Phase(parts=parts),)))
    assert set(found) == {"blocks[1]"}
    with pytest.raises(UserError, match="selector: got 'stem'"):
        course(Plan(phases=(Phase(parts=(Part(select="stem"),)),)))


def test_a_refusal_names_the_strategy() -> None:
    class Wrong(LPFT):
        def plan(self, blocks: int) -> Plan:
            return Plan(phases=(Phase(parts=(Part(select=f"blocks[{blocks}]"),)),))

    with pytest.raises(UserError, match=r"strategy Wrong: selector: got 'blocks\[2\]'.*hidden_2"):
        prepare(MODEL.build(FACTS), Wrong())
