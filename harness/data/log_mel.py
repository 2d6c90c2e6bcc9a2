"""Log-mel: speech as the loudness of bands that are as wide as the ear's, frame by frame."""

import torch
from torch import Tensor

RATE = 8_000
"""Samples a second, as a telephone has them."""
FRAME, HOP, BANDS = 256, 160, 32
"""Samples of a frame (32 ms) and from one to the next (20 ms); bands from 0 to 4 kHz."""
QUIETEST = 1e-6
"""Power below which a band counts as silent: 16-bit noise of one step is 1e-9 a sample."""


def log_mel(samples: Tensor) -> Tensor:
    """Return the natural logarithm of the power (frames, 32) of samples (n,) from −1 to 1.

    Frames have a Hann window and lie wholly in the samples; what is shorter than one is padded.
    """
    short = max(0, FRAME - len(samples))
    frames = torch.nn.functional.pad(samples, (0, short)).unfold(0, FRAME, HOP)
    window = torch.hann_window(FRAME, dtype=samples.dtype)
    power = torch.fft.rfft(frames * window).abs() ** 2
    loudness: Tensor = (power @ bands().to(samples.dtype).T).clamp_min(QUIETEST).log()
    return loudness


def bands() -> Tensor:
    """Return the weights (32, 129) of triangles that overlap by half, equally spaced in mel.

    mel(f) = 1127·ln(1 + f/700) (O'Shaughnessy 1987). A triangle is 1 at its middle.
    """
    top = 1127 * torch.log1p(torch.tensor(RATE / 2 / 700, dtype=torch.float64))
    corners = 700 * torch.expm1(torch.linspace(0, float(top), BANDS + 2).double() / 1127)
    low, middle, high = (corners[start : start + BANDS, None] for start in range(3))
    hertz = torch.linspace(0, RATE / 2, FRAME // 2 + 1, dtype=torch.float64)
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    return torch.minimum(rising, falling).clamp_min(0)
