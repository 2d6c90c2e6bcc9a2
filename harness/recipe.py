"""Recipe: everything that decides one training's outcome, and what it is made of."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.facts import Facts as Facts
from harness.facts import Inputs as Inputs
from harness.facts import Purpose as Purpose
from harness.facts import Targets as Targets
from harness.phases import Plan
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

if TYPE_CHECKING:
    import pytorch_lightning as lightning
    from torch import Tensor, nn
    from torchmetrics import Metric

    from harness.learner import Learner

OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("constant", "cosine", "step")
PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")


class Model(Settings, ABC):
    """Settings of an architecture. Subclasses are frozen, keyword-only dataclasses."""

    reads: ClassVar[Inputs] = "numbers"
    """What its inputs must hold; a recipe with other data is refused."""
    purpose: ClassVar[Purpose] = "predict"
    """What it is for; a recipe with a task of another purpose is refused."""
    answers: ClassVar[frozenset[Targets]] = frozenset(("classes", "values"))
    """Which targets its output can be compared with; a recipe with other data is refused."""

    @abstractmethod
    def build(self, facts: Facts) -> "nn.Module":
        """Return a fresh, initialised module that maps (batch, *facts.inputs) to its output:
        (batch, outputs), or (batch, *facts.target_shape, outputs) if the targets are tokens; one of
        another purpose says itself what it maps an example to.

        Random numbers come from torch's global generator alone, so that a seed decides the weights;
        it must also work under `with torch.device("meta")`.
        """

    def require(self, facts: Facts, data: str) -> None:
        """Raise UserError unless the model reads what `data` holds and answers what it asks."""
        name, do = type(self).__name__, "change the model or the data"
        if self.reads != facts.holds:
            allowed = f"one that reads {facts.holds}, as {data} holds"
            raise UserError(
                "model", got=f"{name}, which reads {self.reads}", allowed=allowed, do=do
            )
        if facts.targets not in self.answers:
            got = f"{name}, which answers {' or '.join(sorted(self.answers))}"
            allowed = f"one that answers {facts.targets}, the targets of {data}"
            raise UserError("model", got=got, allowed=allowed, do=do)


class Data(Settings, ABC):
    """Settings of a dataset and of what is done to it."""

    classes: ClassVar[tuple[str, ...]] = ()
    """Names of the classes in their order; none: their numbers."""
    alphabet: ClassVar[str] = ""
    """The character of each token, in order; none: its tokens are no characters."""

    @abstractmethod
    def facts(self) -> Facts:
        """Return shapes and sizes without reading any file."""

    @abstractmethod
    def check(self) -> None:
        """Raise UserError, saying how to get it, if a file is missing or its sha256 is wrong."""

    @abstractmethod
    def digest(self) -> str:
        """Return the sha256 (hexadecimal) of the content, whatever the split."""

    @abstractmethod
    def build(
        self, *, seed: int, batch_size: int | None, accumulate: int = 1
    ) -> "lightning.LightningDataModule":
        """Return a data module whose split and order are functions of the settings and `seed`.

        Each batch of `batch_size` (None: all examples) arrives as at most `accumulate` parts. The
        training loader is, or behaves as, `harness.data.batches.Batches`: it knows its position
        (`state_dict`, `load_state_dict`), its `parts`, `effective_batches` and `effective_size`.
        """

    def standardise(self, inputs: "Tensor", *, seed: int) -> "Tensor":
        """Return raw inputs (n, *facts.inputs) as a network trained with `seed` takes them."""
        del seed
        return inputs

    def in_units(self, outputs: "Tensor", *, seed: int) -> "Tensor":
        """Return predicted values (n, outputs) in the units that the targets were read in."""
        del seed
        return outputs

    def tokens(self, texts: "Sequence[str]") -> "Tensor":
        """Return texts as raw inputs; raise UserError if this dataset is not of texts."""
        got, do = f"{len(texts)} texts", "give the inputs as numbers in a .npy file"
        raise UserError(f"FILE for {type(self).__name__}", got=got, allowed="numbers", do=do)


class Task(Settings, ABC):
    """What is learned: a pure function of (module, batch) to a loss, and the metrics.

    `loss` and `predict` keep no state, so the same task serves an ordinary training and one in
    which many models are trained as one.
    """

    purpose: ClassVar[Purpose] = "predict"
    """What the networks that it teaches are for."""
    separable: ClassVar[bool] = True
    """Whether a batch's loss is the mean of its examples': else it cannot arrive in parts."""
    headline: str
    """Name of the metric that answers a question when the study names none, e.g. "accuracy"."""

    @abstractmethod
    def require(self, facts: Facts) -> None:
        """Raise UserError if this task cannot be learned from data with these facts."""

    @abstractmethod
    def predict(self, network: "nn.Module", batch: "Sequence[Tensor]") -> "Tensor":
        """Return what the loss and the metrics need of the network's output on a batch, one row an
        example: logits (batch, outputs), or, where those are many, each token's loss."""

    @abstractmethod
    def loss(self, output: "Tensor", batch: "Sequence[Tensor]", *, training: bool) -> "Tensor":
        """Return the mean loss over the batch (a scalar)."""

    @abstractmethod
    def metrics(self, facts: Facts) -> "dict[str, Metric]":
        """Return fresh torchmetrics by name; each is updated with (output, target)."""

    def admit(self, recipe: "Recipe") -> None:
        """Raise UserError if a recipe asks for something that this task cannot be trained with."""
        del recipe

    def learner(self, usual: "type[Learner]") -> "type[Learner]":
        """Return the LightningModule that trains: the usual one, or one of the task's own."""
        return usual

    def pictures(self, network: "nn.Module") -> "Mapping[str, bytes]":
        """Return PNG files by name that show what a network in eval mode has learned by now."""
        del network
        return {}

    def remark(self, scores: "Mapping[str, float]") -> str:
        """Return what a reader must know of a network with these scores, such as a collapse."""
        del scores
        return ""


class Strategy(Settings, ABC):
    """What trains when, and with which factor on the learning rate: data, which never trains."""

    @abstractmethod
    def plan(self, blocks: int) -> Plan:
        """Return the phases for a network of so many blocks (see `harness.outline`).

        Raises UserError if it cannot work with so many.
        """


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
