"""Images: what a convolutional model asks of the shape of its input, and the way back to it."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from harness.settings import UserError


def require_image(inputs: tuple[int, ...], *, smallest: int, do: str) -> tuple[int, int, int]:
    """Return (channels, height, width) if `inputs` is that and both sides reach `smallest`.

    Raises UserError otherwise; `do` says what to do about an image that is too small.
    """
    if len(inputs) != 3:
        allowed = "(channels, height, width)"
        raise UserError("inputs", got=inputs, allowed=allowed, do="use image data or an MLP")
    channels, height, width = inputs
    if min(height, width) < smallest:
        allowed = f"sides of at least {smallest} pixels"
        raise UserError("image size", got=(height, width), allowed=allowed, do=do)
    return channels, height, width


def halved(sides: Sequence[int], times: int) -> list[int]:
    """Return sides after so many convolutions of stride 2 with a border of half their kernel."""
    return [-(-side // 2**times) for side in sides]


def upwards(shapes: Sequence[tuple[int, ...]], kernel: int) -> list[nn.ConvTranspose2d]:
    """Return transposed convolutions of stride 2 back from the last shape to the first.

    Shapes are (channels, height, width), each half as high and wide as the one before, rounded up;
    `kernel` is odd. Sides come back exactly.
    """
    layers = []
    for (before, *small), (after, *large) in pairwise(reversed(shapes)):
        extra = (large[0] - 2 * small[0] + 1, large[1] - 2 * small[1] + 1)
        half = kernel // 2
        up = nn.ConvTranspose2d(before, after, kernel, 2, padding=half, output_padding=extra)
        layers.append(up)
    return layers
