"""Phases: what trains when, as plain data that a strategy returns and a training carries out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.settings import UserError, require_choice, require_range, require_whole

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.recipe import Recipe

Pull = Callable[[], "Tensor"]
"""Returns the present value of a term of the loss, a scalar."""
STATISTICS = ("trained", "all", "none")


@dataclass(frozen=True, kw_only=True)
class Part:
    """Parameters that train together, by a selector (see `harness.selectors`).

    `factor` multiplies the learning rate. Selecting nothing is refused, unless `optional`.
    """

    select: str
    factor: float = 1.0
    optional: bool = False

    def __post_init__(self) -> None:
        require_range(f"factor of {self.select}", self.factor, low=0, exclusive=True)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of a training: which parts train. A tensor belongs to the first part it is in.

    It lasts `epochs`, or that `share` of all epochs (one at least); the last phase of a plan has
    neither and takes what is left. A subtree of the network in which nothing trains is in eval
    mode: no dropout, and batch norm uses its statistics and leaves them. `statistics` says which
    batch norms gather new ones: those in the `trained` subtrees, `all`, or `none`.
    """

    parts: tuple[Part, ...]
    epochs: int | None = None
    share: float | None = None
    statistics: Literal["trained", "all", "none"] = "trained"

    def __post_init__(self) -> None:
        require_choice("statistics", self.statistics, STATISTICS)
        if self.epochs is not None:
            require_whole("epochs of a phase", self.epochs)
        if self.share is not None:
            require_range("share of a phase", self.share, low=0, high=1, exclusive=True)

    def length(self, total: int) -> int:
        """Return its number of epochs in a training of `total`."""
        if self.epochs is not None:
            return self.epochs
        assert self.share is not None
        return max(1, round(self.share * total))


class Adapter(ABC):
    """New tensors beside a network's own, which the selector `adapter` then finds."""

    merges: ClassVar[bool] = True
    """Whether `merge` takes the adapters out. If not, they rename none of the network's tensors."""

    @abstractmethod
    def apply(self, network: "nn.Module") -> "nn.Module":
        """Return the network with its adapters, changed in place; raise UserError if it cannot."""

    @abstractmethod
    def owns(self, name: str) -> bool:
        """Say whether the parameter of this name in an adapted network is the adapter's own."""

    @abstractmethod
    def merge(self, network: "nn.Module") -> "nn.Module":
        """Return the adapted network as a plain one that computes the same, changed in place.

        If the adapter is none that `merges`, it stays in.
        """

    @abstractmethod
    def count(self, network: "nn.Module") -> int:
        """Return by formula how many numbers `apply` adds to a network without adapters."""


class Held(ABC):
    """Something that holds a training near its starting point: a term added to the loss."""

    def require(self, source: "Recipe | None") -> None:
        """Raise UserError if the term needs another source task, or any; this one needs none."""
        del source

    @abstractmethod
    def begin(
        self,
        network: "nn.Module",
        body: "Mapping[str, nn.Parameter]",
        source: "Recipe | None",
    ) -> "Pull":
        """Return the term, given the network at its start and all but its head that trains.

        `source` is the recipe of the run that the weights come from, as `require` wants it.
        """


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a strategy does: its phases in order, the adapter that they may train, a term.

    Of `shares` the best on the validation set is taken when the training is over: weights that are
    this share trained and for the rest those of the start.
    """

    phases: tuple[Phase, ...]
    adapter: Adapter | None = None
    held: Held | None = None
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        bounds = [(phase.epochs is not None) + (phase.share is not None) for phase in self.phases]
        assert bounds == [1] * (len(bounds) - 1) + [0], "each has a length, the last what is left"

    def borders(self, epochs: int) -> tuple[int, ...]:
        """Return the first epoch of every phase; raise UserError if there are too few epochs."""
        first = [0]
        for phase in self.phases[:-1]:
            first.append(first[-1] + phase.length(epochs))
        if first[-1] >= epochs:
            allowed = f"{first[-1] + 1} or more for {len(self.phases)} phases"
            do = "train longer, or with a strategy of fewer phases"
            raise UserError("epochs", got=epochs, allowed=allowed, do=do)
        return tuple(first)
