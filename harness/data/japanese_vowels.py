"""Japanese vowels: 640 utterances of two vowels, 12 cepstral channels, 7 to 29 steps, 9 speakers.

Kudo, Toyama and Shimbo 1999; official split 270/370 of the UEA archive, as the package `aeon`
(BSD-3) carries it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from harness.data.content import Content
from harness.data.in_memory import Sizes
from harness.data.series import Series, from_aeon, read_series

TRAIN = from_aeon(
    "JapaneseVowels_TRAIN", "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd"
)
TEST = from_aeon(
    "JapaneseVowels_TEST", "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462"
)


@dataclass(frozen=True, kw_only=True)
class JapaneseVowels(Series):
    """Inputs (29, 13): 12 channels, and one that is 1 where a step is there."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(29, 13), outputs=9, development=270, test=370, ragged=True
    )

    def load(self) -> Content:
        """Return the series as they are in the archive."""
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    return read_series(TRAIN, TEST, ragged=True)
