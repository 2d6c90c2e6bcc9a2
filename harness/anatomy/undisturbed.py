"""Undisturbed: run a network in eval mode and leave it, and the random generators, as found."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def undisturbed(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Eval mode without gradients; modes, buffers and random generators are put back after."""
    # The flag is set, not .eval() called: an overridden train() may change weights.
    modes = {module: module.training for module in network.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    devices = [device] if device.type == "cuda" else []
    try:
        for module in modes:
            module.training = False
        with torch.random.fork_rng(devices), torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training
        for buffer, before in buffers:
            with torch.no_grad():
                buffer.copy_(before)
