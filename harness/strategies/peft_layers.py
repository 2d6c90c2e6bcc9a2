"""What every adapter of PEFT shares: which layers it targets, how it is put in and merged."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn
from torch.nn.modules.conv import _ConvTransposeNd

from harness.outline import outline
from harness.selectors import select
from harness.settings import UserError

if TYPE_CHECKING:
    from peft import PeftConfig


@dataclass(frozen=True)
class Targets:
    """What an adapter goes beside, by name: layers, and single matrices of recurrent layers."""

    layers: tuple[str, ...]
    matrices: tuple[str, ...] = ()


def targets_of(network: nn.Module, selectors: Iterable[str], kinds: set[str]) -> Targets:
    """Return the layers of these kinds whose weights a selector finds; of recurrent ones, matrices.

    The head is left out: it trains as it is. So is a transposed convolution, which PEFT does not
    have. Raises UserError if none is left.
    """
    parts = outline(network)
    chosen = {
        id(entry.parameter): entry
        for selector in selectors
        for entry in select(parts, selector)
        if entry.kind in kinds and entry.place != "head"
    }
    recurrent = [entry for entry in chosen.values() if entry.kind == "recurrent"]
    layers = [
        name
        for name, module in network.named_modules()
        if not isinstance(module, (_ConvTransposeNd, nn.RNNBase, nn.RNNCellBase))
        and any(id(p) in chosen for p in module.parameters(recurse=False))
    ]
    matrices = [entry.name for entry in recurrent if entry.parameter.dim() == 2]
    if not layers and not matrices:
        have = sorted({entry.kind for entry in parts.entries if entry.place != "head"}) or "a head"
        do = "choose other targets, or a strategy that needs no such layer"
        allowed = f"selectors of {' or '.join(sorted(kinds))} layers; below the head it has {have}"
        raise UserError("adapter's targets", got=tuple(selectors), allowed=allowed, do=do)
    return Targets(tuple(layers), tuple(matrices))


def require_peft() -> None:
    """Raise UserError if PEFT is not installed."""
    try:
        import peft  # noqa: F401
    except ImportError as error:
        do = "say pip install -e '.[peft]'"
        raise UserError("strategy", got=str(error), allowed="PEFT installed", do=do) from error


def inject(network: nn.Module, config: "PeftConfig") -> nn.Module:
    """Put adapters into the network in place; raise UserError if PEFT has none for a layer."""
    from peft import inject_adapter_in_model

    try:
        return inject_adapter_in_model(config, network)
    except (ValueError, TypeError, NotImplementedError) as error:
        got = str(error).partition("\n")[0][:200]
        do = "choose other targets, or another variant of the adapter"
        raise UserError("adapter", got=got, allowed="layers that PEFT adapts so", do=do) from error


def is_added(name: str) -> bool:
    """Say whether a parameter's name is one that PEFT gives to those of LoRA and IA3.

    By identity it could not be told: PEFT makes torch's attention weights anew.
    """
    return any(segment.startswith(("lora_", "ia3_")) for segment in name.split("."))


def merge(network: nn.Module) -> nn.Module:
    """Add every adapter to the weights beside it and take it out; return the plain network."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = {n: m for n, m in network.named_modules() if isinstance(m, BaseTunerLayer)}
    for module in adapted.values():
        module.merge(safe_merge=True)
    for name, module in adapted.items():
        owner, _, attribute = name.rpartition(".")
        if owner not in adapted:  # those of a recurrent layer's matrices lie in each other
            setattr(network.get_submodule(owner), attribute, module.get_base_layer())
    return network
