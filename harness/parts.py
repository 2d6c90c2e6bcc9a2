"""Parts: what a recipe is made of: a model, data, a task and a strategy, each one's settings."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from harness.facts import Facts, Inputs, Purpose, Targets
from harness.phases import Plan
from harness.settings import Settings, UserError

if TYPE_CHECKING:
    import pytorch_lightning as lightning
    from torch import Tensor, nn
    from torchmetrics import Metric

    from harness.learner import Learner
    from harness.recipe import Recipe


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
    white: ClassVar[int] = 255
    """The value of a white pixel, where the inputs are images; black is 0."""

    caveat: ClassVar[str] = ""
    """What a reader must know of results on it."""

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

    def columns(self) -> tuple[str, ...]:
        """Return names of the numbers of an example (n,) in their order; none: their places.

        Those of a category's values, of which one is 1 and the others 0, are "category = value".
        """
        return ()

    def words(self, tokens: "Tensor") -> list[str]:
        """Return what each of the tokens (n,) stands for, in the words of a reader."""
        return [self.alphabet[token] if self.alphabet else str(token) for token in tokens.tolist()]


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
