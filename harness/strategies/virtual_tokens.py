"""Virtual tokens: what Prefix and Prompt share: whom they can be given to, and where they count."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from harness.phases import Part, Phase, Plan
from harness.settings import UserError
from harness.strategies.peft_layers import require_peft

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.phases import Adapter


def plan_of(adapter: "Adapter") -> Plan:
    """Return one phase of the head and the adapter."""
    return Plan(
        phases=(Phase(parts=(Part(select="head"), Part(select="adapter"))),), adapter=adapter
    )


def encoder_of(network: nn.Module) -> "PreTrainedModel":
    """Return the encoder of the transformers library within a network.

    Raises UserError if it has none, or one that writes from left to right.
    """
    require_peft()
    from transformers import PreTrainedModel

    bases = [each.base_model for each in network.modules() if isinstance(each, PreTrainedModel)]
    for base in bases:
        if isinstance(base, PreTrainedModel) and not base.config.is_decoder:
            return base
    allowed, do = (
        "one of the transformers library in the network",
        "use the model Bert, or Adapters",
    )
    raise UserError("encoder", got="none", allowed=allowed, do=do)


def seen_by_all(mask: Tensor, count: int) -> Tensor:
    """Return a mask (batch, 1, queries, keys) with `count` keys before the others, never masked."""
    return nn.functional.pad(mask, (count, 0), value=True)
