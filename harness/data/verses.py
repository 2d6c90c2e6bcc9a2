"""Verses: pairs of the same Bible verse in English and in Spanish, as pieces of words.

The World English Bible and the Reina-Valera of 1909, both in the public domain, as Debian's
packages `sword-text-web` and `sword-text-sparv` carry them. No result is published. The language is
of one book: what is learned here says little of other English or Spanish.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch

from harness.data import sword
from harness.data.batches import Split
from harness.data.byte_pairs import learn, pieces
from harness.data.content import Content, draw_test
from harness.data.debian import DebianFile, read_debian
from harness.data.in_memory import Sizes
from harness.data.texts import Texts, translations

FOLDER = "usr/share/sword/modules/texts/ztext"
ENGLISH = {
    "ot.bzs": "2c16645bb829c05b20f39769e1fa23212743335143833a819f29e412c6def8ce",
    "ot.bzv": "dbd3b762b7159c5dd4b535f75b6ab643fb62ae44f4655aff3c5098a955a1ae57",
    "ot.bzz": "4633066d3872f1a3e600d2d10e667a13cd6c32bf116ca971d3c8f288bc3ea453",
    "nt.bzs": "bec87a360bbc6bfbcd7de513edf928ceebb428dd2baff813aebf521bb0c6cc83",
    "nt.bzv": "bb7a522d8323ccd7be462fca4dcd53c06d966c140fe260a6295e05393d259338",
    "nt.bzz": "5429389d9331b7a86901a73afa74f32d089cae3d5bd8dfe304b11808714a69ba",
}
SPANISH = {
    "ot.bzs": "0e39106ae15a29cef56feac683f8482be380536a1c456e006867f9fa94c0338e",
    "ot.bzv": "0f23b1ebff5ecdd352a64feda5bb047cba27ce3624fa7b00717f763835d96e20",
    "ot.bzz": "daae868e179e6cc884ad2c9429a9dfaf9745d61caa6dbb9da2a8b24ec3c01337",
    "nt.bzs": "b88dda1e9ab50d158262ab141af7823269acb19c581621683298be5b6e154d58",
    "nt.bzv": "a9583ba1b4c66dfdd8bfb6a0b1833bdaa02f9e2cc3465c5a802cf19cbc2f2533",
    "nt.bzz": "7baf6b1e798b193315fed89d0e84e8e1a033d035316f66c78d456f5fb8c87e20",
}
"""The sha256 of the files of each text."""
LONGEST, RATIO = 160, 2.5
"""Most characters of a verse on either side. Pairs of which one is so many times as long are left
out: there the two editions divide a chapter differently."""
PIECES, LENGTH = 4_000, 64
"""Tokens of each language, and of a verse, the end included."""
PAIRS, TEST, VALIDATION = 22_684, 2_000, 1_000


@dataclass(frozen=True, kw_only=True)
class Verses(Texts):
    """Tokens (128,): an English verse, then the Spanish one, one place late; the test set is fixed.

    The pieces of each language are learned from all verses but the test set's, the same for every
    seed.
    """

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(2 * LENGTH,),
        outputs=PIECES,
        development=PAIRS - TEST,
        test=TEST,
        validation=VALIDATION,
        targets="translation",
        vocabulary=PIECES,
        ragged=True,
        source=LENGTH,
    )

    def load(self) -> Content:
        """Return the verses as tokens; raise UserError if a package or the library is missing."""
        return _content()


@lru_cache(maxsize=1)
def pairs() -> list[tuple[str, str]]:
    """Return the verses that both have, in the order of the English text."""
    english = _verses("sword-text-web", "engWEB2015eb", ENGLISH)
    spanish = _verses("sword-text-sparv", "spaRV1909eb", SPANISH)
    both = [(english[name], spanish[name]) for name in english if name in spanish]
    return [pair for pair in both if _alike(*map(len, pair))]


def _alike(one: int, other: int) -> bool:
    return max(one, other) <= min(LONGEST, RATIO * min(one, other))


def _verses(package: str, name: str, known: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for half in ("ot", "nt"):
        index, entries, blocks = (
            read_debian(
                DebianFile(package=package, member=f"{FOLDER}/{name}/{file}", sha256=known[file])
            )
            for file in (f"{half}.bzs", f"{half}.bzv", f"{half}.bzz")
        )
        found |= sword.verses(index, entries, blocks)
    return found


@lru_cache(maxsize=1)
def _content() -> Content:
    known = pairs()
    numbers = torch.arange(len(known))
    parts = draw_test(Split(numbers, torch.zeros_like(numbers)), TEST)
    kept = parts.development.inputs.tolist()
    columns = [_tokens([pair[side] for pair in known], kept) for side in (0, 1)]
    everything = translations(*columns, source=LENGTH, target=LENGTH)
    development, test = (everything.take(part.inputs) for part in (parts.development, parts.test))
    return Content(development, test)


def _tokens(texts: list[str], kept: list[int]) -> list[list[int]]:
    """Return the tokens of texts; the pieces are learned from those at the places `kept`."""
    tokenizer = learn([texts[place] for place in kept], PIECES)
    return [tokens[: LENGTH - 1] for tokens in pieces(tokenizer, texts)]
