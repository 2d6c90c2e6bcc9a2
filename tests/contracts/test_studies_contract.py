"""What every study file keeps: it loads, its recipes build, it is short and does no I/O."""

import ast
from pathlib import Path

import pytest

from harness.checks import check
from harness.study import Study, load

LONGEST, LONGEST_TABLE = 80, 220
"""Lines of a study; one of published results is a table, several lines a result."""
IO_MODULES = {
    "asyncio", "ctypes", "http", "importlib", "io", "mlflow", "multiprocessing", "os", "pathlib",
    "pickle", "pytorch_lightning", "requests", "shutil", "socket", "sqlite3", "subprocess", "sys",
    "tempfile", "threading", "urllib",
}  # fmt: skip
IO_CALLS = {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"}


@pytest.fixture
def tree(study_file: Path) -> ast.Module:
    return ast.parse(study_file.read_text(encoding="utf-8"))


@pytest.fixture
def study(study_file: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(study_file.parents[1])
    return load(study_file.stem)


def test_its_recipes_build_and_are_functions_of_their_values(study: Study) -> None:
    samples, again = (check(study, files=False) for _ in range(2))
    assert {tuple(sample.cell.items()) for sample in samples} == {
        tuple(cell.items()) for cell in study.cells()
    }
    assert any(sample.feasible for sample in samples)
    assert [sample.recipe.hash for sample in samples] == [sample.recipe.hash for sample in again]


def test_it_is_short(study: Study, study_file: Path) -> None:
    longest = LONGEST_TABLE if study.published else LONGEST
    assert len(study_file.read_text(encoding="utf-8").splitlines()) <= longest


def test_its_header_says_question_cost_and_expectation(tree: ast.Module) -> None:
    header = ast.get_docstring(tree) or ""
    assert "?" in header.partition("\n")[0], "the first line asks the question"
    for word in ("Cost", "Expected"):
        assert word in header, f"the header has no {word}"


def test_it_does_no_io(tree: ast.Module) -> None:
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in IO_CALLS, f"line {node.lineno}: {node.func.id}(…)"
    assert imported & IO_MODULES == set()


def test_it_trains_nothing_itself(tree: ast.Module) -> None:
    methods = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert methods & {"backward", "fit", "step", "zero_grad"} == set()
