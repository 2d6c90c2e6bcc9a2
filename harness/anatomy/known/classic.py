"""Convolutional networks of the literature without shortcuts, written from their papers."""

from itertools import pairwise

import torch
from torch import Tensor, nn


def lenet5() -> nn.Module:
    """LeNet-5 as it is taught today (LeCun 1998): max pooling and ReLU; (batch, 1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        *dense(16 * 5 * 5, 120, 84, 10),
    )


def dense(*widths: int) -> list[nn.Module]:
    """Return Linear layers from width to width with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return layers[:-1]


def mlp(*widths: int) -> nn.Module:
    """An MLP; (batch, widths[0])."""
    return nn.Sequential(*dense(*widths))


def two_layer_cnn() -> nn.Module:
    """Conv32–Pool–Dense128–Dense10; (batch, 1, 28, 28)."""
    first = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*first, *dense(13 * 13 * 32, 128, 10))


def alexnet() -> nn.Module:
    """AlexNet's one-tower form (Krizhevsky 2014) with adaptive pooling; (batch, 3, 224, 224)."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.AdaptiveAvgPool2d((6, 6)),
        nn.Flatten(),
        nn.Dropout(),
        *dense(256 * 6 * 6, 4096, 4096, 1000),
    )


VGG = {11: (1, 1, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions before each of the five poolings (Simonyan & Zisserman 2014, Table 1)."""


def vgg(weight_layers: int) -> nn.Module:
    """VGG-11, 16 or 19 without norm, with adaptive pooling; (batch, 3, 224, 224)."""
    layers: list[nn.Module] = []
    before = 3
    for after, convolutions in zip((64, 128, 256, 512, 512), VGG[weight_layers], strict=True):
        for _ in range(convolutions):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
            before = after
        layers.append(nn.MaxPool2d(2))
    layers += [nn.AdaptiveAvgPool2d(7), nn.Flatten(), *dense(512 * 7 * 7, 4096, 4096, 1000)]
    return nn.Sequential(*layers)


def normed(before: int, after: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution of `size` with batch norm and ReLU."""
    convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class Inception(nn.Module):
    """Four parallel branches, joined (Szegedy 2014, Fig. 2b)."""

    def __init__(self, before: int, one: int, three: tuple[int, int], five: tuple[int, int],
                 pool: int) -> None:  # fmt: skip
        super().__init__()
        self.one = normed(before, one, 1)
        self.three = nn.Sequential(normed(before, three[0], 1), normed(*three, 3))
        self.five = nn.Sequential(normed(before, five[0], 1), normed(*five, 3))
        self.pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), normed(before, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, before, height, width) to the branches' channels."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


def googlenet() -> nn.Module:
    """GoogLeNet with batch norm, without auxiliary heads; (batch, 3, 224, 224)."""
    return nn.Sequential(
        normed(3, 64, 7, 2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        normed(64, 64, 1),
        normed(64, 192, 3),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(192, 64, (96, 128), (16, 32), 32),
        Inception(256, 128, (128, 192), (32, 96), 64),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(480, 192, (96, 208), (16, 48), 64),
        Inception(512, 160, (112, 224), (24, 64), 64),
        Inception(512, 128, (128, 256), (24, 64), 64),
        Inception(512, 112, (144, 288), (32, 64), 64),
        Inception(528, 256, (160, 320), (32, 128), 128),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        Inception(832, 256, (160, 320), (32, 128), 128),
        Inception(832, 384, (192, 384), (48, 128), 128),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(1024, 1000),
    )
