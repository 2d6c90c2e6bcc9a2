"""The zoo: its recipes build, a row is measured on the test set, and the page keeps what was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import zoo
from benchmarks.zoo import bags, measure
from benchmarks.zoo_page import Entry, page, stored, write
from benchmarks.zoo_rows import BASELINE, ROWS
from harness.data.batches import Split
from harness.preview import anatomy_of

ENTRY = Entry(
    model="MLP",
    data="Digits",
    metric="accuracy",
    higher_is_better=True,
    scores=(0.9, 0.92, 0.94),
    aim=0.97,
    parameters=1_234,
    minutes=0.5,
    date="2026-11-22",
    recipe=ROWS["digits-mlp"].recipe.hash,
)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_can_be_built(name: str) -> None:
    assert anatomy_of(ROWS[name].recipe).counts.trainable > 0


def test_a_row_has_a_test_score_for_each_seed(tmp_path: Path) -> None:
    row = ROWS["digits-mlp"]
    short = replace(row, recipe=replace(row.recipe, epochs=2), seeds=2)
    entry = measure(short, tmp_path)
    assert (entry.model, entry.data, entry.metric) == ("MLP", "Digits", "accuracy")
    assert len(set(entry.scores)) == 2
    assert min(entry.scores) > 0.5
    checkpoints = sorted(tmp_path.rglob("last.ckpt"))
    written = [path.stat().st_mtime_ns for path in checkpoints]
    assert measure(short, tmp_path).scores == entry.scores
    assert [path.stat().st_mtime_ns for path in checkpoints] == written, "trained again"
    assert len(written) == 2


def test_a_score_is_the_mean_with_its_interval() -> None:
    # half-width 2.48 standard deviations for three seeds: 2.48 · .02
    assert ENTRY.score() == "0.920 ± 0.050"
    assert replace(ENTRY, scores=(0.9,)).score() == "0.900"


def test_what_was_measured_comes_back_unless_its_recipe_changed(tmp_path: Path) -> None:
    other = replace(ENTRY, recipe="changed")
    baseline = replace(ENTRY, recipe=BASELINE)
    write({BASELINE: baseline, "digits-mlp": ENTRY, "fashion-mlp": other}, tmp_path)
    assert stored(tmp_path / "zoo.json") == {"digits-mlp": ENTRY, BASELINE: baseline}
    text = (tmp_path / "zoo.md").read_text()
    row = "| digits-mlp | MLP | Digits | accuracy | 0.920 ± 0.050 | 0.97 | 3 | 1,234 | 0.5 |"
    assert row in text
    assert text == page({"digits-mlp": ENTRY, "fashion-mlp": other, BASELINE: baseline})


def test_what_is_missed_or_not_measured_is_said() -> None:
    error = replace(ENTRY, higher_is_better=False)
    text = page({"digits-mlp": ENTRY, "california-mlp": error})
    assert "- digits-mlp: 0.920, aim 0.97. " in text
    assert "- california-mlp" not in text
    assert "Not measured with the present recipe: fashion-mlp," in text


@pytest.mark.slow
def test_rows_are_measured_beside_each_other_and_each_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of the two cannot be measured, as its data is missing: the other is on the page."""
    (tmp_path / "docs").mkdir()
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    assert zoo.main(["movielens-mf", "digits-mlp"], tmp_path) == 1
    assert "movielens-mf: " in capsys.readouterr().err
    entries = stored(tmp_path / "docs" / "zoo.json")
    assert list(entries) == ["digits-mlp"]
    assert len(entries["digits-mlp"].scores) == 5


def test_the_page_in_the_docs_is_that_of_its_figures() -> None:
    docs = zoo.ROOT / "docs"
    assert (docs / "zoo.md").read_text(encoding="utf-8") == page(stored(docs / "zoo.json"))


def test_bags_count_each_word_of_each_text() -> None:
    texts = Split(torch.tensor([[2, 3, 2, 0], [4, 0, 0, 0]]), torch.zeros(2))
    assert bags(texts, 5).toarray().tolist() == [[0, 0, 2, 1, 0], [0, 0, 0, 0, 1]]
