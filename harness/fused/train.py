"""Train recipes of one shape as one, or go on from their checkpoint."""

from collections.abc import Callable, Sequence
from pathlib import Path

from harness import checkpoints
from harness.course import Judge, Watch, keep_all
from harness.fused.group import Group
from harness.fused.kept import divided, go_on, identity_of
from harness.fused.member import member_of
from harness.keeper import Hooks
from harness.outcome import Outcome
from harness.pace import Pace
from harness.recipe import Recipe
from harness.settings import UserError

CHECKPOINT = "group.ckpt"


def train_group(
    recipes: Sequence[Recipe],
    *,
    directory: Path,
    watch: Watch,
    hooks: Sequence[Hooks],
    stop: Callable[[], bool],
    judge: Judge = keep_all,
    test: bool = False,
    checkpoint_seconds: float | None = None,
) -> list[Outcome]:
    """Train `recipes`, which share a fusion key, as one; return what each would come to alone.

    Each has hooks of its own, of which `saved` is called and `audit` read; `stop` is asked for all,
    and `judge` after each epoch which of those that have just ended it, by their places, to prune.
    Goes on from the checkpoint in `directory` if there is one.

    Raises:
        Interrupted: `stop` said so; the checkpoint holds everything up to the last step.
        UserError: the checkpoint in `directory` belongs to other recipes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    members = [member_of(r, h, watch) for r, h in zip(recipes, hooks, strict=True)]
    path = directory / CHECKPOINT
    group = Group(members, watch, path, Pace(checkpoint_seconds), stop, judge)
    state = checkpoints.load(path)
    if state is not None:
        if state["identity"] != identity_of(group):
            do = "delete the file to train them anew"
            got = state["identity"]
            raise UserError(str(path), got=got, allowed="a checkpoint of these recipes", do=do)
        go_on(group, state)
    group.run()
    return group.outcomes(test=test)


def divide(directory: Path, places: Sequence[int], into: Path) -> None:
    """Give the members at `places` of a group their share of its checkpoint, if there is one.

    So a group that does not fit into memory goes on as smaller ones from where it was.
    """
    state = checkpoints.load(directory / CHECKPOINT)
    if state is not None:
        into.mkdir(parents=True, exist_ok=True)
        checkpoints.save(divided(state, places), into / CHECKPOINT)
