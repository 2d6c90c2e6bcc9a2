"""Noise: what a generative network draws, and how an evaluation gets the same every time."""

import zlib

import torch
from torch import Tensor


def noise_for(examples: Tensor, size: int, *, training: bool) -> Tensor:
    """Return standard normal noise (batch, size) of the examples' type and device.

    In training it comes from torch's global generator. In evaluation an example's noise is a
    function of its own numbers: a score is deterministic and depends on no other example, on no
    order and on no batch size, and every example has other noise.
    """
    if training or examples.is_meta:
        return torch.randn(len(examples), size, dtype=examples.dtype, device=examples.device)
    seeds = (zlib.crc32(each.numpy().tobytes()) for each in examples.detach().float().cpu())
    rows = [torch.randn(size, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(rows).to(examples.device, examples.dtype)


def fixed_noise(count: int, size: int, like: Tensor) -> Tensor:
    """Return noise (count, size) that is the same in every training, on the device of `like`."""
    noise = torch.randn(count, size, generator=torch.Generator().manual_seed(0))
    return noise.to(like.device, like.dtype)
