"""Known: networks of the literature, written from their papers, to compare one's own with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.anatomy.known import classic, residual, sequence


@dataclass(frozen=True, kw_only=True)
class Known:
    """A network and an example of what its forward takes, made on torch's current device."""

    build: Callable[[], nn.Module]
    example: Callable[[], Any]


def _image(channels: int, side: int) -> Tensor:
    return torch.zeros(1, channels, side, side)


def _tokens(inputs: int = 1) -> Tensor | tuple[Tensor, ...]:
    given = tuple(torch.zeros(1, 16, dtype=torch.int64) for _ in range(inputs))
    return given if inputs > 1 else given[0]


def _on(example: Callable[[], Any], **builds: Callable[[], nn.Module]) -> dict[str, Known]:
    return {name: Known(build=build, example=example) for name, build in builds.items()}


_OPTIONS: tuple[residual.Option, ...] = ("A", "B", "plain")

KNOWN: Mapping[str, Known] = {
    **_on(partial(_image, 1, 28), **{"LeNet-5": classic.lenet5}),
    **_on(
        partial(_image, 3, 224),
        AlexNet=classic.alexnet,
        **{f"VGG-{layers}": partial(classic.vgg, layers) for layers in (11, 16, 19)},
        GoogLeNet=classic.googlenet,
        **{f"ResNet-{layers}": partial(residual.resnet, layers) for layers in residual.RESNET},
        **{"ViT-B/16": sequence.ViT},
    ),
    **_on(
        partial(_image, 3, 32),
        **{
            f"plain-{layers}" if option == "plain" else f"ResNet-{layers}-{option}": partial(
                residual.CifarResNet, layers, option
            )
            for option in _OPTIONS
            for layers in (20, 56, 110)
        },
        **{
            f"WRN-{layers}-{widen}": partial(residual.wide_resnet, layers, widen)
            for layers, widen in ((16, 4), (40, 4), (28, 10))
        },
    ),
    **_on(_tokens, **{"GPT-2": sequence.gpt2_small}),
    **_on(partial(_tokens, 2), **{"BERT-base": sequence.Bert}),
}
"""By name. ResNet-<layers>-<option> and plain-<layers> are those for CIFAR-10 (He 2015, §4.2)."""
