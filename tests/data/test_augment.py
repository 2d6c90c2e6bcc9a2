"""Augmentation: nothing by default, the same for the same generator, whole pixels moved exactly."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from harness.data.augment import UNCHANGED, Augment
from harness.settings import UserError

SETTINGS = st.builds(
    Augment,
    shift=st.integers(0, 3),
    rotate=st.floats(0, 90),
    scale=st.floats(0, 0.5),
    crop=st.integers(0, 3),
    flip=st.booleans(),
)


def images(batch: int = 5, channels: int = 2, height: int = 9, width: int = 7) -> Tensor:
    return torch.rand(batch, channels, height, width, generator=generator(99)) + 0.1


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def translations(image: Tensor, by: int) -> list[Tensor]:
    """Return (channels, height, width) moved by up to `by` pixels each way, zeros moving in."""
    _, height, width = image.shape
    padded = F.pad(image, (by, by, by, by))
    steps = range(2 * by + 1)
    return [padded[:, y : y + height, x : x + width] for y in steps for x in steps]


def test_the_defaults_return_the_very_input() -> None:
    batch = images()
    assert UNCHANGED(batch, generator()) is batch
    assert Augment(rotate=0.0, scale=0.0)(batch, generator(), fill=-1.0) is batch


@given(SETTINGS, st.integers(0, 2**32), st.sampled_from([torch.float32, torch.float64]))
def test_a_generator_decides_everything(augment: Augment, seed: int, kind: torch.dtype) -> None:
    batch = images().to(kind)
    before = torch.get_rng_state()
    first, again = augment(batch, generator(seed)), augment(batch, generator(seed))
    assert torch.equal(first, again)
    assert first.shape == batch.shape
    assert first.dtype == kind
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(batch, images().to(kind))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (28, 28), (9, 7)])
def test_a_shift_moves_every_image_by_whole_pixels(height: int, width: int) -> None:
    batch = images(32, 1, height, width)
    moved = Augment(shift=2)(batch, generator())
    places = set()
    for image, result in zip(batch, moved, strict=True):
        errors = [(result - other).abs().max().item() for other in translations(image, 2)]
        assert min(errors) < 1e-5
        places.add(errors.index(min(errors)))
    assert len(places) > 10


def test_a_crop_moves_every_image_by_whole_pixels_exactly() -> None:
    batch = images(64)
    places = set()
    for image, result in zip(batch, Augment(crop=1)(batch, generator()), strict=True):
        equal = [torch.equal(result, other) for other in translations(image, 1)]
        assert any(equal)
        places.add(equal.index(True))
    assert places == set(range(9))


def test_a_flip_mirrors_half_of_the_images_and_twice_is_none() -> None:
    batch, augment = images(200), Augment(flip=True)
    once = augment(batch, generator())
    mirrored = (once == batch.flip(-1)).flatten(1).all(1)
    assert ((once == batch).flatten(1).all(1) ^ mirrored).all()
    assert 60 < mirrored.sum() < 140
    assert torch.equal(augment(once, generator()), batch)


def test_a_rotation_turns_about_the_centre() -> None:
    disc = torch.hypot(*torch.meshgrid(*[torch.linspace(-2, 2, 33)] * 2, indexing="ij"))
    batch = torch.exp(-disc.square())[None, None]
    turned = Augment(rotate=180)(batch, generator())
    assert (turned - batch).abs().max() < 0.02


def test_a_rotation_keeps_right_angles_in_images_that_are_not_square() -> None:
    affine = Augment(rotate=180)._affine(images(8, 1, 12, 20), generator())
    to_pixels = torch.diag(torch.tensor([10.0, 6.0], dtype=torch.float64))
    turn = to_pixels @ affine[:, :, :2] @ to_pixels.inverse()
    identity = torch.eye(2, dtype=torch.float64).expand(8, 2, 2)
    torch.testing.assert_close(turn @ turn.transpose(1, 2), identity)


def test_a_scale_changes_the_size_within_its_bounds() -> None:
    batch = F.pad(torch.ones(64, 1, 10, 10), (10, 10, 10, 10))
    side = Augment(scale=0.3)(batch, generator()).sum((1, 2, 3)).sqrt() / 10
    assert side.min() > 0.65
    assert side.max() < 1.35
    assert side.max() - side.min() > 0.4


@given(SETTINGS, st.floats(-2, 2))
def test_an_even_image_of_the_fill_value_stays_even(augment: Augment, fill: float) -> None:
    batch = torch.full((3, 1, 6, 6), fill)
    torch.testing.assert_close(augment(batch, generator(), fill=fill), batch)


@pytest.mark.parametrize(
    "options",
    [
        {"shift": -1},
        {"rotate": math.inf},
        {"rotate": 181},
        {"scale": 1.0},
        {"crop": 0.5},
        {"flip": 2},
    ],
)
def test_wrong_settings_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        Augment(**options)  # type: ignore[arg-type]
