"""Identity: which training a checkpoint belongs to, and whether it is over."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from harness import checkpoints
from harness.outcome import Outcome
from harness.recipe import Recipe
from harness.settings import UserError

CHECKPOINT = "last.ckpt"


def save_ended(recipe: Recipe, outcome: Outcome, directory: Path) -> None:
    """Write the checkpoint of a training that came to its end elsewhere, as part of a stack.

    `train` takes its outcome from it; to train longer it begins anew, as no optimizer is in it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    keeper = {
        "history": outcome.history,
        "best_epoch": outcome.best_epoch,
        "status": outcome.status,
        "reason": outcome.reason,
        "pruned_at": outcome.pruned_at,
        "best_weights": dict(outcome.weights),
        "spent": {
            "wall": outcome.costs["cost/wall_seconds"],
            "cpu": outcome.costs["cost/cpu_seconds"],
        },
        "position": {"epoch": 0, "used": 0},
        "random": checkpoints.random_state(),
        "identity": identity_of(
            recipe, epochs=recipe.epochs, accumulate=outcome.micro_batches, base=outcome.base
        ),
    }
    checkpoints.save({"callbacks": {"Keeper": keeper}}, directory / CHECKPOINT)


def identity_of(recipe: Recipe, *, epochs: int, accumulate: int, base: str) -> dict[str, Any]:
    """Return what tells one training from another; `base` is the sha256 of where it starts."""
    return {
        "recipe": replace(recipe, epochs=1).hash,
        "seed": recipe.seed,
        "epochs": epochs,
        "base": base,
        "accumulate": accumulate,
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
    }


def kept_of(state: checkpoints.State | None, epochs: int) -> dict[str, Any] | None:
    """Return what Keeper put into a checkpoint, if a training of `epochs` can go on from it."""
    if state is None:
        return None
    kept = dict(state["callbacks"]["Keeper"])
    return kept if "state_dict" in state or is_done(kept, epochs) else None


def is_done(kept: Mapping[str, Any], epochs: int) -> bool:
    """Say whether nothing of a training of `epochs` is left to be done."""
    extended = epochs > kept["identity"]["epochs"]
    return kept["status"] != "running" and not (extended and kept["status"] == "finished")


def require_same(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise UserError if a checkpoint belongs to another training."""
    undo = "undo the change of the study, or make it a new study that starts from this run"
    for what, do in {
        "recipe": undo,
        "seed": undo,
        "base": "restore the weights it began with",
    }.items():
        if stored[what] != wanted[what]:
            raise UserError(f"checkpoint's {what}", got=stored[what], allowed=wanted[what], do=do)
