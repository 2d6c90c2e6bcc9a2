"""Pictures: a grid of images as a PNG file."""

import struct
import zlib

import torch
from torch import Tensor

GAP = 2
"""Pixels between images."""
SMALLEST = 28
"""Pixels that a side has at least: smaller images are drawn with larger pixels."""


def grid(images: Tensor, columns: int = 8) -> bytes:
    """Return images (n, 1 or 3 channels, height, width) side by side, as a PNG of 8 bits.

    The 1st percentile of all numbers is black and the 99th white: the smallest and the largest are
    a few pixels of what a generator makes, and left the rest grey.
    """
    low, high = images.double().quantile(torch.tensor([0.01, 0.99]).to(images).double())
    shares = ((images - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    levels = (255 * shares).round().to(torch.uint8).cpu()
    times = -(-SMALLEST // min(levels.shape[2:]))
    levels = levels.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)
    count, channels, height, width = levels.shape
    rows = -(-count // columns)
    page = torch.zeros(rows * (height + GAP), columns * (width + GAP), channels, dtype=torch.uint8)
    for number, image in enumerate(levels):
        row, column = divmod(number, columns)
        top, left = row * (height + GAP), column * (width + GAP)
        page[top : top + height, left : left + width] = image.permute(1, 2, 0)
    return _png(page)


def _png(page: Tensor) -> bytes:
    """Return the file: signature, header, one filter byte 0 before each row, end (RFC 2083)."""
    height, width, channels = page.shape
    kind = {1: 0, 3: 2}[channels]
    rows = torch.cat([torch.zeros(height, 1, dtype=torch.uint8), page.flatten(1)], dim=1)
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    body = zlib.compress(rows.numpy().tobytes())
    chunks = (b"IHDR", header), (b"IDAT", body), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
