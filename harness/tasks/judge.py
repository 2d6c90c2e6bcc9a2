"""Judge: what a classifier that was trained here sees in an image, as numbers to compare."""

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from harness.outline import outline
from harness.settings import UserError
from harness.start import Start

SIDE = 8
"""Sides that an image is averaged down to where there is no judge."""


def features_of(images: Tensor, judge: Start | None) -> Tensor:
    """Return (batch, features) of images: what the judge's head sees of them.

    Without a judge they are the image's own numbers, averaged down to 8 × 8 pixels.
    """
    if judge is None:
        height, width = (min(SIDE, side) for side in images.shape[2:])
        return adaptive_avg_pool2d(images, (height, width)).flatten(1)
    network = _network(judge)
    seen: dict[str, Tensor] = {}

    def look(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen["head"] = inputs[0].flatten(1)

    handle = network.get_submodule(outline(network).head).register_forward_pre_hook(look)
    network.to(images.device)(images)
    handle.remove()
    return seen["head"]


@lru_cache(maxsize=1)
def _network(judge: Start) -> nn.Module:
    """Return the judge in eval mode; no random number is taken from the global generators.

    Raises UserError if it was not trained here.
    """
    base = judge.base()
    if base.recipe is None:
        do = "name the run or the study that trained a classifier"
        raise UserError("judge", got=judge, allowed="FromRun(…)", do=do)
    with torch.random.fork_rng(devices=[]):
        network = base.recipe.model.build(base.recipe.data.facts())
    weights: Mapping[str, Tensor] = base.weights
    network.load_state_dict(dict(weights))
    return network.eval().requires_grad_(False)
