"""Subject: the network that is explained, the validation part, and what it says of that."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.facts import PADDING, Facts
from harness.parts import Data
from harness.recipe import Recipe
from harness.settings import UserError

BATCH = 256
SHOWN = 6
"""Examples of each sort that get a picture."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A run whose network answers with a class or with values.

    The validation part is what is explained: the test set answers the study's question alone.
    """

    recipe: Recipe
    network: nn.Module
    """In eval mode, on the CPU; its weights ask for no gradient from now on."""

    def __post_init__(self) -> None:
        self.network.requires_grad_(False)
        recipe, facts = self.recipe, self.facts
        answers = facts.targets in ("classes", "values") and recipe.task.purpose == "predict"
        if not answers or facts.holds == "entities":
            got = f"{type(recipe.model).__name__} on {type(recipe.data).__name__}"
            allowed = "a run that tells classes or values of images, tables, series or texts"
            raise UserError("RUN", got=got, allowed=allowed, do="choose another run")

    @property
    def data(self) -> Data:
        """The dataset."""
        return self.recipe.data

    @cached_property
    def facts(self) -> Facts:
        """Shapes and sizes of the dataset."""
        return self.data.facts()

    @cached_property
    def _examples(self) -> tuple[Tensor, Tensor]:
        module = self.data.build(seed=self.recipe.seed, batch_size=self.recipe.batch_size)
        columns = zip(*module.val_dataloader(), strict=True)
        inputs, targets = (torch.cat(column) for column in columns)
        like = next(self.network.parameters())
        return (inputs.to(like.dtype) if inputs.is_floating_point() else inputs), targets

    @property
    def inputs(self) -> Tensor:
        """All validation examples (n, *facts.inputs), standardised."""
        return self._examples[0]

    @property
    def targets(self) -> Tensor:
        """Their classes (n,), or values (n, outputs), standardised."""
        return self._examples[1]

    @cached_property
    def outputs(self) -> Tensor:
        """What the network says of them: logits or values (n, outputs)."""
        with torch.no_grad():
            return torch.cat([self.network(part) for part in torch.split(self.inputs, BATCH)])

    @property
    def classifies(self) -> bool:
        """Whether it tells classes."""
        return self.facts.targets == "classes"

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """What the classes, or the values, are called."""
        names = self.data.classes or self.facts.labels
        if self.classifies:
            return names or tuple(str(number) for number in range(self.facts.outputs))
        return tuple(f"value {number}" for number in range(self.facts.outputs))

    @cached_property
    def errors(self) -> Tensor:
        """How wrong it is of each (n,): −log p of the true class, or the largest difference."""
        if self.classifies:
            return cross_entropy(self.outputs, self.targets, reduction="none")
        return (self.in_units(self.outputs) - self.in_units(self.targets)).abs().amax(dim=1)

    @property
    def wrong(self) -> Tensor:
        """Which classes are wrong (n,)."""
        return self.outputs.argmax(dim=1) != self.targets

    def in_units(self, values: Tensor) -> Tensor:
        """Return values in the units of the dataset."""
        return self.data.in_units(values, seed=self.recipe.seed)

    @cached_property
    def _unit(self) -> Tensor:
        zeros = torch.zeros(1, self.facts.outputs, dtype=self.outputs.dtype)
        return (self.in_units(zeros + 1) - self.in_units(zeros)).to(self.outputs.dtype)

    def scores(self, outputs: Tensor, asked: Tensor) -> Tensor:
        """Return what is explained of outputs (n, outputs): a number for each (n,).

        Of classes the logit of class `asked` (n,) less the mean of all: a constant added to every
        logit changes no probability. Of values the one that is asked, in its units.
        """
        kept = outputs - outputs.mean(dim=1, keepdim=True) if self.classifies else outputs
        scaled = kept if self.classifies else kept * self._unit
        return scaled.gather(1, asked[:, None])[:, 0]

    def asked(self, chosen: Tensor) -> Tensor:
        """Return which output of the examples `chosen` (n,) is explained: the class said, or 0."""
        said = self.outputs[chosen].argmax(dim=1)
        return said if self.classifies else torch.zeros_like(said)

    def present(self, inputs: Tensor) -> Tensor:
        """Return where texts (n, time) have a token, or series (n, time, channels) a step."""
        if not self.facts.ragged:
            return torch.ones(inputs.shape[:2], dtype=torch.bool)
        return inputs != PADDING if self.facts.holds == "tokens" else inputs[..., -1] == 1

    def worst(self) -> Tensor:
        """Return the numbers of the examples that it is most wrong about, the worst first."""
        order = self.errors.argsort(descending=True, stable=True)
        return (order[self.wrong[order]] if self.classifies else order)[:SHOWN]

    def surest(self) -> Tensor:
        """Return those it is most right about; of classes, of every class the surest."""
        order = self.errors.argsort(stable=True)
        if not self.classifies:
            return order[:SHOWN]
        right = [each for each in order.tolist() if not self.wrong[each]]
        first = {int(self.targets[each]): each for each in reversed(right)}
        return torch.tensor([first[name] for name in sorted(first)][:SHOWN], dtype=torch.long)

    def said(self, number: int) -> str:
        """Return in words what is true of an example, and what the network says."""
        if self.classifies:
            chances = self.outputs[number].softmax(dim=0)
            best = int(chances.argmax())
            true = self.classes[int(self.targets[number])]
            return f"true {true}, said {self.classes[best]} (p = {float(chances[best]):.2f})"
        true_value = float(self.in_units(self.targets[number : number + 1])[0, 0])
        value = float(self.in_units(self.outputs[number : number + 1])[0, 0])
        return f"true {true_value:.4g}, said {value:.4g}"
