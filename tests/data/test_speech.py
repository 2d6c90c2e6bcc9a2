"""Speech: bands where a tone is, louder is more, and clips that are padded where they end."""

import math
from pathlib import Path

import pytest
import torch

from harness.data import spoken_languages
from harness.data.log_mel import BANDS, FRAME, HOP, RATE, bands, log_mel
from harness.data.spoken_languages import SHORTEST, SpokenLanguages
from harness.settings import UserError


def tone(hertz: float, seconds: float = 0.2, loudness: float = 0.5) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return loudness * torch.sin(2 * math.pi * hertz * time)


@pytest.mark.parametrize("hertz", [200.0, 1_000.0, 3_000.0])
def test_a_tone_is_in_the_band_around_it(hertz: float) -> None:
    loudest = log_mel(tone(hertz)).mean(dim=0).argmax()
    top = 1127 * math.log1p(RATE / 2 / 700)
    expected = 1127 * math.log1p(hertz / 700) / top * (BANDS + 1) - 1
    assert abs(float(loudest) - expected) <= 1


def test_bands_cover_every_frequency_once_in_sum() -> None:
    inner = bands().sum(dim=0)[4:-12]
    torch.testing.assert_close(inner, torch.ones_like(inner))


def test_twice_as_loud_is_the_logarithm_of_four_more() -> None:
    one, two = (log_mel(tone(1_000, loudness=each))[:, 14].mean() for each in (0.2, 0.4))
    assert float(two - one) == pytest.approx(math.log(4), abs=1e-6)


def test_frames_lie_in_the_samples_and_silence_is_finite() -> None:
    assert log_mel(torch.zeros(FRAME + 3 * HOP)).shape == (4, BANDS)
    assert log_mel(torch.zeros(10)).isfinite().all()


def test_a_missing_package_names_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    spoken_languages._content.cache_clear()
    with pytest.raises(UserError, match=r"make data SPEECH=1.*apt-get download asterisk-core"):
        SpokenLanguages().check()


def test_clips_are_padded_at_their_end_and_none_is_in_both_parts() -> None:
    data = SpokenLanguages()
    try:
        data.check()
    except UserError as error:
        pytest.skip(str(error))
    content = data.load()
    present = content.development.inputs[..., -1]
    assert (present.diff(dim=1) <= 0).all()
    assert not content.development.inputs[present == 0].any()
    assert int(present.sum(dim=1).min()) >= (SHORTEST * RATE - FRAME) // HOP
    parts = [
        {each.numpy().tobytes() for each in part.inputs}
        for part in (content.development, content.test)
    ]
    assert parts[0].isdisjoint(parts[1])
