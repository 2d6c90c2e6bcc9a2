"""Movie reviews in 4,000 pieces of words: no word is unknown, a rare one is several pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.byte_pairs import learn, pieces
from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.movie_reviews import MovieReviews, sentences
from harness.data.texts import Texts, filled_up

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PIECES, LENGTH = 4_000, 64
"""Size of the vocabulary; tokens of a sentence (99 % have 64 or fewer, the longest 83)."""


@dataclass(frozen=True, kw_only=True)
class MovieReviewBytePairs(Texts):
    """Pieces (64,), filled up with padding; sentences and test set are those of MovieReviews.

    The pieces are learned from all sentences but the test set's, the same for every seed.
    """

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(LENGTH,), outputs=2, development=8_058, test=2_014, vocabulary=PIECES, ragged=True
    )
    classes: ClassVar[tuple[str, ...]] = MovieReviews.classes

    def load(self) -> Content:
        """Return the sentences as tokens; raise UserError if the library is missing."""
        return _content()

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Return sentences as tokens (n, 64)."""
        return _encoded(texts)

    def words(self, tokens: Tensor) -> list[str]:
        """Return the pieces of tokens (n,)."""
        return [_tokenizer().decode([token]) for token in tokens.tolist()]


@lru_cache(maxsize=1)
def _content() -> Content:
    texts, positive = sentences()
    return draw_test(Split(_encoded(texts), positive))


def _encoded(texts: Sequence[str]) -> Tensor:
    return filled_up([each[:LENGTH] for each in pieces(_tokenizer(), texts)], LENGTH)


@lru_cache(maxsize=1)
def _tokenizer() -> "Tokenizer":
    texts, positive = sentences()
    kept = draw_test(Split(torch.arange(len(texts)), positive)).development.inputs.tolist()
    return learn([texts[place] for place in kept], PIECES)
