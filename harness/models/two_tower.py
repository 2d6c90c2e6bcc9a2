"""TwoTower: images and texts as points of one space, near each other where they belong together."""

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from harness.facts import PADDING
from harness.models.cnn import CNN
from harness.models.encoder import Encoder
from harness.recipe import Facts, Model, Purpose, Targets
from harness.settings import UserError, require_range, require_whole

SHARPEST = 100.0
"""The scale is cut there (Radford 2021, §2.5)."""


class TwoTowerNetwork(nn.Module):
    """A tower for images, one for texts, the texts there are, and how sharply they are compared."""

    texts: Tensor

    def __init__(
        self, image: nn.Module, text: nn.Module, texts: Tensor, temperature: float
    ) -> None:
        super().__init__()
        self.image, self.text = image, text
        self.register_buffer("texts", texts, persistent=False)
        self.sharpness = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the similarity with each text (batch, texts)."""
        seen, read = normalize(self.image(images)), normalize(self.text(self.texts))
        return self.sharpness.exp().clamp(max=SHARPEST) * seen @ read.T


@dataclass(frozen=True, kw_only=True)
class TwoTower(Model):
    """Settings of CLIP's two towers (Radford 2021, arXiv:2103.00020), images against class labels.

    Maps (batch, channels, height, width) to (batch, classes): the cosine of an image's point and
    that of each class's words, both with `embedding` coordinates, divided by a temperature that
    is learned and begins at `temperature`. The words are those of the data's labels. The parameters
    are those of the towers, an `image` model and a `text` model with so many outputs, and one.

    Raises UserError if a setting is out of its range, and at build if the data have no labels.
    """

    answers: ClassVar[frozenset[Targets]] = frozenset(("classes",))
    purpose: ClassVar[Purpose] = "match"

    image: Model = field(default=CNN(stages=3, width=16, norm="batch", init="he"))
    text: Model = field(default=Encoder(depth=1, width=32))
    embedding: int = 32
    temperature: float = 0.07

    def __post_init__(self) -> None:
        require_whole("embedding", self.embedding)
        require_range("temperature", self.temperature, low=1 / SHARPEST, high=1)

    def build(self, facts: Facts) -> TwoTowerNetwork:
        """Return the network; its parts are called image, text and sharpness.

        Raises UserError if the classes have no labels.
        """
        if not facts.labels:
            allowed, do = "a label for each class", "use data with labels, such as ItemPairs"
            raise UserError("labels", got=facts.labels, allowed=allowed, do=do)
        texts, words = _tokens(facts.labels)
        reading = replace(
            facts,
            inputs=(texts.shape[1],),
            outputs=self.embedding,
            targets="values",
            vocabulary=words,
            ragged=True,
            labels=(),
        )
        seeing = replace(facts, outputs=self.embedding, targets="values", labels=())
        return TwoTowerNetwork(
            self.image.build(seeing), self.text.build(reading), texts, self.temperature
        )


def _tokens(labels: tuple[str, ...]) -> tuple[Tensor, int]:
    """Return the words of each label as tokens (labels, longest), and the size of the vocabulary.

    Always real numbers, as the texts are part of the facts, not of what is trained.
    """
    texts = [label.split() for label in labels]
    words = sorted({word for text in texts for word in text})
    number = {word: PADDING + 1 + place for place, word in enumerate(words)}
    longest = max(map(len, texts))
    rows = [[*(number[w] for w in text), *[PADDING] * (longest - len(text))] for text in texts]
    return torch.tensor(rows), PADDING + 1 + len(words)
