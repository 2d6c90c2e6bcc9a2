"""Residual networks of the literature, written from their papers."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Option = Literal["A", "B", "plain"]


def convolution(before: int, after: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)


class Pad(nn.Module):
    """Option A: every second pixel, and zeros for the new channels (He 2015, §3.3)."""

    def __init__(self, more: int, stride: int) -> None:
        super().__init__()
        self.more = more
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to channels + more."""
        half = self.more // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, half))


def shortcut(before: int, after: int, stride: int, option: Option) -> nn.Module | None:
    if option == "plain":
        return None
    if before == after and stride == 1:
        return nn.Identity()
    if option == "A":
        return Pad(after - before, stride)
    return nn.Sequential(convolution(before, after, 1, stride), nn.BatchNorm2d(after))


class Basic(nn.Module):
    """Two 3×3 convolutions (He 2015, Fig. 5 left)."""

    growth = 1

    def __init__(self, before: int, width: int, stride: int, option: Option) -> None:
        super().__init__()
        self.conv1 = convolution(before, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = shortcut(before, width, stride, option)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, before, height, width) to (batch, width, height/stride, width/stride)."""
        out: Tensor = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.shortcut is not None:
            out += self.shortcut(x)
        return F.relu(out)


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions (He 2015, Fig. 5 right)."""

    growth = 4

    def __init__(self, before: int, width: int, stride: int, option: Option) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(before, width, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            convolution(width, width, 3, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            convolution(width, 4 * width, 1),
            nn.BatchNorm2d(4 * width),
        )
        self.downsample = shortcut(before, 4 * width, stride, option)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, before, height, width) to four times width channels."""
        assert self.downsample is not None
        result: Tensor = (self.body(x) + self.downsample(x)).relu_()
        return result


RESNET: dict[int, tuple[type[Basic | Bottleneck], tuple[int, ...]]] = {
    18: (Basic, (2, 2, 2, 2)),
    34: (Basic, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


def resnet(weight_layers: int) -> nn.Module:
    """ResNet-18 to 152 for ImageNet; (batch, 3, 224, 224)."""
    block, blocks = RESNET[weight_layers]
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
    ]
    before = 64
    for stage, number in enumerate(blocks):
        layers.append(stages(block, before, 64 * 2**stage, number, 1 if stage == 0 else 2, "B"))
        before = 64 * 2**stage * block.growth
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1000))


def stages(
    block: type[Basic | Bottleneck],
    before: int,
    width: int,
    number: int,
    stride: int,
    option: Option,
) -> nn.Sequential:
    first = block(before, width, stride, option)
    others = (block(width * block.growth, width, 1, option) for _ in range(number - 1))
    return nn.Sequential(first, *others)


class CifarResNet(nn.Module):
    """6n + 2 weight layers for CIFAR-10 (He 2015, §4.2), or the plain net of the same layers."""

    def __init__(self, weight_layers: int, option: Option) -> None:
        super().__init__()
        number = (weight_layers - 2) // 6
        self.stem = nn.Sequential(convolution(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
        self.stages = nn.ModuleList(
            [
                stages(Basic, 16, 16, number, 1, option),
                stages(Basic, 16, 32, number, 2, option),
                stages(Basic, 32, 64, number, 2, option),
            ]
        )
        self.head = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, 3, 32, 32) to (batch, 10)."""
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
        result: Tensor = self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return result


class PreActivation(nn.Module):
    """norm → ReLU → convolution, twice (He 2016); WRN's block (Zagoruyko 2016, Fig. 1c)."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(before)
        self.conv1 = convolution(before, width, 3, stride)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width, 3)
        same = before == width and stride == 1
        self.project = None if same else convolution(before, width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, before, height, width) to (batch, width, height/stride, width/stride)."""
        active = F.relu(self.norm1(x))
        skip = x if self.project is None else self.project(active)
        result: Tensor = self.conv2(F.relu(self.norm2(self.conv1(active)))) + skip
        return result


def wide_resnet(convolutions: int, widen: int) -> nn.Module:
    """WRN-<convolutions>-<widen> for CIFAR-10 (Zagoruyko 2016); (batch, 3, 32, 32)."""
    number, before = (convolutions - 4) // 6, 16
    layers: list[nn.Module] = [convolution(3, 16, 3)]
    for stage, stride in enumerate((1, 2, 2)):
        width = 16 * widen * 2**stage
        for block in range(number):
            layers.append(PreActivation(before, width, stride if block == 0 else 1))
            before = width
    tail = [nn.BatchNorm2d(before), nn.ReLU(), nn.AvgPool2d(8), nn.Flatten()]
    return nn.Sequential(*layers, *tail, nn.Linear(before, 10))
