"""Series: the archive's format, padding and its mark, standardisation of what is there."""

from pathlib import Path

import pytest
import torch

from harness.data import series
from harness.data.italy_power_demand import ItalyPowerDemand
from harness.data.japanese_vowels import JapaneseVowels
from harness.data.osu_leaf import OSULeaf
from harness.data.series import Series, from_aeon, read_series
from harness.packages import PackagedFile, read_packaged
from harness.settings import UserError

TEXT = """#A comment
@problemName Toy
@classLabel true up down
@data
1.0,2.0,3.0:4.0,5.0,6.0:down
7.0:8.0:up
"""
SHIPPED = (JapaneseVowels(), ItalyPowerDemand(), OSULeaf())


def available(data: Series) -> Series:
    try:
        data.check()
    except UserError as error:
        pytest.skip(str(error))
    return data


def toy(monkeypatch: pytest.MonkeyPatch, text: str = TEXT) -> tuple[PackagedFile, PackagedFile]:
    monkeypatch.setattr(series, "read_packaged", lambda _file: text.encode())
    return from_aeon("Toy_TRAIN", "0" * 64), from_aeon("Toy_TEST", "0" * 64)


def test_the_format_has_channels_between_colons_and_the_label_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = read_series(*toy(monkeypatch), ragged=True)
    assert content.development.targets.tolist() == [1, 0]
    first, second = content.development.inputs.tolist()
    assert first == [[1, 4, 1], [2, 5, 1], [3, 6, 1]]
    assert second == [[7, 8, 1], [0, 0, 0], [0, 0, 0]]


def test_series_of_one_length_have_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXT.replace("7.0:8.0", "7.0,7.0,7.0:8.0,8.0,8.0")
    assert read_series(*toy(monkeypatch, text), ragged=False).test.inputs.shape == (2, 3, 2)


@pytest.mark.parametrize("data", SHIPPED, ids=lambda data: type(data).__name__)
def test_each_channel_is_standardised_over_the_training_steps_that_are_there(data: Series) -> None:
    splits = available(data).build(seed=0, batch_size=32).splits
    steps = splits.train.inputs.flatten(0, 1).double()
    if data.facts().ragged:
        steps = steps[steps[:, -1] == 1][:, :-1]
    assert steps.mean(dim=0).abs().max() < 1e-5
    assert (steps.std(dim=0, correction=0) - 1).abs().max() < 1e-5


def test_padding_is_zero_and_at_the_end_and_marked() -> None:
    data = available(JapaneseVowels())
    for split in (data.build(seed=0, batch_size=32).splits.train, data.load().test):
        present = split.inputs[..., -1]
        assert set(present.flatten().tolist()) == {0.0, 1.0}
        assert (present.diff(dim=1) <= 0).all()
        assert not split.inputs[present == 0].any()
    lengths = data.load().test.inputs[..., -1].sum(dim=1)
    assert (int(lengths.min()), int(lengths.max())) == (7, 29)


def test_a_missing_wheel_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    file = from_aeon("Toy_TRAIN", "0" * 64)
    with pytest.raises(UserError, match=r"make data.*pip download .*aeon==1\.6\.0 -d /"):
        read_packaged(file)


def test_the_datasets_differ_in_their_content() -> None:
    digests = {available(data).digest() for data in SHIPPED}
    assert len(digests) == 3
    assert all(torch.isfinite(data.load().test.inputs).all() for data in SHIPPED)
