"""Contrast and TwoTower: InfoNCE by hand, recall, texts of the data alone, no batch in parts."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from harness.data.digits import Digits
from harness.data.item_pairs import CAPTIONS, CLASSES, ItemPairs, only_in_test
from harness.models.two_tower import TwoTower
from harness.recipe import Recipe
from harness.settings import UserError
from harness.strategies.full import Full
from harness.tasks.contrast import Contrast

FACTS = ItemPairs().facts()


def loss(similarities: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return Contrast().loss(similarities, [similarities, targets], training=True)


def test_with_different_texts_the_loss_is_clips() -> None:
    similarities = torch.randn(4, 100, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([7, 3, 50, 99])
    pairs, own = similarities[:, targets], torch.arange(4)
    expected = (cross_entropy(pairs, own) + cross_entropy(pairs.T, own)) / 2
    torch.testing.assert_close(loss(similarities, targets), expected)


def test_images_of_one_text_are_all_its_own() -> None:
    """Two images of text 5: to tell them apart is not asked for, only to be far from text 9."""
    targets = torch.tensor([5, 5, 9])
    similarities = torch.zeros(3, 100)
    similarities[:2, 5], similarities[2, 9] = 50, 50
    expected = torch.tensor(2.0).log() * 2 / 3  # each of the two is half of what is chosen
    torch.testing.assert_close(loss(similarities, targets), expected, atol=1e-5, rtol=0)


def test_the_metrics_count_texts_of_the_split_or_of_all() -> None:
    similarities = torch.zeros(3, 100)
    similarities[0, [4, 30]] = torch.tensor([2.0, 3.0])  # own 4; 30 is no image's own
    similarities[1, [4, 8]] = torch.tensor([1.0, 2.0])  # own 8: right
    similarities[2, [4, 8, 9]] = torch.tensor([3.0, 2.0, 1.0])  # own 9: third
    found = {}
    for name, metric in Contrast().metrics(FACTS).items():
        metric.update(similarities, torch.tensor([4, 8, 9]))
        found[name] = float(metric.compute())
    expected = {"zero_shot_accuracy": 2 / 3, "recall_at_1": 1 / 3, "recall_at_5": 1.0}
    assert found == pytest.approx(expected)


def test_a_similarity_is_a_cosine_of_towers_divided_by_the_temperature() -> None:
    torch.manual_seed(0)
    network = TwoTower(temperature=0.1).build(FACTS).eval()
    images = torch.randn(5, 1, 28, 56)
    cosine = nn.functional.cosine_similarity(
        network.image(images)[:, None], network.text(network.texts)[None], dim=-1
    )
    torch.testing.assert_close(network(images), cosine / 0.1, rtol=1e-4, atol=1e-5)
    texts = network.texts
    same = [CAPTIONS.index("bag beside coat"), CAPTIONS.index("coat beside bag")]
    assert texts[same[0]].tolist() == texts[same[1]].flip(0).tolist()


def test_the_captions_of_the_test_set_are_in_no_other_part() -> None:
    held = only_in_test()
    assert held.sum() == 20
    assert (held.reshape(CLASSES, CLASSES).sum(dim=0) == 2).all()
    data = ItemPairs()
    try:
        content = data.load()
    except UserError as error:
        pytest.skip(str(error))
    assert held[content.test.targets].all()
    assert not held[content.development.targets].any()
    assert len(set(content.development.targets.tolist())) == 80


def test_what_cannot_be_matched_is_refused() -> None:
    with pytest.raises(UserError, match=r"^labels: got \(\)"):
        TwoTower().build(replace(FACTS, labels=()))
    with pytest.raises(UserError, match=r"^labels: got \(\)"):
        Contrast().require(Digits().facts())
    recipe = Recipe(model=TwoTower(), data=ItemPairs(), task=Contrast(), strategy=Full(), lr=1e-3)
    with pytest.raises(UserError, match=r"^accumulate: got 2; allowed: 1, as Contrast"):
        replace(recipe, accumulate=2)
