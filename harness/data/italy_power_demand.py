"""Italy's power demand: 1,096 days of 24 hours; October to March, or April to September?

Keogh et al. 2006; official split 67/1,029 of the UCR archive, as the package `aeon` (BSD-3) carries
it. InceptionTime reaches an accuracy of .966.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from harness.data.content import Content
from harness.data.in_memory import Sizes
from harness.data.series import Series, from_aeon, read_series

TRAIN = from_aeon(
    "ItalyPowerDemand_TRAIN", "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c"
)
TEST = from_aeon(
    "ItalyPowerDemand_TEST", "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144"
)


@dataclass(frozen=True, kw_only=True)
class ItalyPowerDemand(Series):
    """Inputs (24, 1)."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(24, 1), outputs=2, development=67, test=1_029)

    def load(self) -> Content:
        """Return the series as they are in the archive."""
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    return read_series(TRAIN, TEST, ragged=False)
