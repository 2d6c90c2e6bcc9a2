"""Kept: a group's checkpoint, and how to divide it among fewer members each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from harness.checkpoints import State

if TYPE_CHECKING:
    from harness.fused.group import Group


def state_of(group: "Group") -> State:
    """Return everything that a continuation needs: of each member, or of each row of the stack."""
    return {
        "identity": identity_of(group),
        "members": [member.state_dict() for member in group.members],
        "rows": group.rows,
        "stack": group.stack.tensors(),
        "best": group.best,
        "optimizer": group.optimizer.state_dict(),
        "generators": group.draws.states(),
        "position": group.feed.position(),
        "losses": group.losses,
        "sizes": group.sizes,
        "gradients": group.gradients,
    }


def identity_of(group: "Group") -> list[dict[str, Any]]:
    """Return, member by member, what a checkpoint must share to be continued."""
    return [
        {"recipe": member.recipe.hash, "seed": member.recipe.seed, "base": base}
        for member, base in zip(group.members, group.bases, strict=True)
    ]


def go_on(group: "Group", state: State) -> None:
    """Let a group of the same members go on from its checkpoint."""
    for member, kept in zip(group.members, state["members"], strict=True):
        member.load_state_dict(kept)
    group.keep(state["rows"])
    group.stack.load(state["stack"])
    group.best = state["best"]
    group.optimizer.load_state_dict(state["optimizer"], group.stack.flat)
    group.draws.set_states(state["generators"])
    group.feed.go_to(state["position"])
    group.losses, group.sizes = list(state["losses"]), list(state["sizes"])
    group.gradients = list(state["gradients"])
    for member in group.members:
        member.hooks.saved(member.course.history)


def divided(state: State, places: Sequence[int]) -> State:
    """Return the checkpoint of the members at `places` alone, as far as they were with the others.

    Members that had left the stack have no row; their courses and best weights come along.
    """
    rows = [row for row, number in enumerate(state["rows"]) if number in places]

    def of_rows(tensors: dict[str, Any]) -> dict[str, Any]:
        return {k: v[rows] if isinstance(v, Tensor) else v for k, v in tensors.items()}

    return {
        **state,
        "identity": [state["identity"][place] for place in places],
        "members": [state["members"][place] for place in places],
        "rows": [list(places).index(state["rows"][row]) for row in rows],
        "stack": of_rows(state["stack"]),
        "best": {name: tensor[list(places)] for name, tensor in state["best"].items()},
        "optimizer": of_rows(state["optimizer"]),
        "generators": [state["generators"][row] for row in rows],
        "losses": [losses[rows] for losses in state["losses"]],
        "gradients": [state["gradients"][row] for row in rows] if state["gradients"] else [],
    }
