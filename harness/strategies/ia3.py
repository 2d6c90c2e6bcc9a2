"""IA3: a learned factor on every output of the targeted layers, by PEFT."""

from dataclasses import dataclass

from torch import nn

from harness.phases import Adapter, Part, Phase, Plan
from harness.recipe import Strategy
from harness.strategies.peft_layers import inject, is_added, merge, require_peft, targets_of

KINDS = {"linear", "conv"}


@dataclass(frozen=True, kw_only=True)
class IA3(Strategy):
    """Scale the outputs of the Linear and convolution layers in `targets` (Liu 2022).

    One vector of the size of the outputs for each layer (arXiv:2205.05638), 1 at the start; the
    head trains as it is.
    """

    targets: tuple[str, ...] = ("blocks",)

    def plan(self, blocks: int) -> Plan:
        """Return one phase of the head and the adapter."""
        del blocks
        parts = (Part(select="head"), Part(select="adapter"))
        return Plan(phases=(Phase(parts=parts),), adapter=_Adapter(strategy=self))


@dataclass(frozen=True, kw_only=True)
class _Adapter(Adapter):
    strategy: IA3

    def apply(self, network: nn.Module) -> nn.Module:
        """Put the vectors in."""
        require_peft()
        from peft import IA3Config

        names = targets_of(network, self.strategy.targets, KINDS).layers
        return inject(network, IA3Config(target_modules=list(names), feedforward_modules=[]))

    def owns(self, name: str) -> bool:
        """Say whether PEFT added it."""
        return is_added(name)

    def merge(self, network: nn.Module) -> nn.Module:
        """Return the network with scaled weights."""
        return merge(network)

    def count(self, network: nn.Module) -> int:
        """Return the sum of the layers' outputs."""
        layers = targets_of(network, self.strategy.targets, KINDS).layers
        weights = [network.get_submodule(name).get_parameter("weight") for name in layers]
        return sum(weight.shape[0] for weight in weights)
