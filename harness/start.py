"""Start: the weights that a training begins with, instead of random ones."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.settings import Settings, require_choice

if TYPE_CHECKING:
    from torch import Tensor

    from harness.recipe import Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class Base:
    """Weights to begin with, and where they came from."""

    weights: "Mapping[str, Tensor]"
    sha256: str
    """Of the files that hold them, hexadecimal."""
    run: str = ""
    """Id of the run that trained them; empty if they came from outside."""
    recipe: "Recipe | None" = None
    """The recipe of that run."""
    drawn: tuple[str, ...] = ()
    """The tensors of a network that began with them and took nothing over, by name."""


@dataclass(frozen=True, kw_only=True)
class Start(Settings, ABC):
    """Settings of a starting point. Nothing that could run code is ever read.

    The head is drawn anew, with the recipe's seed, where its shape does not fit; with `new_head`
    always.
    """

    new_head: bool = False

    def __post_init__(self) -> None:
        require_choice("new_head", self.new_head, (True, False))

    @abstractmethod
    def base(self) -> Base:
        """Return the weights; raise UserError, saying how to get them, if they are not here."""
