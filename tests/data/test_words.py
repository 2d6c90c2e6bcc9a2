"""Words and movie reviews: how a text becomes tokens, and which words have one."""

import torch

from harness.data.movie_reviews import LENGTH, WORDS, MovieReviews
from harness.data.words import UNKNOWN, encode, split_words, vocabulary


def test_a_text_is_lower_case_words_and_single_marks() -> None:
    assert split_words("It's 'Rock'n'roll' -- 21st Century!") == [
        *("it's", "'", "rock'n", "'", "roll", "'", "-", "-", "21st", "century", "!"),
    ]
    assert split_words("naïve_café  ") == ["naïve", "café"]


def test_the_vocabulary_has_the_most_frequent_words_and_of_equals_the_first() -> None:
    texts = [["b", "a", "c"], ["b", "c", "d"], ["b"]]
    assert vocabulary(texts, 5) == {"b": 2, "c": 3, "a": 4}
    assert vocabulary(texts, 100) == {"b": 2, "c": 3, "a": 4, "d": 5}


def test_texts_are_cut_filled_up_and_their_strange_words_marked() -> None:
    tokens = {"b": 2, "c": 3}
    rows = encode([["b", "x", "c", "b"], ["c"], []], tokens, 3)
    assert rows.tolist() == [[2, UNKNOWN, 3], [3, 0, 0], [0, 0, 0]]


def test_reviews_are_balanced_padded_at_the_end_and_use_the_whole_vocabulary() -> None:
    content = MovieReviews().load()
    inputs = content.development.inputs
    assert inputs.shape == (8_058, LENGTH)
    assert inputs.unique().equal(torch.arange(WORDS))  # type: ignore[no-untyped-call]
    present = inputs != 0
    assert (present.int().diff(dim=1) <= 0).all()
    assert present.any(dim=1).all()
    assert abs(content.development.targets.double().mean().item() - 0.5) < 0.01
    unknown = (content.test.inputs == UNKNOWN).sum() / (content.test.inputs != 0).sum()
    assert 0.05 < unknown < 0.1, "the test set's own words have no token"
