"""Passes: how the models of a stack go through a batch, as one or one after the other."""

import torch

from harness.fused.apart import Apart
from harness.fused.stack import Stack
from harness.fused.together import Together
from harness.preview import anatomy_of
from harness.recipe import Recipe

LARGE = 1e8
"""FLOPs of a model's training step from which a CPU is faster with one model after the other. Time
a model and step as one over that one by one (float32, 1 thread, 2026-11-22): MLPs of 0.6-9 MFLOP
.17-.46 (32 models), of 20-30 MFLOP .8-1.05, of 100-240 MFLOP .9-1.2; CNNs (16 models) on 8×8 images
of 1-8 MFLOP .3-.4, of 290 MFLOP 1.1, on 28×28 images of 110 MFLOP 1.4, of 900 MFLOP 1.7; decoders
of 2-30 MFLOP .2-.4, of 220 MFLOP 1.1, of 1,300 MFLOP 1.4."""


def passes(stack: Stack, recipe: Recipe) -> Together | Apart:
    """Return the way that is faster: a function of the recipe, as it decides the last bits."""
    on_cpu = stack.flat.device.type == "cpu"
    return Apart(stack) if on_cpu and step_flops(recipe) >= LARGE else Together(stack)


def is_apart(recipe: Recipe) -> bool:
    """Say whether such recipes train one after the other on this machine, even in a stack."""
    return not torch.cuda.is_available() and step_flops(recipe) >= LARGE


def step_flops(recipe: Recipe) -> float:
    """Return the FLOPs of a training step of one model."""
    flops = anatomy_of(recipe).flops
    batch = recipe.batch_size or recipe.data.facts().train
    return (flops.forward + flops.backward) / flops.examples * batch
