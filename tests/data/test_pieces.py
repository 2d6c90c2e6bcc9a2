"""Pieces, verses, another author: what tokens stand for, and that they are the same every time."""

import math
import random

import pytest
import torch

from harness.data import austen, shakespeare_pieces, sword, verses
from harness.data.austen import Austen
from harness.data.byte_pairs import learn, pieces
from harness.data.mnist_digits import MNISTDigits
from harness.data.movie_review_byte_pairs import MovieReviewBytePairs
from harness.data.movie_reviews import MovieReviews
from harness.data.shakespeare import Shakespeare, works
from harness.data.shakespeare_pieces import ShakespearePieces
from harness.data.verses import LENGTH, Verses
from harness.data.windows import ALPHABET
from harness.facts import END, PADDING
from harness.parts import Data
from harness.settings import UserError
from harness.tasks.language_model import LanguageModel

pytest.importorskip("tokenizers", reason="needs `pip install .[text]`")
TEXT = works()[:60_000].splitlines()


def available(data: Data) -> None:
    try:
        data.check()
    except UserError as error:
        pytest.skip(str(error))


def test_pieces_are_the_same_every_time_and_give_back_every_text() -> None:
    one, two = (learn(TEXT, 600) for _ in range(2))
    assert one.to_str() == two.to_str()
    assert one.get_vocab_size() == 600
    strange = ["to be, or not", "¿Qué? 漢字 \t", ""]
    assert [one.decode(tokens) for tokens in pieces(one, strange)] == strange
    assert pieces(one, TEXT) == pieces(two, TEXT)


def test_no_piece_is_padding_or_the_end() -> None:
    tokens = [token for text in pieces(learn(TEXT, 600), TEXT) for token in text]
    assert min(tokens) > max(PADDING, END)
    assert max(tokens) < 600


def test_frequent_pieces_make_a_text_shorter() -> None:
    lengths = [sum(map(len, pieces(learn(TEXT, size), TEXT))) for size in (258, 400, 800)]
    assert lengths[0] == sum(len(text.encode()) for text in TEXT)
    assert lengths[0] > 1.2 * lengths[1] > 1.2 * lengths[2]


def test_shakespeare_in_pieces_is_the_same_text_in_the_same_parts() -> None:
    tokens, characters = ShakespearePieces().text(), Shakespeare().text()
    assert tuple(map(len, tokens)) == shakespeare_pieces.TOKENS
    end = "".join(ALPHABET[token] for token in characters[2][-2_000:].tolist())
    assert shakespeare_pieces.tokenizer().decode(tokens[2].tolist()).endswith(end)


def test_bits_are_those_of_a_character_whatever_the_tokens_are() -> None:
    facts = ShakespearePieces().facts()
    bits = LanguageModel().metrics(facts)["bits_per_character"]
    bits.update(torch.full((2, 8), math.log(2)), None)
    assert bits.compute() == pytest.approx(1 / facts.letters)
    assert facts.letters == pytest.approx(2.377, abs=1e-3)


def test_a_review_in_pieces_is_whole_and_can_be_read_again() -> None:
    data = MovieReviewBytePairs()
    (tokens,) = data.tokens(["Uncharacteristically unwatchable, frankly."])
    here = tokens[tokens != PADDING]
    assert "".join(data.words(here)).replace(" ", "") == "Uncharacteristicallyunwatchable,frankly."
    assert len(here) > 6
    content = data.load()
    assert content.test.targets.equal(MovieReviews().load().test.targets)
    assert (content.development.inputs == END).sum() == 0


def test_a_verse_is_read_without_markup_notes_and_titles() -> None:
    raw = '<w lemma="a">God</w><note n="1">or<w>x</w></note> <w>made</w> , it&amp;so'
    assert sword.plain(raw) == "God made, it&so"


def test_verses_are_pairs_of_the_same_verse() -> None:
    available(Verses())
    known = verses.pairs()
    assert len(known) == verses.PAIRS
    assert known[0] == (
        "In the beginning, God created the heavens and the earth.",
        "EN el principio crió Dios los cielos y la tierra.",
    )
    names = [pair for pair in known if "Jerusalem" in pair[0]]
    assert sum("Jerusalem" in pair[1] for pair in names) > 0.9 * len(names)


def test_verses_are_padded_and_end_and_the_target_comes_one_late() -> None:
    available(Verses())
    content = Verses().load()
    inputs, targets = content.development.inputs, content.development.targets
    source, late = inputs[:, :LENGTH], inputs[:, LENGTH:]
    for tokens in (source, late, targets):
        assert ((tokens != PADDING).int().diff(dim=1) <= 0).all(), "padding is at the end"
    assert (late[:, 0] == END).all()
    assert (targets == END).sum(dim=1).eq(1).all()
    place = (targets == END).int().argmax(dim=1)
    for row in random.Random(0).sample(range(len(targets)), 20):
        assert late[row, 1 : place[row] + 1].equal(targets[row, : place[row]])
    assert max(int(source.max()), int(targets.max())) < verses.PIECES


def test_another_author_is_written_in_the_same_characters() -> None:
    available(Austen())
    text = austen.novels()
    assert len(text) == sum(Austen.whole)
    assert text.startswith("EMMA\n\nBy Jane Austen")
    assert text.count("\n\nCHAPTER I\n") >= 2
    source, target = Shakespeare().facts(), Austen().facts()
    assert (source.inputs, source.vocabulary) == (target.inputs, target.vocabulary)


def test_ten_thousand_digits_of_ten_classes() -> None:
    available(MNISTDigits())
    content = MNISTDigits().load()
    labels = torch.cat([content.development.targets, content.test.targets])
    assert labels.bincount().tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    pixels = content.development.inputs
    assert pixels.dtype == torch.uint8
    assert pixels.max() == 255
    assert 0.10 < pixels.double().mean() / 255 < 0.16, "ink covers about an eighth"
