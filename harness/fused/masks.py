"""Masks: dropout for a stack, drawn for each model as torch would draw for it alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Call:
    """One use of a dropout module in a forward pass: whose, and how what it masks lies in memory.

    Torch draws a mask in the order of the memory, which channels last is not that of the shape.
    """

    module: str
    shape: torch.Size
    stride: tuple[int, ...]


@dataclass
class Desk:
    """Where the dropout modules of a skeleton ask for their masks, in the order of their calls."""

    calls: list[Call] = field(default_factory=list)
    """The calls of a forward pass that was recorded."""
    _masks: Iterator[Tensor] | None = None

    def record(self) -> None:
        """Note the calls of the next forward pass instead of masking."""
        self.calls, self._masks = [], None

    def give(self, masks: Sequence[Tensor]) -> None:
        """Mask the next forward pass with these, one a call."""
        self._masks = iter(masks)

    def apply(self, module: str, inputs: Tensor) -> Tensor:
        """Return the masked inputs."""
        if self._masks is None:
            mask = torch.empty_like(inputs)
            self.calls.append(Call(module=module, shape=mask.shape, stride=mask.stride()))
            return inputs
        return inputs * next(self._masks)


class Masked(nn.Module):
    """Stands in a skeleton for a Dropout."""

    def __init__(self, path: str, desk: Desk, *, training: bool) -> None:
        super().__init__()
        self.path, self.desk, self.training = path, desk, training

    @property
    def p(self) -> float:
        """Refuse what only a Dropout of a single model has."""
        raise TypeError("its forward reads the rate of a Dropout, which each model has its own of")

    def forward(self, inputs: Tensor) -> Tensor:
        """Map any shape to itself."""
        return self.desk.apply(self.path, inputs) if self.training else inputs


def rates(network: nn.Module) -> dict[str, float]:
    """Return the rate of every nn.Dropout by its path."""
    return {path: m.p for path, m in network.named_modules() if type(m) is nn.Dropout}


def replace_dropout(skeleton: nn.Module, dropping: Mapping[str, bool]) -> Desk:
    """Replace every Dropout, by Masked where any model drops and by Identity elsewhere."""
    desk = Desk()
    for path, drops in dropping.items():
        training = skeleton.get_submodule(path).training
        new = Masked(path, desk, training=training) if drops else nn.Identity()
        skeleton.set_submodule(path, new)
    return desk


class Draws:
    """Each model's stream of masks: the same numbers in the same order as if it trained alone.

    `kept` has for each model the probability to keep by path, `states` the state of torch's
    global generator after the model was built.
    """

    def __init__(
        self, kept: Sequence[Mapping[str, float]], states: Sequence[Tensor], like: Tensor
    ) -> None:
        self.kept, self.like = list(kept), like
        self.generators = [torch.Generator(like.device) for _ in states]
        self.set_states(states)

    def states(self) -> list[Tensor]:
        """Return the state of every model's generator."""
        return [generator.get_state() for generator in self.generators]

    def set_states(self, states: Sequence[Tensor]) -> None:
        """Put the generators where `states` saw them."""
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)

    def take(self, rows: Sequence[int]) -> None:
        """Keep these models, in this order."""
        self.kept = [self.kept[row] for row in rows]
        self.generators = [self.generators[row] for row in rows]

    def masks(self, calls: Sequence[Call]) -> list[Tensor]:
        """Return a mask (models, *shape) for each call, as torch's dropout draws and scales it."""
        masks = [
            self.like.new_empty_strided(
                (len(self.kept), *call.shape), (call.shape.numel(), *call.stride)
            )
            for call in calls
        ]
        for row, generator in enumerate(self.generators):
            for mask, call in zip(masks, calls, strict=True):
                keep = self.kept[row][call.module]
                if keep < 1:  # a rate of 0 draws nothing
                    mask[row].bernoulli_(keep, generator=generator)
                else:
                    mask[row].fill_(1)
        for mask, call in zip(masks, calls, strict=True):
            scale = self.like.new_tensor([kept[call.module] for kept in self.kept])
            mask.div_(scale.view(-1, *[1] * len(call.shape)))
        return masks
