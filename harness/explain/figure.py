"""Figure: a picture with its words; images, and numbers in two colours, as pixels."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

WIDTH = 340
"""Pixels of a picture: it fits a screen of 375."""
FOR, AGAINST = "#0072B2", "#D55E00"
"""Okabe and Ito's blue and vermilion, told apart with every kind of colour blindness."""
GAP = 4
"""Pixels between pictures."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture as a file, and in words what it shows: its caption says what its colours say."""

    name: str
    """Of the file, without its suffix."""
    title: str
    caption: str
    content: bytes

    @property
    def suffix(self) -> str:
        """The suffix of its file."""
        return ".png" if self.content.startswith(b"\x89PNG") else ".svg"

    @property
    def address(self) -> str:
        """The picture itself as an address for a page that loads nothing."""
        kind = {".png": "image/png", ".svg": "image/svg+xml"}[self.suffix]
        return f"data:{kind};base64,{base64.b64encode(self.content).decode()}"


def signed(values: Tensor, largest: float | None = None) -> Tensor:
    """Return colours (…, 3) of 0 to 255: white for 0, blue for positive, vermilion for negative."""
    most = float(values.abs().max()) if largest is None else largest
    share = (values / (most or 1.0)).clamp(-1, 1)[..., None].double()
    end = torch.where(share >= 0, _rgb(FOR), _rgb(AGAINST))
    return (255 + share.abs() * (end - 255)).round().to(torch.uint8)


def grey(values: Tensor) -> Tensor:
    """Return colours (height, width, 3) of an image (channels, height, width), lowest black."""
    low, high = values.min(), values.max()
    levels = (255 * (values - low) / (high - low).clamp_min(1e-12)).round().to(torch.uint8)
    colored = levels if len(levels) == 3 else levels[:1].expand(3, -1, -1)
    return colored.permute(1, 2, 0)


def _rgb(color: str) -> Tensor:
    return torch.tensor([int(color[at : at + 2], 16) for at in (1, 3, 5)], dtype=torch.float64)


def tiles(pictures: Sequence[Tensor], *, columns: int) -> bytes:
    """Return pictures (height, width, 3) of one size in rows, enlarged to whole pixels, as PNG."""
    height, width = pictures[0].shape[:2]
    columns = min(columns, len(pictures))
    by = max(1, (WIDTH - GAP * (columns - 1)) // (columns * width))
    rows = -(-len(pictures) // columns)
    size = (rows * (by * height + GAP) - GAP, columns * (by * width + GAP) - GAP)
    page = torch.full((*size, 3), 200, dtype=torch.uint8)
    for number, picture in enumerate(pictures):
        large = picture.repeat_interleave(by, 0).repeat_interleave(by, 1)
        top, left = (
            place * (by * side + GAP)
            for place, side in zip(divmod(number, columns), (height, width), strict=True)
        )
        page[top : top + by * height, left : left + by * width] = large
    file = io.BytesIO()
    Image.fromarray(page.numpy()).save(file, "PNG")
    return file.getvalue()
