"""Adapters: a small bottleneck network behind frozen layers, by Houlsby or by Pfeiffer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from harness.outline import outline
from harness.phases import Adapter, Part, Phase, Plan
from harness.recipe import Strategy
from harness.settings import UserError, require_choice, require_whole

PLACEMENTS = ("pfeiffer", "houlsby")
CHILD = "bottleneck"
"""What a bottleneck is called within the layer that it follows."""


@dataclass(frozen=True, kw_only=True)
class Adapters(Strategy):
    """x + up(gelu(down(x))) on what a layer puts out, through `width` units; the rest is frozen.

    - `pfeiffer`: one behind the last layer of every block, which in a transformer is the
      feed-forward's (Pfeiffer 2021, arXiv:2005.00247)
    - `houlsby`: one behind every attention of a block as well (Houlsby 2019, arXiv:1902.00751)

    In a block's residual branch it stands before the sum. Behind a convolution it is one of 1×1
    (Rebuffi 2018, arXiv:1803.10082). `up` starts at 0, so that nothing changes at first. Each adds
    2·d·m + d + m numbers for a layer of d outputs and m = `width`. It can be taken off again, but
    not be merged into the weights.
    """

    width: int = 8
    placement: Literal["pfeiffer", "houlsby"] = "pfeiffer"

    def __post_init__(self) -> None:
        require_whole("width", self.width)
        require_choice("placement", self.placement, PLACEMENTS)

    def plan(self, blocks: int) -> Plan:
        """Return one phase of the head and the adapters."""
        del blocks
        parts = (Part(select="head"), Part(select="adapter"))
        return Plan(phases=(Phase(parts=parts),), adapter=_Bottlenecks(strategy=self))


class Bottleneck(nn.Module):
    """x + up(gelu(down(x))) over the channels of a tensor with `dimensions` of space."""

    def __init__(self, outputs: int, width: int, dimensions: int) -> None:
        super().__init__()
        self.down = _pointwise(outputs, width, dimensions)
        self.up = _pointwise(width, outputs, dimensions)
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map a tensor to one of the same shape."""
        added: Tensor = self.up(nn.functional.gelu(self.down(inputs)))
        return inputs + added


@dataclass(frozen=True, kw_only=True)
class _Bottlenecks(Adapter):
    merges: ClassVar[bool] = False

    strategy: Adapters

    def apply(self, network: nn.Module) -> nn.Module:
        """Put the bottlenecks in, behind their layers by hooks: no other tensor is renamed."""
        for layer in list(self._layers(network)):
            outputs, dimensions = _shape(layer)
            layer.add_module(CHILD, Bottleneck(outputs, self.strategy.width, dimensions))
            layer.register_forward_hook(_through)
        return network

    def owns(self, name: str) -> bool:
        """Say whether it lies in a bottleneck."""
        return CHILD in name.split(".")

    def merge(self, network: nn.Module) -> nn.Module:
        """Return the network as it is."""
        return network

    def count(self, network: nn.Module) -> int:
        """Return 2·d·m + d + m, summed over the layers."""
        width = self.strategy.width
        outputs = [_shape(layer)[0] for layer in self._layers(network)]
        return sum(2 * each * width + each + width for each in outputs)

    def _layers(self, network: nn.Module) -> Iterator[nn.Module]:
        """Yield the layers that are followed by one; raise UserError if there is none."""
        modules = dict(network.named_modules())
        blocks = [modules[name] for name in outline(network).blocks if name in modules]
        found = {id(last): last for block in blocks if (last := _last_layer(block)) is not None}
        attentions = [layer for block in blocks for layer in _ends_of_attention(block)]
        houlsby = self.strategy.placement == "houlsby"
        if not found or (houlsby and not attentions):
            wanted = "blocks with an attention" if houlsby else "blocks of Linear or convolution"
            do = 'use LoRA, or placement="pfeiffer" where there is no attention'
            got = sorted({type(block).__name__ for block in blocks}) or "none"
            raise UserError("blocks to adapt", got=got, allowed=wanted, do=do)
        yield from (found | {id(each): each for each in attentions} if houlsby else found).values()


def _last_layer(module: nn.Module) -> nn.Module | None:
    kinds = nn.Linear | _ConvNd
    layers = [each for each in module.modules() if isinstance(each, kinds)]
    return next((each for each in reversed(layers) if not _is_transposed(each)), None)


def _ends_of_attention(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the last layer of every outermost attention in a module."""
    for child in module.children():
        if isinstance(child, nn.MultiheadAttention):
            yield child
        elif "Attention" in type(child).__name__ and (last := _last_layer(child)) is not None:
            yield last
        else:
            yield from _ends_of_attention(child)


def _is_transposed(layer: nn.Module) -> bool:
    return isinstance(layer, _ConvTransposeNd)


def _shape(layer: nn.Module) -> tuple[int, int]:
    """Return how many outputs or channels a layer has, and how many dimensions of space."""
    if isinstance(layer, nn.MultiheadAttention):
        return layer.embed_dim, 0
    weight = layer.get_parameter("weight")
    return len(weight), weight.dim() - 2


def _pointwise(inputs: int, outputs: int, dimensions: int) -> nn.Module:
    if dimensions == 0:
        return nn.Linear(inputs, outputs)
    convolution = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dimensions - 1]
    return convolution(inputs, outputs, kernel_size=1)


def _through(layer: nn.Module, _inputs: object, output: object) -> object:
    """Send a layer's output through its bottleneck; an attention's comes with its weights."""
    bottleneck: nn.Module = layer.get_submodule(CHILD)
    if isinstance(output, tuple):
        return bottleneck(output[0]), *output[1:]
    return bottleneck(output)
