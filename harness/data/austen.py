"""Austen: six novels of Jane Austen as one text of 4,025,027 characters.

Emma, Mansfield Park, Northanger Abbey, Persuasion, Pride and Prejudice, and Sense and Sensibility,
as Project Gutenberg has them and the R package `janeaustenr` 1.0.0 (MIT) carries them; in the
public domain. Another author in the same characters as Shakespeare: a source and its target.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from harness.data.debian import DebianFile, read_debian
from harness.data.windows import Characters, Sizes, encode

FILE = DebianFile(
    package="r-cran-janeaustenr",
    member="usr/lib/R/site-library/janeaustenr/data/Rdata.rdb",
    sha256="8fb5198960d0da724b1562f96e4221e5c1b41ff455000280b02c55980c3d8f21",
)
TRAIN, VALIDATION, TEST = 3_622_525, 201_251, 201_251
"""Characters of each part, in this order in the text: 90, 5 and 5 %."""
HEADER = 14
"""Bytes before the length of the encoding's name in R's serialisation, version 3."""


@dataclass(frozen=True, kw_only=True)
class Austen(Characters):
    """Windows of `context` characters as tokens (context,), and the characters that follow each.

    The characters are Shakespeare's; the one £ of the text is written L.
    """

    whole: ClassVar[Sizes] = (TRAIN, VALIDATION, TEST)

    def text(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the tokens of each part."""
        return _text()

    def digest(self) -> str:
        """Return the sha256 of the whole text."""
        return hashlib.sha256(novels().encode()).hexdigest()


@lru_cache(maxsize=1)
def novels() -> str:
    """Return the whole text; raise UserError if the file is missing or damaged."""
    lines = (line for novel in _objects(read_debian(FILE)) for line in _strings(novel))
    return "\n".join(lines).replace("£", "L")


def _objects(database: bytes) -> Iterator[bytes]:
    """Yield the objects of R's database: each its length, then itself compressed."""
    while database:
        decompress = zlib.decompressobj()
        yield decompress.decompress(database[4:])
        database = decompress.unused_data


def _strings(vector: bytes) -> Iterator[str]:
    """Yield the strings of a serialised character vector (R Internals, 1.8)."""
    (name,) = struct.unpack_from(">I", vector, HEADER)
    _kind, count = struct.unpack_from(">II", vector, at := HEADER + 4 + name)
    at += 8
    for _ in range(count):
        _flags, length = struct.unpack_from(">II", vector, at)
        yield vector[at + 8 : at + 8 + length].decode()
        at += 8 + length


@lru_cache(maxsize=1)
def _text() -> tuple[Tensor, Tensor, Tensor]:
    train, validation, test = torch.split(encode(novels()), [TRAIN, VALIDATION, TEST])
    return train, validation, test
