"""Stack: networks of one shape as one: what they are made of, and how one of them is called."""

import copy
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from harness.fused.masks import Call, rates, replace_dropout
from harness.recipe import Task

Batch = Sequence[Tensor]
Tensors = dict[str, Tensor]
FLAT = ""
"""The name of everything that trains, as one tensor (models, numbers)."""


class Predicting(nn.Module):
    """A task's `predict` as a module, so that functional_call can put a row's tensors in place."""

    def __init__(self, network: nn.Module, task: Task) -> None:
        super().__init__()
        self.network, self.task = network, task

    def forward(self, *batch: Tensor) -> Tensor:
        """Map a batch to the task's output."""
        return self.task.predict(self.network, batch)


class Stack:
    """Models of one shape: each parameter and buffer gets a leading dimension of models.

    `networks` are in the modes that they train in; `trained` names the parameters that train, in
    the order of their places in the flat tensor; `tasks` has one for each model.
    """

    def __init__(
        self, networks: Sequence[nn.Module], trained: Sequence[str], tasks: Sequence[Task]
    ) -> None:
        self.tasks = list(tasks)
        tensors = [_tensors(network) for network in networks]
        self.shapes = {name: tensors[0][name].shape for name in trained}
        self.aliases = _aliases(networks[0])
        self.keys = list(networks[0].state_dict())
        rows = [torch.cat([row[name].reshape(-1) for name in trained]) for row in tensors]
        self.flat = torch.stack(rows)
        others = [name for name in tensors[0] if name not in self.shapes]
        # Contiguous, as vmap and safetensors refuse frozen weights that lie channels last.
        self.rest = {n: torch.stack([row[n].contiguous() for row in tensors]) for n in others}
        self._view()
        dropping = [rates(network) for network in networks]
        skeleton = copy.deepcopy(networks[0]).to("meta")
        self.desk = replace_dropout(
            skeleton, {path: any(row[path] for row in dropping) for path in dropping[0]}
        )
        self.modes = {module: module.training for module in skeleton.modules()}
        self.module = Predicting(skeleton, self.tasks[0])

    def __len__(self) -> int:
        return len(self.flat)

    def tensors(self) -> Tensors:
        """Return everything that makes the models, each with a leading dimension of models."""
        return {FLAT: self.flat, **self.rest}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over tensors of the same shapes, with any number of models."""
        self.flat = tensors[FLAT].clone()
        self.rest = {name: tensors[name].clone() for name in self.rest}
        self._view()

    def take(self, rows: Sequence[int]) -> None:
        """Keep these models, in this order."""
        self.load({name: tensor[list(rows)] for name, tensor in self.tensors().items()})
        self.tasks = [self.tasks[row] for row in rows]

    def weights(self, row: int, tensors: Mapping[str, Tensor]) -> Tensors:
        """Return a model's state dictionary out of tensors like those of `tensors()`."""
        named = {name: piece[0] for name, piece in self.pieces(tensors[FLAT][row : row + 1])}
        named |= {name: tensors[name][row] for name in self.rest}
        return {key: named[self.aliases[key]].detach().cpu().clone() for key in self.keys}

    def calls(self, batch: Batch, *, shared: bool) -> list[Call]:
        """Return the dropout calls of a model's training step on such a batch, tried on a copy."""
        self.train()
        self.desk.record()
        one = batch if shared else [part[0] for part in batch]
        tensors = {**self.rest, **self.trained}
        with torch.no_grad():
            row = {name: laid_out(tensor[0].clone()) for name, tensor in tensors.items()}
            self._call(row, tuple(one))
        return self.desk.calls

    def train(self) -> None:
        """Put every module into the mode that it trains in."""
        for module, training in self.modes.items():
            module.training = training

    def pieces(self, flat: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield each trained parameter's name and its numbers, (models, *shape)."""
        start = 0
        for name, shape in self.shapes.items():
            piece = flat[:, start : start + shape.numel()]
            start += shape.numel()
            yield name, piece.view(len(flat), *shape)

    def output(
        self, trained: Tensors, rest: Tensors, masks: Sequence[Tensor], batch: Batch
    ) -> Tensor:
        """Return one model's output, with its numbers and masks."""
        self.desk.give(masks)
        return self._call({**trained, **rest}, tuple(batch))

    def _view(self) -> None:
        """Make leaves that share their numbers with the flat tensor."""
        pieces = self.pieces(self.flat)
        self.trained = {name: piece.detach().requires_grad_() for name, piece in pieces}

    def _call(self, tensors: Tensors, batch: tuple[Tensor, ...]) -> Tensor:
        named = {f"network.{alias}": tensors[name] for alias, name in self.aliases.items()}
        output: Tensor = functional_call(self.module, named, batch)
        return output


def laid_out(weight: Tensor) -> Tensor:
    """Return a weight in the layout that `network_of` gives it."""
    images = weight.dim() == 4
    return weight.to(memory_format=torch.channels_last) if images else weight


def _tensors(network: nn.Module) -> Tensors:
    """Return parameters and buffers by name, a tied one once."""
    return {
        name: tensor.detach()
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]
    }


def _aliases(network: nn.Module) -> dict[str, str]:
    """Return for every name of a parameter or buffer the one under which its tensor is stacked.

    All of them are put in place in a forward pass: on the meta device a tied tensor is two.
    """
    first = {id(t): name for name, t in [*network.named_parameters(), *network.named_buffers()]}
    parameters = network.named_parameters(remove_duplicate=False)
    buffers = network.named_buffers(remove_duplicate=False)
    return {alias: first[id(tensor)] for alias, tensor in [*parameters, *buffers]}
