"""Prompt: a few learned words before every text; of the rest the head alone trains."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from harness.phases import Adapter, Plan
from harness.recipe import Strategy
from harness.settings import UserError, require_whole
from harness.strategies.virtual_tokens import encoder_of, plan_of, seen_by_all

CHILD = "prompt"
"""What the words are called within the encoder."""


@dataclass(frozen=True, kw_only=True)
class Prompt(Strategy):
    """Put `tokens` vectors before the words' own (Lester, Al-Rfou & Constant 2021).

    Prompt tuning, arXiv:2104.08691, by PEFT, for encoders of the transformers library. It begins
    with the vectors of words drawn from the vocabulary. tokens·width numbers train, and the head.
    The text moves back by as many positions; what the encoder says of the prompt is cut off again,
    so that a mean over the text stays one over the text. It cannot be merged into the weights.
    """

    tokens: int = 10

    def __post_init__(self) -> None:
        require_whole("tokens", self.tokens)

    def plan(self, blocks: int) -> Plan:
        """Return one phase of the head and the prompt."""
        del blocks
        return plan_of(_Words(strategy=self))


@dataclass(frozen=True, kw_only=True)
class _Words(Adapter):
    merges: ClassVar[bool] = False

    strategy: Prompt

    def apply(self, network: nn.Module) -> nn.Module:
        """Put the vectors in, before the text by hooks: no other tensor is renamed."""
        encoder = encoder_of(network)
        from peft import PromptEmbedding, PromptTuningConfig
        from peft.tuners.prompt_tuning import PromptTuningInit

        config = PromptTuningConfig(
            num_virtual_tokens=self.strategy.tokens,
            token_dim=encoder.config.hidden_size,
            num_transformer_submodules=1,
            prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
        )
        words = encoder.get_input_embeddings()
        encoder.add_module(CHILD, PromptEmbedding(config, words))  # type: ignore[no-untyped-call]
        encoder.register_forward_pre_hook(_before, with_kwargs=True)
        encoder.register_forward_hook(_after)
        return network

    def owns(self, name: str) -> bool:
        """Say whether it is the prompt."""
        return CHILD in name.split(".")

    def merge(self, network: nn.Module) -> nn.Module:
        """Return the network as it is."""
        return network

    def count(self, network: nn.Module) -> int:
        """Return tokens · width."""
        width: int = encoder_of(network).config.hidden_size
        return self.strategy.tokens * width


def _before(encoder: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Give the encoder vectors instead of tokens, those of the prompt first."""
    text = encoder.get_input_embeddings()(kwargs["input_ids"])
    prompt = _prompt(encoder)
    length, most = len(prompt) + text.shape[1], encoder.config.max_position_embeddings
    if length > most:
        do = "shorten the prompt or the texts, or take a model of more positions"
        raise UserError("length with the prompt", got=length, allowed=f"≤ {most}", do=do)
    mask = seen_by_all(kwargs["attention_mask"], len(prompt))
    alike = mask[:, :, :1].expand(-1, -1, length, -1)  # each place sees the same ones
    vectors = torch.cat([prompt.expand(len(text), -1, -1), text], dim=1)
    given = {"input_ids": None, "inputs_embeds": vectors, "attention_mask": alike}
    return args, kwargs | given


def _after(encoder: Any, _args: tuple[Any, ...], output: Any) -> Any:
    """Cut off what stands where the prompt stood."""
    output.last_hidden_state = output.last_hidden_state[:, len(_prompt(encoder)) :]
    return output


def _prompt(encoder: Any) -> torch.Tensor:
    weight: torch.Tensor = encoder.get_submodule(CHILD).embedding.weight
    return weight
