"""Sword: the verses of a text in the compressed format of the SWORD library, by their names.

Each half is three files: `bzz` has the compressed blocks, `bzs` (offset, size, size decompressed)
of each, `bzv` (block, offset, size) of each entry; all numbers are little-endian. Entries are, in
order, headings of books and chapters and the verses after each; which chapter one opens, its
own OSIS markup says.
"""

import html
import re
import struct
import zlib

CHAPTER = re.compile(r'<chapter\b[^>]*\bosisID="([^"]+)"[^>]*\bsID=')
ASIDE = re.compile(r"<(note|title)\b[^>]*>.*?</\1>", re.DOTALL)
TAG = re.compile(r"<[^>]+>")
BEFORE_MARK = re.compile(r" (?=[,.;:!?])")


def verses(index: bytes, entries: bytes, blocks: bytes) -> dict[str, str]:
    """Return {"Gen.1.1": text, …} of one half, from its files bzs, bzv and bzz."""
    whole = [
        zlib.decompress(blocks[offset : offset + size])
        for offset, size, _ in struct.iter_unpack("<III", index)
    ]
    found: dict[str, str] = {}
    chapter, number = "", 0
    for block, offset, size in struct.iter_unpack("<IIH", entries):
        raw = whole[block][offset : offset + size].decode()
        if opened := CHAPTER.search(raw):
            chapter, number = opened[1], 0
            continue
        number += 1
        if chapter and (text := plain(raw)):
            found[f"{chapter}.{number}"] = text
    return found


def plain(marked: str) -> str:
    """Return a verse without its markup, notes and titles, as one line."""
    words = html.unescape(TAG.sub("", ASIDE.sub(" ", marked))).split()
    return BEFORE_MARK.sub("", " ".join(words))
