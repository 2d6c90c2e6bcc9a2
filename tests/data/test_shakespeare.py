"""Shakespeare: the whole text as tokens and back, windows in order, and refusals."""

from typing import Any

import pytest
import torch

from harness.data.shakespeare import SHA256, TEST, TRAIN, VALIDATION, Shakespeare
from harness.data.sources import read_carried
from harness.data.windows import ALPHABET, EVALUATION_TOKENS, encode, windows
from harness.settings import UserError


def decode(tokens: torch.Tensor) -> str:
    return "".join(ALPHABET[token] for token in tokens.tolist())


SMALL = Shakespeare(context=50, characters=10_000)


def test_the_alphabet_is_that_of_the_text_in_order() -> None:
    text = read_carried("shakespeare.txt.gz", SHA256).decode()
    assert "".join(sorted(set(text))) == ALPHABET
    assert len(text) == TRAIN + VALIDATION + TEST
    assert decode(encode(text[:5_000])) == text[:5_000]


def test_a_character_without_a_token_is_refused() -> None:
    with pytest.raises(UserError, match="text: got 'é€'"):
        encode("café €")


def test_targets_are_the_inputs_one_later() -> None:
    splits = SMALL.build(seed=0, batch_size=4).splits
    text = read_carried("shakespeare.txt.gz", SHA256).decode()
    parts = ((splits.train, 0), (splits.validation, TRAIN), (splits.test, TRAIN + VALIDATION))
    for split, start in parts:
        for window in (0, len(split) - 1):
            first = start + 50 * window
            assert decode(split.inputs[window]) == text[first : first + 50]
            assert decode(split.targets[window]) == text[first + 1 : first + 51]


def test_windows_do_not_overlap_and_share_memory_with_the_text() -> None:
    tokens = torch.arange(23)
    split = windows(tokens, 5)
    assert split.inputs.flatten().tolist() == list(range(20))
    assert split.targets.flatten().tolist() == list(range(1, 21))
    assert split.inputs.data_ptr() == tokens.data_ptr()


def test_fewer_characters_shorten_training_and_validation_but_not_the_test_set() -> None:
    whole, small = Shakespeare(context=50).facts(), SMALL.facts()
    assert (small.train, small.validation) == (199, 19)
    assert small.test == whole.test == (TEST - 1) // 50


def test_evaluation_comes_in_batches_of_a_bounded_number_of_tokens() -> None:
    for context in (16, 300):
        module = Shakespeare(context=context).build(seed=0, batch_size=2)
        first, _ = next(iter(module.val_dataloader()))
        assert 0.9 * EVALUATION_TOKENS < first.numel() <= EVALUATION_TOKENS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 0}, "context: got 0"),
        ({"characters": 0}, "characters: got 0"),
        ({"characters": TRAIN + 1}, "characters: got"),
        ({"context": 50, "characters": 500}, "context: got 50; allowed: ≤ 49"),
        ({"context": VALIDATION}, "context: got"),
    ],
)
def test_wrong_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Shakespeare(**options)
