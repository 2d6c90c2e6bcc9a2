"""Study: what it refuses, its cells and budgets, and how its file is found and loaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import BaseTrial, FixedTrial

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.settings import UserError
from harness.strategies.full import Full
from harness.study import Study, label, load, names, path_of, questions, store
from harness.tasks.classify import Classify

PARTS = r"^{what}: got .*; allowed: .+; .+$"
Write = Callable[..., Path]
SMALL = '''"""{header}"""

from harness.data.iris import Iris
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify


def space(trial, **cell):
    return Recipe(model=MLP(), data=Iris(), task=Classify(), strategy=Full(), lr=0.1)


study = Study(question="{question}", space=space, {rest})
'''


def space(trial: BaseTrial, *, depth: int = 1) -> Recipe:
    lr = trial.suggest_float("lr", 1e-3, 1e-1, log=True)
    model = MLP(depth=depth)
    return Recipe(model=model, data=Digits(), task=Classify(), strategy=Full(), lr=lr)


def study(**settings: Any) -> Study:
    defaults: dict[str, Any] = {"question": "Is it?", "space": space}
    return Study(**(defaults | settings))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a study file, here and now in an empty directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()

    def file(name: str = "small", text: str | bytes = "", **parts: str) -> Path:
        path = tmp_path / "studies" / f"{name}.py"
        small = {"header": "Is it?", "question": "Is it?", "rest": "trials=3"} | parts
        content = text or SMALL.format(**small)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


@pytest.mark.parametrize(
    ("what", "settings"),
    [
        ("question", {"question": " "}),
        ("trials", {"trials": 0}),
        ("trials_per_cell", {"trials_per_cell": True}),
        ("seeds", {"seeds": 1.5}),
        ("seed", {"seed": -1}),
        ("objective", {"objective": ()}),
        ("sampler", {"sampler": "bayes"}),
        ("pruner", {"pruner": "asha"}),
        ("grid", {"sampler": "grid"}),
        ("grid", {"grid": {"lr": (0.1,)}}),
        ("pruner", {"objective": ("val/loss", "params/total"), "pruner": "median"}),
        ("compare", {"scientific": {"depth": (1, 2)}, "compare": "width"}),
        ("compare", {"compare": "depth"}),
        ("scientific depth", {"scientific": {"depth": ()}}),
        ("scientific depth", {"scientific": {"depth": (1, 1)}}),
        ("scientific depth", {"scientific": {"depth": (1, "1")}}),
        ("scientific depth", {"scientific": {"depth": (MLP(), MLP(depth=3))}}),
        ("scientific depth", {"scientific": {"depth": (None, 1)}}),
        ("designed comparison", {"scientific": {"depth": (1,)}, "pruner": "median"}),
        ("designed comparison", {"scientific": {"depth": (1,)}, "objective": ("a", "b")}),
    ],
    ids=str,
)
def test_a_wrong_study_is_refused(what: str, settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=PARTS.format(what=what)):
        study(**settings)


def test_cells_are_all_combinations_and_an_ordinary_search_has_one() -> None:
    designed = study(scientific={"depth": (1, 2), "norm": ("a", "b")})
    assert [label(cell) for cell in designed.cells()] == [
        "depth=1 norm=a",
        "depth=1 norm=b",
        "depth=2 norm=a",
        "depth=2 norm=b",
    ]
    assert study().cells() == [{}]
    assert label({}) == "all"


def test_the_first_scientific_value_is_compared_unless_another_is_named() -> None:
    scientific = {"depth": (1, 2), "norm": ("a", "b")}
    assert study(scientific=scientific).compared == "depth"
    assert study(scientific=scientific, compare="norm").compared == "norm"
    assert study().compared is None
    assert study().objectives == ("val/loss",)


def test_a_recipe_is_what_space_returns_with_the_runs_own_epochs() -> None:
    trial = FixedTrial({"lr": 0.01})
    recipe = study(scientific={"depth": (1, 3)}).recipe(trial, {"depth": 3})
    assert recipe.model == MLP(depth=3)
    assert recipe.epochs == 20
    assert study(epochs=2).recipe(trial, {}).epochs == 2


@pytest.mark.parametrize("returned", [None, {}, Recipe, MLP()], ids=str)
def test_a_space_that_returns_no_recipe_is_refused(returned: Any) -> None:
    with pytest.raises(UserError, match=PARTS.format(what="space")):
        study(space=lambda _trial: returned).recipe(FixedTrial({}), {})


def test_a_study_is_loaded_with_its_name_and_source(write: Write) -> None:
    path = write()
    loaded = load("small")
    assert (loaded.name, loaded.source, loaded.trials) == ("small", path, 3)


def test_a_changed_file_is_loaded_anew(write: Write) -> None:
    write()
    load("small")
    write(rest="trials=4")
    assert load("small").trials == 4


def test_a_budget_replaces_what_the_file_says(write: Write) -> None:
    write("ordinary")
    write("designed", rest='scientific={"depth": (1, 2)}')
    assert load("ordinary", {"trials": 9, "epochs": 2}).trials == 9
    assert load("ordinary", {"epochs": 2}).epochs == 2
    designed = load("designed", {"trials": 9, "seeds": 2})
    assert (designed.trials_per_cell, designed.seeds, designed.trials) == (9, 2, 50)
    assert load("designed").epochs is None


@pytest.mark.parametrize(
    ("budget", "what"),
    [
        ({"trials": 0}, "TRIALS"),
        ({"seeds": -1}, "SEEDS"),
        ({"epochs": True}, "EPOCHS"),
        ({"hours": 1}, "budget"),
    ],
)
def test_a_wrong_budget_is_refused(write: Write, budget: dict[str, int], what: str) -> None:
    write()
    with pytest.raises(UserError, match=PARTS.format(what=what)):
        load("small", budget)


@pytest.mark.parametrize(
    "name", ["other", "", ".", "..", "../x", "studies/small", "small.py", "small\n", "/etc/passwd"]
)
def test_a_name_that_is_no_study_lists_what_there_is(write: Write, name: str) -> None:
    write()
    (write().parents[1] / "x.py").write_text("raise SystemExit('executed')")
    with pytest.raises(UserError, match=PARTS.format(what="study NAME")) as caught:
        path_of(name)
    assert "small" in str(caught.value)


def test_a_file_name_that_is_no_name_is_refused(write: Write) -> None:
    write("two words")
    with pytest.raises(UserError, match=PARTS.format(what="study NAME")):
        load("two words")


def test_without_studies_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert names() == []
    with pytest.raises(UserError, match="allowed: no studies; "):
        path_of("small")


@pytest.mark.parametrize(
    ("text", "line", "got"),
    [
        ("x = 1\ny = (\n", 2, "SyntaxError"),
        ("x = 1\nif x:\nprint(x)\n", 3, "IndentationError"),
        ("x = 1\n\ny = x / 0\n", 3, "ZeroDivisionError"),
        ("def f():\n    return g\n\nf()\n", 2, "NameError"),
        ("import no_such_module\n", 1, "ModuleNotFoundError"),
        ("from harness.models.mlp import MLP\n\nmodel = MLP(width=0)\n", 3, "width"),
        ("from harness.models.mlp import MLP\nmodel = MLP(wdth=1)\n", 2, "TypeError"),
        (b"x = '\xff'\n", 1, "SyntaxError"),
        (b"x = 1\x00\n", 1, "SyntaxError"),
    ],
    ids=str,
)
def test_a_broken_file_is_one_line_that_names_file_and_line(
    write: Write, text: str | bytes, line: int, got: str
) -> None:
    path = write("broken", text)
    with pytest.raises(UserError) as caught:
        load("broken")
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: ")
    assert got in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["x = 1\n", "study = 3\n", "study = None\n"])
def test_a_file_without_a_study_is_refused(write: Write, text: str) -> None:
    path = write("empty", text)
    with pytest.raises(UserError, match="end the file with study = Study") as caught:
        load("empty")
    assert str(caught.value).startswith(f"{path}: study: got ")


def test_questions_are_read_without_importing(write: Write) -> None:
    write("b_small", question="Is [bold] better?")
    write("a_broken", "x = (\n")
    write("c_bytes", b"x = '\xff'\n")
    write("d_variable", '"""Is a header enough?"""\nstudy = Study(question=QUESTION)\n')
    write("e_nothing", "raise SystemExit('executed')\n")
    write("_private", "raise SystemExit('executed')\n")
    found = dict(questions())
    assert list(found) == ["a_broken", "b_small", "c_bytes", "d_variable", "e_nothing"]
    assert found["b_small"] == "Is [bold] better?"
    assert found["d_variable"] == "Is a header enough?"
    assert found["e_nothing"] == "(no question)"
    assert found["a_broken"].startswith("(does not parse: line 1: ")
    assert found["c_bytes"].startswith("(does not parse: line 1: ")


def test_the_store_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_STORE", "elsewhere")
    assert store() == tmp_path / "elsewhere"
    monkeypatch.setenv("HARNESS_STORE", "")
    assert store() == tmp_path / "mlruns"
