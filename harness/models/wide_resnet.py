"""WideResNet: few, wide residual blocks, with norm and activation before each convolution."""

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from harness.models.image import require_image
from harness.models.initialise import INITS, Init, initialise
from harness.models.resnet import require_depth
from harness.recipe import Facts, Model
from harness.settings import require_choice, require_range, require_whole

STEM = 16
"""Channels of the first convolution at any width (Zagoruyko 2016, table 1)."""


class WideBlock(nn.Module):
    """x + body(relu(norm(x))); where the shape changes the shortcut starts after the activation."""

    def __init__(self, before: int, after: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.BatchNorm2d(before), nn.ReLU())
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Dropout(dropout) if dropout else nn.Identity(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
        )
        same = before == after and stride == 1
        self.shortcut = None if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, before, height, width) to (batch, after, …), halved if the stride is 2."""
        started = self.start(images)
        beside = images if self.shortcut is None else self.shortcut(started)
        result: Tensor = beside + self.body(started)
        return result


@dataclass(frozen=True, kw_only=True)
class WideResNet(Model):
    """Settings of a WideResNet (Zagoruyko & Komodakis 2016, arXiv:1605.07146).

    Maps (batch, channels, height, width) to (batch, outputs). `depth` = 6·n + 4 counts convolutions
    with the three of the shortcuts: one of 16 channels, three stages of n blocks with w = `width`,
    2·w and 4·w channels, the second and third of which halve the image, norm, ReLU, global average
    pooling, and a Linear head. WRN-28-10 is depth=28, width=160 = 16·10. `dropout` is between the
    two convolutions of a block.

    With i channels and o outputs there are 144·i + 144·w + (378·n − 89)·w² + 28·n·w + 32 + 4·w·o +
    o parameters, and 16·w more unless w is 16.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or a
    side is below 4 pixels.
    """

    depth: int = 10
    width: int = 32
    dropout: float = 0.0
    init: Init = "he"

    def __post_init__(self) -> None:
        require_depth(self.depth, beyond=4)
        require_whole("width", self.width)
        require_range("dropout", self.dropout, low=0, high=0.999999)
        require_choice("init", self.init, INITS)

    def build(self, facts: Facts) -> nn.Module:
        """Return the network; its parts are called stem, stage_1, stage_2, stage_3, norm … head.

        Raises UserError if `facts.inputs` is no image or too small to be halved twice.
        """
        channels, _, _ = require_image(facts.inputs, smallest=4, do="use an MLP")
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["stem"] = nn.Conv2d(channels, STEM, 3, padding=1, bias=False)
        before = STEM
        for stage in range(3):
            after = self.width * 2**stage
            parts[f"stage_{stage + 1}"] = self._stage(before, after, stride=2 if stage else 1)
            before = after
        parts["norm"] = nn.BatchNorm2d(before)
        parts["activation"] = nn.ReLU()
        parts["pool"] = nn.AdaptiveAvgPool2d(1)
        parts["flatten"] = nn.Flatten()
        parts["head"] = nn.Linear(before, facts.outputs)
        network = nn.Sequential(parts)
        initialise(network, self.init)
        return network

    def _stage(self, before: int, after: int, *, stride: int) -> nn.Module:
        blocks = (self.depth - 4) // 6
        first = WideBlock(before, after, stride, self.dropout)
        rest = (WideBlock(after, after, 1, self.dropout) for _ in range(blocks - 1))
        return nn.Sequential(first, *rest)
