"""Byte pairs: pieces of words that are learned from texts, so that every text has tokens.

Sennrich 2016, arXiv:1508.07909, on bytes as in GPT-2, by the library `tokenizers`. The same texts
give the same pieces, in the same order.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.facts import END, PADDING
from harness.settings import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

RESERVED = {PADDING: "<padding>", END: "<end>"}
"""Tokens that stand for no piece."""


def learn(texts: Sequence[str], size: int) -> "Tokenizer":
    """Return a tokenizer of `size` tokens: the reserved ones, the 256 bytes, the pieces.

    Raises UserError if the library is not installed.
    """
    require_tokenizers()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[RESERVED[token] for token in sorted(RESERVED)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def pieces(tokenizer: "Tokenizer", texts: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each text."""
    return [encoding.ids for encoding in tokenizer.encode_batch(texts)]


def require_tokenizers() -> None:
    """Raise UserError, saying how to get it, if the library is not installed."""
    try:
        import tokenizers  # noqa: F401
    except ImportError as error:
        do = "pip install '.[text]'"
        raise UserError("tokenizers", got=str(error), allowed="installed", do=do) from None
