"""Movie reviews: 10,072 sentences that people rated, positive (1) or negative (0)?

Hutto & Gilbert 2014 (MIT, carried here; the sentences are Pang & Lee's): 10,605 with the mean of
some twenty ratings from −4 to 4; those below ½ either way are left out. TF-IDF with logistic
regression reaches an accuracy of about .80.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.sources import read_carried
from harness.data.texts import Texts
from harness.data.words import encode, split_words, vocabulary

FILE = "movie_review_snippets.tsv.gz"
SHA256 = "24c9e4324a864328cb99fecfbd2e583522419f11c212b1ae9bc450719239184b"
UNDECIDED = 0.5
"""Mean ratings nearer to 0 say neither."""
WORDS, LENGTH = 8_000, 48
"""Size of the vocabulary; tokens of a sentence (99 % have 45 or fewer, the longest 58)."""


@dataclass(frozen=True, kw_only=True)
class MovieReviews(Texts):
    """Word tokens (48,), filled up with padding; the test set is a fixed stratified 20 %.

    The vocabulary is that of all sentences but the test set's, the same for every seed.
    """

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(LENGTH,), outputs=2, development=8_058, test=2_014, vocabulary=WORDS, ragged=True
    )

    classes: ClassVar[tuple[str, ...]] = ("negative", "positive")

    def load(self) -> Content:
        """Return the sentences as tokens."""
        return _content()

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Return sentences as tokens (n, 48); a word that is not in the vocabulary is unknown."""
        return encode([split_words(text) for text in texts], _vocabulary(), LENGTH)

    def words(self, tokens: torch.Tensor) -> list[str]:
        """Return the words of tokens (n,); … stands for one that is not in the vocabulary."""
        known = {token: word for word, token in _vocabulary().items()}
        return [known.get(token, "…") for token in tokens.tolist()]


def sentences() -> tuple[list[str], torch.Tensor]:
    """Return the sentences that are rated clearly, and whether each is positive (1) or not (0)."""
    lines = read_carried(FILE, SHA256).decode().splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    clear = [(float(rating), text) for _, rating, text in rows if abs(float(rating)) >= UNDECIDED]
    positive = (torch.tensor([rating for rating, _ in clear]) > 0).long()
    return [text for _, text in clear], positive


@lru_cache(maxsize=1)
def _content() -> Content:
    raw, positive = sentences()
    parts = draw_test(Split(torch.arange(len(raw)), positive))
    encoded = encode([split_words(text) for text in raw], _vocabulary(), LENGTH)
    development, test = (
        Split(encoded[part.inputs], part.targets) for part in (parts.development, parts.test)
    )
    return Content(development, test)


@lru_cache(maxsize=1)
def _vocabulary() -> dict[str, int]:
    raw, positive = sentences()
    kept = draw_test(Split(torch.arange(len(raw)), positive)).development.inputs.tolist()
    return vocabulary([split_words(raw[index]) for index in kept], WORDS)
