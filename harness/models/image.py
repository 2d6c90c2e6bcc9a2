"""Images: what a convolutional model asks of the shape of its input."""

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
