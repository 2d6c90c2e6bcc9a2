"""Recipe: everything that decides one training's outcome, and what it is made of."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from harness.facts import Facts as Facts
from harness.facts import Inputs as Inputs
from harness.facts import Purpose as Purpose
from harness.facts import Targets as Targets
from harness.parts import Data as Data
from harness.parts import Model as Model
from harness.parts import Strategy as Strategy
from harness.parts import Task as Task
from harness.settings import (
    Settings,
    UserError,
    from_json,
    require_choice,
    require_range,
    require_whole,
    without_defaults,
)
from harness.start import Start

OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("constant", "cosine", "step")
PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True, kw_only=True)
class Recipe(Settings):
    """Everything that decides the outcome of one training.

    `batch_size` counts examples for one optimizer step (None: the whole training set); `accumulate`
    splits it into so many micro-batches of the same gradient. `warmup` is a share of all steps.
    `weight_decay` is decoupled for AdamW and an L2 term of the gradient for Adam and SGD; `l1`
    and `l2` are added to the loss as l1·Σ|w| + l2/2·Σw². `patience` counts epochs without a better
    value of the study's objective before the training stops, in the strategy's last phase alone.
    """

    model: Model
    data: Data
    task: Task
    strategy: Strategy
    lr: float
    epochs: int = 20
    batch_size: int | None = 64
    start: Start | None = None
    seed: int = 0
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    momentum: float = 0.0
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    step_every: float = 1 / 3
    step_factor: float = 0.1
    warmup: float = 0.0
    clip: float | None = None
    patience: int | None = None
    accumulate: int = 1
    precision: Literal["32-true", "64-true", "bf16-mixed", "16-mixed"] = "32-true"

    def __post_init__(self) -> None:
        self._check_parts()
        for what in ("epochs", "accumulate"):
            require_whole(what, getattr(self, what))
        require_whole("seed", self.seed, low=0)
        require_choice("nesterov", self.nesterov, (True, False))
        for what in ("batch_size", "patience"):
            if getattr(self, what) is not None:
                require_whole(what, getattr(self, what))
        require_choice("optimizer", self.optimizer, OPTIMIZERS)
        require_choice("schedule", self.schedule, SCHEDULES)
        require_choice("precision", self.precision, PRECISIONS)
        self._check_numbers()
        self.task.admit(self)

    def _check_parts(self) -> None:
        parts = {"model": Model, "data": Data, "task": Task, "strategy": Strategy}
        for what, kind in parts.items():
            part = getattr(self, what)
            if not isinstance(part, kind):
                do = f"pass {what}=SomeClass(…), an instance"
                raise UserError(what, got=part, allowed=f"a {kind.__name__}", do=do)
        start: object = self.start
        if not isinstance(start, Start | None):
            do = 'pass start=FromRun(run="…"), or leave it out'
            raise UserError("start", got=start, allowed="a Start or None", do=do)
        if self.model.purpose != self.task.purpose:
            got = f"{type(self.task).__name__}, whose networks {self.task.purpose}"
            allowed = f"one whose networks {self.model.purpose}, as {type(self.model).__name__}'s"
            raise UserError("task", got=got, allowed=allowed, do="change the model or the task")
        self.model.require(self.data.facts(), type(self.data).__name__)

    def _check_numbers(self) -> None:
        require_range("lr", self.lr, low=0, exclusive=True)
        for what in ("weight_decay", "l1", "l2"):
            require_range(what, getattr(self, what), low=0)
        for what in ("momentum", "beta1", "beta2", "warmup"):
            require_range(what, getattr(self, what), low=0, high=0.999999)
        require_range("step_every", self.step_every, low=0, high=1.000001, exclusive=True)
        require_range("step_factor", self.step_factor, low=0, high=1.000001, exclusive=True)
        if self.clip is not None:
            require_range("clip", self.clip, low=0, exclusive=True)
        if self.optimizer != "sgd" and (self.momentum or self.nesterov):
            do = 'use optimizer="sgd" or beta1'
            raise UserError("momentum", got=self.momentum, allowed="0 with Adam", do=do)
        if self.nesterov and not self.momentum:
            raise UserError("nesterov", got=True, allowed="with momentum", do="set momentum=0.9")
        if self.accumulate > 1 and not self.task.separable:
            allowed = f"1, as {type(self.task).__name__} compares the examples of a whole batch"
            raise UserError("accumulate", got=self.accumulate, allowed=allowed, do="leave it out")

    @cached_property
    def hash(self) -> str:
        """Sixteen hexadecimal digits of the sha256 over all settings but the seed.

        Fields at their default are left out, so that a field added later changes no hash.
        """
        kept = without_defaults(self.to_json(), self)
        kept["settings"].pop("seed", None)
        text = json.dumps(_canonical(kept), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(value: Any) -> Any:
    """Write 1.0 as 1: equal recipes have equal hashes."""
    if isinstance(value, dict):
        return {name: _canonical(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_canonical(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def recipe_from_json(encoded: object) -> Recipe:
    """Return the recipe that `recipe.to_json()` wrote; raise UserError if it is none."""
    recipe = from_json(encoded)
    if not isinstance(recipe, Recipe):
        allowed = "harness.recipe:Recipe"
        raise UserError(
            "recipe JSON", got=type(recipe).__name__, allowed=allowed, do="check the file"
        )
    return recipe
