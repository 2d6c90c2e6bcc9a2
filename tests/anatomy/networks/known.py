"""Networks of the literature by name, each with an example, and what is known of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tests.anatomy.networks import classic, residual, sequence


@dataclass(frozen=True, kw_only=True)
class Known:
    """A network, an example, and its counts."""

    build: Callable[[], nn.Module]
    example: Callable[[], Any]
    parameters: int
    counts: tuple[int, int, int, int, int, int]
    """Longest, shortest, longest with pooling, total, longest with norms, nonlinearities."""


def image(channels: int, side: int) -> Callable[[], Tensor]:
    return lambda: torch.zeros(2, channels, side, side)


def tokens() -> Tensor:
    return torch.zeros(2, 16, dtype=torch.int64)


IMAGENET, CIFAR, MNIST = image(3, 224), image(3, 32), image(1, 28)


def _cifar(depth: int, option: residual.Option) -> Callable[[], nn.Module]:
    return lambda: residual.CifarResNet(depth, option)


def _resnet(depth: int) -> Callable[[], nn.Module]:
    return lambda: residual.resnet(depth)


def _vgg(depth: int) -> Callable[[], nn.Module]:
    return lambda: classic.vgg(depth)


def _known(
    build: Callable[[], nn.Module], example: Callable[[], Any], parameters: int, *counts: int
) -> Known:
    longest, shortest, pooling, total, norms, nonlinearities = counts
    return Known(
        build=build,
        example=example,
        parameters=parameters,
        counts=(longest, shortest, pooling, total, norms, nonlinearities),
    )


KNOWN = {
    "LeNet-5": _known(classic.lenet5, MNIST, 61_706, 5, 5, 7, 5, 5, 4),
    "AlexNet": _known(classic.alexnet, IMAGENET, 61_100_840, 8, 8, 12, 8, 8, 7),
    "VGG-11": _known(_vgg(11), IMAGENET, 132_863_336, 11, 11, 17, 11, 11, 10),
    "VGG-16": _known(_vgg(16), IMAGENET, 138_357_544, 16, 16, 22, 16, 16, 15),
    "VGG-19": _known(_vgg(19), IMAGENET, 143_667_240, 19, 19, 25, 19, 19, 18),
    "ResNet-18": _known(_resnet(18), IMAGENET, 11_689_512, 18, 5, 20, 21, 35, 17),
    "ResNet-34": _known(_resnet(34), IMAGENET, 21_797_672, 34, 5, 36, 37, 67, 33),
    "ResNet-50": _known(_resnet(50), IMAGENET, 25_557_032, 50, 6, 52, 54, 99, 49),
    "ResNet-101": _known(_resnet(101), IMAGENET, 44_549_160, 101, 6, 103, 105, 201, 100),
    "ResNet-152": _known(_resnet(152), IMAGENET, 60_192_808, 152, 6, 154, 156, 303, 151),
    "GoogLeNet": _known(classic.googlenet, IMAGENET, 6_624_904, 22, 13, 27, 58, 43, 21),
    "ResNet-20 A": _known(_cifar(20, "A"), CIFAR, 269_722, 20, 2, 21, 20, 39, 19),
    "ResNet-56 A": _known(_cifar(56, "A"), CIFAR, 853_018, 56, 2, 57, 56, 111, 55),
    "ResNet-110 A": _known(_cifar(110, "A"), CIFAR, 1_727_962, 110, 2, 111, 110, 219, 109),
    "ResNet-20 B": _known(_cifar(20, "B"), CIFAR, 272_474, 20, 4, 21, 22, 39, 19),
    "ResNet-56 B": _known(_cifar(56, "B"), CIFAR, 855_770, 56, 4, 57, 58, 111, 55),
    "ResNet-110 B": _known(_cifar(110, "B"), CIFAR, 1_730_714, 110, 4, 111, 112, 219, 109),
    "plain-20": _known(_cifar(20, "plain"), CIFAR, 269_722, 20, 20, 21, 20, 39, 19),
    "plain-56": _known(_cifar(56, "plain"), CIFAR, 853_018, 56, 56, 57, 56, 111, 55),
    "plain-110": _known(_cifar(110, "plain"), CIFAR, 1_727_962, 110, 110, 111, 110, 219, 109),
    "WRN-28-10": _known(
        lambda: residual.wide_resnet(28, 10), CIFAR, 36_479_194, 26, 5, 27, 29, 51, 25
    ),
    "WRN-16-4": _known(
        lambda: residual.wide_resnet(16, 4), CIFAR, 2_748_890, 14, 5, 15, 17, 27, 13
    ),
    "WRN-40-4": _known(
        lambda: residual.wide_resnet(40, 4), CIFAR, 8_949_210, 38, 5, 39, 41, 75, 37
    ),
    "CNN with two layers": _known(classic.two_layer_cnn, MNIST, 693_962, 3, 3, 4, 3, 3, 2),
    "MLP 2-64-64-3": _known(
        lambda: classic.mlp(2, 64, 64, 3), lambda: torch.zeros(2, 2), 4_547, 3, 3, 3, 3, 3, 2
    ),
    "ViT-B/16": _known(sequence.ViT, IMAGENET, 86_567_656, 50, 2, 50, 50, 75, 12),
    "GPT-2 small": _known(sequence.gpt2_small, tokens, 124_439_808, 50, 2, 50, 51, 75, 12),
    "BERT-base": _known(
        sequence.Bert, lambda: (tokens(), tokens()), 109_482_240, 50, 2, 50, 52, 75, 13
    ),
}
"""Of transformers the totals and nonlinearities are counted by hand: BERT's three embeddings, 12
blocks of 4, and a pooler with tanh; GPT-2's two embeddings and a head that is tied to one."""
