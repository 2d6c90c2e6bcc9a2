"""OSU leaf: 442 outlines of leaves as series of 427 steps, 6 species.

Gandhi 2002; official split 200/242 of the UCR archive, as the package `aeon` (BSD-3) carries it.
InceptionTime reaches an accuracy of .921.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from harness.data.content import Content
from harness.data.in_memory import Sizes
from harness.data.series import Series, from_aeon, read_series

TRAIN = from_aeon(
    "OSULeaf_TRAIN", "86b9d6e860414ffd26cebc62fff84ffb37fa588ef3e5bf79e4094a437c36ddfc"
)
TEST = from_aeon("OSULeaf_TEST", "6c549dd354f9e42d5985fa5fab75321ca9acefc7873457e71467fc8a31f107ce")


@dataclass(frozen=True, kw_only=True)
class OSULeaf(Series):
    """Inputs (427, 1)."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(427, 1), outputs=6, development=200, test=242)

    def load(self) -> Content:
        """Return the series as they are in the archive."""
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    return read_series(TRAIN, TEST, ragged=False)
