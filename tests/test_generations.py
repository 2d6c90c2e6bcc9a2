"""Generations: a run's character model goes on with a prompt, by seed, and says what it cannot."""

from collections.abc import Iterator

import pytest

from harness.data.windows import ALPHABET
from harness.generations import generate_run
from harness.settings import UserError
from tests import families
from tests.test_lineage import tags

MODEL = [
    ("harness.data.digits import Digits", "harness.data.shakespeare import Shakespeare"),
    ("harness.models.mlp import MLP", "harness.models.decoder import Decoder"),
    ("harness.tasks.classify import Classify", "harness.tasks.language_model import LanguageModel"),
    ('MLP(depth=2, width=16, norm="batch")', "Decoder(depth=1, width=16, heads=2)"),
    ("Digits(limit=100)", "Shakespeare(context=32, characters=2_000)"),
    ("Classify()", "LanguageModel()"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The ids of a run on characters, and of one on digits."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("generate")
        root = families.here(folder, patch)
        for name in ("letters", "base"):
            families.write(folder, name)
        path = folder / "studies" / "letters.py"
        text = path.read_text()
        for old, new in MODEL:
            text = text.replace(old, new)
        path.write_text(text)
        families.run("letters")
        families.run("base")
        yield tags(root, "letters")["id"], tags(root, "base")["id"]


def test_it_writes_what_fits_and_the_same_again(runs: tuple[str, str]) -> None:
    written = generate_run(runs[0], "ROMEO:", seed=3)
    assert len(written) == 32
    assert written.startswith("ROMEO:")
    assert set(written) <= set(ALPHABET)
    assert generate_run(runs[0], "ROMEO:", seed=3) == written
    assert generate_run(runs[0], "ROMEO:", seed=4) != written
    assert len(generate_run(runs[0], "A", count=5, temperature=0)) == 6


@pytest.mark.parametrize("prompt", ["", "café", "x" * 33])
def test_a_prompt_it_cannot_read_is_refused(runs: tuple[str, str], prompt: str) -> None:
    with pytest.raises(UserError, match=r"(?i)prompt: got"):
        generate_run(runs[0], prompt)


def test_a_network_that_does_not_write_is_refused(runs: tuple[str, str]) -> None:
    with pytest.raises(UserError, match="MLP on Digits"):
        generate_run(runs[1], "Who ")


def test_the_verb_prints_it(runs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    from harness.verbs.trained import generate

    generate(runs[0], "To be [1]", count=4, seed=1)
    written = generate_run(runs[0], "To be [1]", count=4, seed=1)
    assert capsys.readouterr().out == written + "\n"
