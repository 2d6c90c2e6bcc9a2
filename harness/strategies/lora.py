"""LoRA: low-rank matrices beside frozen weights, by PEFT; with rsLoRA, DoRA, PiSSA and LoRA+."""

from dataclasses import dataclass
from typing import Any, Literal, cast

from torch import nn
from torch.nn.modules.conv import _ConvNd

from harness.phases import Adapter, Part, Phase, Plan
from harness.recipe import Strategy
from harness.settings import UserError, require_choice, require_range, require_whole
from harness.strategies.peft_layers import inject, is_added, merge, require_peft, targets_of

KINDS = {"linear", "conv", "embedding", "attention", "recurrent"}
INITS = ("zero", "pissa")


@dataclass(frozen=True, kw_only=True)
class LoRA(Strategy):
    """W + scale·B·A with A of `rank` rows, beside every targeted layer (Hu 2021, arXiv:2106.09685).

    `alpha` / rank is the scale; None means alpha = 2·rank. The variants, which combine:

    - `rank_stabilised`: alpha/√rank, so that a high rank learns (rsLoRA, arXiv:2312.03732)
    - `magnitudes`: the length of each output's weights trains apart (DoRA, arXiv:2402.09353)
    - `init="pissa"`: the largest singular vectors train, the rest is the frozen part (PiSSA,
      arXiv:2404.02948); Linear only
    - `b_factor`: on the learning rate of B, 16 in LoRA+ (arXiv:2402.12354)

    `targets` are selectors; their Linear, convolution, embedding, attention and recurrent layers
    get one, the head never: it trains as it is. Added are r·(in + out) for a Linear or a recurrent
    matrix (out counts all gates), r·(in·K + out) for a convolution of K = its kernel's size and
    in = the inputs of a group, r·(n + d) for an embedding, r·4d + 2·r·d for torch's attention of
    width d, and the outputs with `magnitudes`. Recurrent layers take no dropout and no variant
    but rsLoRA and LoRA+.
    """

    rank: int = 8
    alpha: float | None = None
    dropout: float = 0.0
    targets: tuple[str, ...] = ("blocks",)
    rank_stabilised: bool = False
    magnitudes: bool = False
    init: Literal["zero", "pissa"] = "zero"
    b_factor: float = 1.0

    def __post_init__(self) -> None:
        require_whole("rank", self.rank)
        if self.alpha is not None:
            require_range("alpha", self.alpha, low=0, exclusive=True)
        require_range("dropout", self.dropout, low=0, high=0.999999)
        require_choice("init", self.init, INITS)
        require_range("b_factor", self.b_factor, low=0, exclusive=True)
        for what in ("rank_stabilised", "magnitudes"):
            require_choice(what, getattr(self, what), (True, False))

    def plan(self, blocks: int) -> Plan:
        """Return one phase of the head and the adapter."""
        del blocks
        faster = Part(select="name:*.lora_B", factor=self.b_factor, optional=True)
        parts = (Part(select="head"), *([faster] if self.b_factor != 1 else []))
        adapter = Part(select="adapter", optional=self.b_factor != 1)
        return Plan(phases=(Phase(parts=(*parts, adapter)),), adapter=_Adapter(strategy=self))


@dataclass(frozen=True, kw_only=True)
class _Adapter(Adapter):
    strategy: LoRA

    def apply(self, network: nn.Module) -> nn.Module:
        """Put the matrices in; B starts at 0, so that nothing changes at first."""
        require_peft()
        from peft import LoraConfig

        of = self.strategy
        targets = targets_of(network, of.targets, KINDS)
        asked = {"dropout": of.dropout, "magnitudes": of.magnitudes, "init": of.init != "zero"}
        if targets.matrices and any(asked.values()):
            got = ", ".join(name for name, wanted in asked.items() if wanted)
            allowed = "none of them beside recurrent layers"
            raise UserError("LoRA", got=got, allowed=allowed, do="leave it out")
        config = LoraConfig(
            r=of.rank,
            lora_alpha=cast("Any", 2 * of.rank if of.alpha is None else of.alpha),
            lora_dropout=of.dropout,
            target_modules=list(targets.layers),
            target_parameters=list(targets.matrices),
            use_rslora=of.rank_stabilised,
            use_dora=of.magnitudes,
            init_lora_weights="pissa" if of.init == "pissa" else True,
        )
        return inject(network, config)

    def owns(self, name: str) -> bool:
        """Say whether PEFT added it."""
        return is_added(name)

    def merge(self, network: nn.Module) -> nn.Module:
        """Return the network with W + scale·B·A as its weights."""
        return merge(network)

    def count(self, network: nn.Module) -> int:
        """Return the sum of the layers' formulas."""
        targets = targets_of(network, self.strategy.targets, KINDS)
        shapes = [network.get_parameter(name).shape for name in targets.matrices]
        layers = [self._added(network.get_submodule(name)) for name in targets.layers]
        return sum(layers) + self.strategy.rank * sum(map(sum, shapes))

    def _added(self, layer: nn.Module) -> int:
        rank, outputs = self.strategy.rank, 0
        if isinstance(layer, nn.MultiheadAttention):
            width: int = layer.embed_dim
            return rank * 4 * width + 2 * rank * width
        if isinstance(layer, nn.Embedding):
            return rank * (layer.num_embeddings + layer.embedding_dim)
        if isinstance(layer, _ConvNd):
            inputs, outputs = layer.weight[0].numel(), layer.out_channels
        else:
            assert isinstance(layer, nn.Linear)
            inputs, outputs = layer.in_features, layer.out_features
        return rank * (inputs + outputs) + outputs * self.strategy.magnitudes


VARIANTS = {
    "rsLoRA": LoRA(rank_stabilised=True),
    "DoRA": LoRA(magnitudes=True),
    "PiSSA": LoRA(init="pissa"),
    "LoRA+": LoRA(b_factor=16.0),
}
"""The relatives of LoRA by their papers' names."""
