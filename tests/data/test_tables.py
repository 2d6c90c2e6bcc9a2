"""Tables: the census and the houses as they are read, and what standardisation leaves alone."""

import pytest
import torch

from harness.data.adult import CATEGORIES, NUMBERS, Adult
from harness.data.california import CaliforniaHousing
from harness.data.table import Table
from harness.settings import UserError


def available(data: Table) -> Table:
    try:
        data.check()
    except UserError as error:
        pytest.skip(str(error))
    return data


def test_the_census_has_its_official_test_set() -> None:
    content = available(Adult()).load()
    assert content.test.targets.bincount().tolist() == [12_435, 3_846]
    assert content.development.targets.bincount().tolist() == [24_720, 7_841]


def test_numbers_are_standardised_on_the_training_part_and_categories_stay_one_hot() -> None:
    train = available(Adult()).build(seed=0, batch_size=32).splits.train.inputs
    numbers, categories = train[:, : len(NUMBERS)].double(), train[:, len(NUMBERS) :]
    assert numbers.mean(dim=0).abs().max() < 1e-5
    assert (numbers.std(dim=0, correction=0) - 1).abs().max() < 1e-5
    assert ((categories == 0) | (categories == 1)).all()
    for part in torch.split(categories, list(CATEGORIES.values()), dim=1):
        assert torch.equal(part.sum(dim=1), torch.ones(len(train)))


def test_houses_cost_what_they_cost_in_units_of_100_000_dollars() -> None:
    data = available(CaliforniaHousing())
    content, splits = data.load(), data.build(seed=0, batch_size=32).splits
    assert torch.equal(splits.test.targets, content.test.targets)
    everything = torch.cat([content.development.targets, content.test.targets])
    assert everything.mean() == pytest.approx(2.068558, abs=1e-5)
    assert splits.train.inputs.mean(dim=0).abs().max() < 1e-5
