"""ResNet: the residual network for small images, 6n + 2 layers deep, and its plain twin."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from harness.models.cnn import ResidualBlock
from harness.models.image import require_image
from harness.models.initialise import INITS, Init, initialise
from harness.recipe import Facts, Model
from harness.settings import UserError, require_choice, require_whole


class PaddedShortcut(nn.Module):
    """Every second pixel, and zeros for the channels that are new (He 2015, option A)."""

    def __init__(self, new: int) -> None:
        super().__init__()
        self.new = new

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, c, height, width) to (batch, c + new, ⌈height/2⌉, ⌈width/2⌉)."""
        return F.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.new))


def require_depth(depth: int, *, beyond: int) -> None:
    """Raise UserError unless depth = 6·n + `beyond` with n from 1: three stages of n blocks."""
    require_whole("depth", depth)
    if depth < 6 + beyond or (depth - beyond) % 6:
        allowed = ", ".join(str(6 * n + beyond) for n in (1, 2, 3)) + f", … = 6n + {beyond}"
        raise UserError("depth", got=depth, allowed=allowed, do="choose one of them")


@dataclass(frozen=True, kw_only=True)
class ResNet(Model):
    """Settings of a ResNet for small images (He 2015, arXiv:1512.03385, §4.2).

    Maps (batch, channels, height, width) to (batch, outputs). `depth` = 6·n + 2 counts weight
    layers on the longest path: a 3×3 convolution, three stages of n blocks of two 3×3 convolutions
    with w = `width`, 2·w and 4·w channels, the second and third of which halve the image in their
    first convolution, global average pooling and a Linear head. Batch norm follows every
    convolution. Where the shape changes, the `shortcut` is

    - `A`: zeros for the new channels, no parameters
    - `B`: a 1×1 convolution with batch norm
    - `none`: there is none anywhere: the plain twin, with the parameters of A

    With i channels and o outputs there are 9·i·w + (378·n − 90)·w² + (28·n + 2)·w + 4·w·o + o
    parameters, and 10·w² + 12·w more with B.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or a
    side is below 4 pixels.
    """

    depth: int = 20
    width: int = 16
    shortcut: Literal["A", "B", "none"] = "A"
    init: Init = "he"

    def __post_init__(self) -> None:
        require_depth(self.depth, beyond=2)
        require_whole("width", self.width)
        require_choice("shortcut", self.shortcut, ("A", "B", "none"))
        require_choice("init", self.init, INITS)

    def build(self, facts: Facts) -> nn.Module:
        """Return the network; its parts are called stem, stage_1, stage_2, stage_3, pool … head.

        Raises UserError if `facts.inputs` is no image or too small to be halved twice.
        """
        channels, _, _ = require_image(facts.inputs, smallest=4, do="use an MLP")
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["stem"] = nn.Sequential(*_convolution(channels, self.width, 3, 1), nn.ReLU())
        before = self.width
        for stage in range(3):
            after = self.width * 2**stage
            parts[f"stage_{stage + 1}"] = self._stage(before, after)
            before = after
        parts["pool"] = nn.AdaptiveAvgPool2d(1)
        parts["flatten"] = nn.Flatten()
        parts["head"] = nn.Linear(before, facts.outputs)
        network = nn.Sequential(parts)
        initialise(network, self.init)
        return network

    def _stage(self, before: int, after: int) -> nn.Module:
        blocks = (self.depth - 2) // 6
        sizes = [before] + [after] * (blocks - 1)
        return nn.Sequential(*(self._block(size, after) for size in sizes))

    def _block(self, before: int, after: int) -> nn.Module:
        stride = 1 if before == after else 2
        first = _convolution(before, after, 3, stride)
        body = nn.Sequential(*first, nn.ReLU(), *_convolution(after, after, 3, 1))
        if self.shortcut == "none":
            return nn.Sequential(body, nn.ReLU())
        shortcut: nn.Module = nn.Identity()
        if before != after:
            project = nn.Sequential(*_convolution(before, after, 1, stride))
            shortcut = PaddedShortcut(after - before) if self.shortcut == "A" else project
        return ResidualBlock(body, shortcut, nn.ReLU())


def _convolution(before: int, after: int, size: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(after)]
