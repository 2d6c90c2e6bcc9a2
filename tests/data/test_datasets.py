"""What holds for every dataset: its facts, its split, its standardisation and its digest."""

from dataclasses import replace

import pytest
import torch

from harness.data.augment import Augment
from harness.data.batches import Split
from harness.data.breast_cancer import BreastCancer
from harness.data.content import draw_test
from harness.data.diabetes import Diabetes
from harness.data.digits import Digits
from harness.data.fashion_mnist import SHA256, SYSTEM, FashionMNIST, public_file
from harness.data.images import Images
from harness.data.in_memory import InMemory
from harness.data.iris import Iris
from harness.data.module import InMemoryModule
from harness.settings import UserError, from_json

BUNDLED = [Digits(), Iris(), BreastCancer(), Diabetes()]
CLASSIFIED = [Digits(), Iris(), BreastCancer()]
FOUND = all((SYSTEM / public_file(name).name).is_file() for name in SHA256)
needs_fashion = pytest.mark.skipif(
    not FOUND, reason="run `apt-get install dataset-fashion-mnist` for this test"
)
EVERY = [*BUNDLED, pytest.param(FashionMNIST(), marks=needs_fashion)]
every_dataset = pytest.mark.parametrize("data", EVERY, ids=lambda data: type(data).__name__)
bundled = pytest.mark.parametrize("data", BUNDLED, ids=lambda data: type(data).__name__)
classified = pytest.mark.parametrize("data", CLASSIFIED, ids=lambda data: type(data).__name__)


def build(data: InMemory, seed: int = 0) -> InMemoryModule:
    return data.build(seed=seed, batch_size=32)


def parts(module: InMemoryModule) -> tuple[Split, Split, Split]:
    return module.splits.train, module.splits.validation, module.splits.test


@every_dataset
def test_facts_are_true(data: InMemory) -> None:
    facts, module = data.facts(), build(data)
    assert [len(split) for split in parts(module)] == [facts.train, facts.validation, facts.test]
    for split in parts(module):
        assert split.inputs.shape[1:] == facts.inputs
        assert split.inputs.dtype == torch.float32
        assert split.inputs.isfinite().all()
    targets = module.splits.train.targets
    if targets.is_floating_point():
        assert targets.shape[1:] == (facts.outputs,)
        assert targets.dtype == torch.float32
    else:
        assert targets.dtype == torch.int64
        assert set(targets.tolist()) == set(range(facts.outputs))


@bundled
@pytest.mark.parametrize("options", [{"folds": 5, "fold": 4}, {"limit": 20}, {"folds": 7}])
def test_facts_are_true_with_folds_and_limit(data: InMemory, options: dict[str, int]) -> None:
    changed = replace(data, **options)
    facts, module = changed.facts(), build(changed)
    assert [len(split) for split in parts(module)] == [facts.train, facts.validation, facts.test]


@every_dataset
def test_the_parts_are_disjoint_and_cover_everything(data: InMemory) -> None:
    development, splits = data.load().development, build(data).splits
    kept, held = data._partition(development.targets, seed=0)
    assert torch.cat([kept, held]).sort().values.equal(torch.arange(len(development)))
    assert splits.train.inputs.equal(
        data.scale(development.inputs[kept]).apply(development.inputs[kept])
    )
    assert splits.validation.inputs.equal(
        data.scale(development.inputs[kept]).apply(development.inputs[held])
    )


def test_a_drawn_test_set_and_the_rest_have_every_example_once() -> None:
    classes = torch.arange(3).repeat_interleave(11)
    content = draw_test(Split(torch.arange(33), classes))
    together = torch.cat([content.development.inputs, content.test.inputs])
    assert sorted(together.tolist()) == list(range(33))
    assert set(content.test.targets.bincount().tolist()) <= {2, 3}
    for split in (content.development, content.test):
        assert split.targets.equal(classes[split.inputs])


@classified
def test_the_parts_are_stratified(data: InMemory) -> None:
    content, module = data.load(), build(data)
    everything = torch.cat([content.development.targets, content.test.targets])
    shares = everything.bincount() / len(everything)
    for split in parts(module):
        assert ((split.targets.bincount() - shares * len(split)).abs() < 2).all()


@bundled
def test_the_seed_decides_the_validation_part_but_never_the_test_set(data: InMemory) -> None:
    first, again, other = build(data, 0), build(data, 0), build(data, 1)
    for left, right in zip(parts(first), parts(again), strict=True):
        assert left.inputs.equal(right.inputs)
        assert left.targets.equal(right.targets)
    assert not first.splits.train.inputs.equal(other.splits.train.inputs)
    assert not first.splits.validation.inputs.equal(other.splits.validation.inputs)
    content = data.load()
    for seed, module in enumerate((first, other)):
        kept, _ = data._partition(content.development.targets, seed)
        scale = data.scale(content.development.inputs[kept])
        assert module.splits.test.inputs.equal(scale.apply(content.test.inputs))


@bundled
def test_folds_are_a_partition_whatever_the_seed(data: InMemory) -> None:
    held = [
        replace(data, folds=3, fold=fold)._partition(data.load().development.targets, seed=fold)[1]
        for fold in range(3)
    ]
    assert sorted(torch.cat(held).tolist()) == list(range(data.sizes.development))
    left, right = (build(replace(data, folds=3, fold=1), seed) for seed in (0, 1))
    assert torch.equal(left.splits.validation.inputs, right.splits.validation.inputs)


@bundled
def test_a_limit_keeps_the_first_of_the_training_part_and_leaves_the_rest(data: InMemory) -> None:
    small, large = build(replace(data, limit=10)), build(replace(data, limit=30))
    assert len(small.splits.train) == 10
    first, more = small.splits.train.targets, large.splits.train.targets
    if not first.is_floating_point():
        assert torch.equal(first, more[:10])
    assert len(small.splits.validation) == data.facts().validation


@every_dataset
def test_the_standardisation_is_fitted_on_the_training_part(data: InMemory) -> None:
    train, validation, test = (split.inputs.double() for split in parts(build(data)))
    axes = None if isinstance(data, Images) else 0
    assert train.mean(dim=axes).abs().max() < 1e-5
    assert (train.std(dim=axes, correction=0) - 1).abs().max() < 1e-5
    assert validation.mean(dim=axes).abs().max() > 1e-5
    assert test.mean(dim=axes).abs().max() > 1e-5


def test_regression_targets_are_standardised_on_the_training_part() -> None:
    train, validation, _ = (split.targets for split in parts(build(Diabetes())))
    assert train.mean().abs() < 1e-5
    assert (train.std(correction=0) - 1).abs() < 1e-5
    assert validation.mean().abs() > 1e-5


def test_a_column_that_does_not_vary_is_only_centred() -> None:
    inputs = build(replace(Iris(), limit=1)).splits.train.inputs
    assert inputs.tolist() == [[0.0, 0.0, 0.0, 0.0]]


@every_dataset
def test_the_digest_is_of_the_content_alone(data: InMemory) -> None:
    assert data.digest() == replace(data, limit=5).digest()
    assert len(bytes.fromhex(data.digest())) == 32


def test_digests_differ_and_that_of_digits_is_what_it_was() -> None:
    assert len({data.digest() for data in BUNDLED}) == len(BUNDLED)
    # Integers, a split that numpy promises to keep: the same on every machine and version.
    assert Digits().digest() == "fbe7283f0514b4e8ff6148af74a6ac49dd82cc3c964006c537b26ebbb500a3b9"


@every_dataset
def test_the_training_loader_is_one_object_and_the_others_are_in_order(data: InMemory) -> None:
    module = build(data)
    assert module.train_dataloader() is module.train_dataloader()
    targets = torch.cat([targets for _, targets in module.val_dataloader()])
    assert torch.equal(targets, module.splits.validation.targets)
    targets = torch.cat([targets for _, targets in module.test_dataloader()])
    assert torch.equal(targets, module.splits.test.targets)


def test_accumulation_splits_the_batches() -> None:
    loader = Digits().build(seed=0, batch_size=64, accumulate=4).train_dataloader()
    assert [len(targets) for _, targets in loader][:5] == [16] * 5


def test_augmentation_changes_training_images_only_and_keeps_the_background_black() -> None:
    plain, moved = Digits(), Digits(augment=Augment(shift=2, crop=1, rotate=10))
    for left, right in zip(parts(build(plain)), parts(build(moved)), strict=True):
        assert torch.equal(left.inputs, right.inputs)
    (before, _), (after, _) = (next(iter(build(d).train_dataloader())) for d in (plain, moved))
    assert not torch.equal(before, after)
    assert after.min() >= before.min() - 1e-5
    assert after[:, :, 0, 0].median() == pytest.approx(before.min().item(), abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"folds": 1},
        {"folds": 5, "fold": 5},
        {"fold": 1},
        {"fold": -1},
        {"folds": 121},
        {"limit": 0},
        {"limit": 97},
    ],
)
def test_wrong_settings_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"fold|limit"):
        Iris(**options)


def test_an_augmentation_of_another_type_is_refused() -> None:
    with pytest.raises(UserError, match="augment"):
        Digits(augment=3)  # type: ignore[arg-type]


@every_dataset
def test_settings_travel_as_json(data: InMemory) -> None:
    changed = replace(data, folds=3, fold=1, limit=7)
    assert from_json(changed.to_json()) == changed
