"""The command: a mistake is one line, exit status 2, no traceback, and nothing is written."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import cli

HARNESS = str(Path(sys.executable).parent / "harness")
HEAVY = ("torch", "mlflow", "optuna", "pandas", "numpy", "pytorch_lightning", "sklearn", "scipy")
STUDY = '''"""Does it fail before it trains?"""

from dataclasses import dataclass

from harness.data.diabetes import Diabetes
from harness.data.digits import Digits
from harness.data.iris import Iris
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.settings import UserError
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify


@dataclass(frozen=True, kw_only=True)
class Absent(Iris):
    """A dataset whose file is missing."""

    def check(self) -> None:
        raise UserError("absent.gz", got="no file", allowed="a file", do="run `apt-get install it`")


def space(trial, *, depth):
    parts = dict(model=MLP(depth=depth), data=Iris(), task=Classify(), strategy=Full(), lr=0.1)
    PARTS
    return Recipe(**parts)


study = Study(question="Does it fail?", space=space, scientific={"depth": (1, 2)}, SETTINGS)
'''
PARTS_LINE = 1 + STUDY[: STUDY.index("    PARTS")].count("\n")


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Wrong:
    """A mistake in a study: what stands in its `space`, or among its settings, and what is said."""

    said: str
    parts: str = "pass"
    settings: str = ""


WRONG = {
    "negative learning rate": Wrong(
        r"wrong at depth=1: lr: got -0\.1; allowed: a number in \(0, inf\); correct",
        parts="parts['lr'] = -0.1",
    ),
    "learning rate that is not a number": Wrong(
        r"wrong at depth=1: lr: got nan; ", parts="parts['lr'] = float('nan')"
    ),
    "learning rates suggested below zero": Wrong(
        r"wrong at depth=1: lr: got -0\.\d+; allowed: ",
        parts="parts['lr'] = trial.suggest_float('lr', -1.0, -0.1)",
    ),
    "width 0 in one cell": Wrong(
        r"wrong at depth=2: width: got 0; allowed: a whole number from 1; correct",
        parts="parts['model'] = MLP(width=2 - depth)",
    ),
    "unreachable budget": Wrong(
        r"wrong at depth=1: no width of MLP .*: got 10; allowed: nearest below: none; "
        r"nearest above: \d+ at width 1; choose",
        parts="parts['model'] = MLP(width=width_for(MLP(), Iris(), parameters=10))",
    ),
    "model that does not take the data": Wrong(
        r"wrong at depth=1: inputs: got \(4,\); allowed: \(channels, height, width\); use",
        parts="parts['model'] = CNN()",
    ),
    "class instead of settings": Wrong(
        r"wrong at depth=1: task: got <class '.*Classify'>; allowed: a Task; pass task=",
        parts="parts['task'] = Classify",
    ),
    "setting that does not exist": Wrong(
        rf"wrong\.py:{PARTS_LINE} at depth=1: got \"TypeError: .*wdth.*\"; allowed: .*; correct",
        parts="parts['model'] = MLP(wdth=3)",
    ),
    "error of the user's own code": Wrong(
        rf"wrong\.py:{PARTS_LINE} at depth=1: got 'ZeroDivisionError: division by zero'; allowed: ",
        parts="parts['lr'] = 1 / (depth - 1)",
    ),
    "no recipe": Wrong(
        r"wrong at depth=1: space: got None; allowed: a Recipe; return", parts="return None"
    ),
    "objective that does not exist": Wrong(
        r"objective: got 'val/acc'; allowed: .*val/accuracy.*; correct it in the study file",
        settings="objective='val/acc'",
    ),
    "objective on the test set": Wrong(
        r"objective: got 'test/loss'; allowed: ", settings="objective='test/loss'"
    ),
    "answer that does not exist": Wrong(
        r"answer: got 'f1'; allowed: .*test/f1.*; correct", settings="answer='f1'"
    ),
    "metric that does not exist": Wrong(
        r"metrics: got 'val/top5'; allowed: .*; correct", settings="metrics=('val/top5',)"
    ),
    "missing file of a dataset": Wrong(
        r"absent\.gz: got 'no file'; allowed: a file; run `apt-get install it`",
        parts="parts['data'] = Absent()",
    ),
    "wrong setting of the study": Wrong(
        r".*wrong\.py:\d+: sampler: got 'bayes'; allowed: 'tpe', .*; choose",
        settings="sampler='bayes'",
    ),
    "syntax error": Wrong(
        rf".*wrong\.py:{PARTS_LINE}: got \"SyntaxError: .*\"; allowed: .*; correct that line",
        parts="parts[",
    ),
    "setting of the study that does not exist": Wrong(
        r".*wrong\.py:\d+: got \"TypeError: .*sedes.*\"; allowed: .*; correct that line",
        settings="sedes=3",
    ),
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty directory, whose store is not there yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path / "store"


@pytest.fixture
def harness(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Return a function that runs the command in this process."""
    del store

    def call(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["harness", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return call


def write(wrong: Wrong, name: str = "wrong") -> None:
    text = STUDY.replace("PARTS", wrong.parts).replace("SETTINGS", wrong.settings)
    Path("studies", f"{name}.py").write_text(text)


def refused(ended: Ended, said: str) -> None:
    assert ended.status == 2, ended
    assert ended.out == ""
    assert re.fullmatch(rf"error: {said}.*\n", ended.err), ended.err


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_study_fails_before_anything_is_trained_or_written(
    wrong: Wrong, harness: Callable[..., Ended], store: Path
) -> None:
    write(wrong)
    refused(harness("study", "wrong"), wrong.said)
    assert not store.exists()


@pytest.mark.parametrize("name", ["negative learning rate", "syntax error"])
@pytest.mark.parametrize("verb", ["plan", "report", "check"])
def test_the_other_verbs_refuse_it_alike(
    verb: str, name: str, harness: Callable[..., Ended], store: Path
) -> None:
    write(WRONG[name])
    ended = harness(verb) if verb == "check" else harness(verb, "wrong")
    refused(ended, WRONG[name].said)
    assert list(store.glob("*.db")) == []


def test_planning_reads_the_data_and_checking_does_not(harness: Callable[..., Ended]) -> None:
    wrong = WRONG["missing file of a dataset"]
    write(wrong)
    refused(harness("plan", "wrong"), wrong.said)
    assert harness("check").status == 0


def test_an_unknown_name_lists_what_there_is(harness: Callable[..., Ended], store: Path) -> None:
    write(Wrong(""), "first")
    write(Wrong(""), "second")
    for verb in ("study", "plan", "report"):
        for name in ("third", "../first", "", "first.py"):
            said = rf"study NAME: got '{re.escape(name)}'; allowed: first, second; .*make list"
            refused(harness(verb, name), said)
    assert not store.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["study"], "Missing argument 'name'"),
        (["study", "a", "b"], "Got unexpected extra argument"),
        (["study", "a", "--trials", "0"], "Invalid value for '--trials'"),
        (["study", "a", "--trials", "many"], "Invalid value for '--trials'"),
        (["study", "a", "--epochs", "1.5"], "Invalid value for '--epochs'"),
        (["study", "a", "--worker", "2"], "No such option: --worker"),
        (["study", "a", "--retry", "typo"], r"RETRY: got 'typo'; allowed: failed; say RETRY="),
        (["studdy", "a"], "No such command 'studdy'"),
        (["resume", "abc", "--epochs", "5"], r"EPOCHS: got '5'; allowed: \+1, \+2, …; say EPOCHS="),
        (["resume", "abc", "--schedule", "keep"], r"SCHEDULE: got 'keep'; allowed: with EPOCHS; "),
        (["resume", "abc", "lr=0.1"], r"resume: got 'lr=0.1'; .*start=FromRun\(run=\"abc\"\)"),
        (["resume", "abc", "--epochs", "+0"], r"EPOCHS: got '\+0'; "),
        (["ui", "--port", "99999"], "Invalid value for '--port'"),
        (["compare"], "Missing argument 'runs'"),
    ],
)
def test_wrong_words_are_one_line(
    words: list[str], said: str, harness: Callable[..., Ended], store: Path
) -> None:
    refused(harness(*words), said)
    assert not store.exists()


def test_an_environment_that_lets_a_checkpoint_run_code_is_refused(
    harness: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Wrong(""), "right")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    refused(
        harness("study", "right"), "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD: got '1'; allowed: unset; "
    )


def test_list_shows_questions_as_they_are_written(harness: Callable[..., Ended]) -> None:
    assert harness("list").out == "no studies: write studies/NAME.py\n"
    write(WRONG["syntax error"], "broken")
    Path("studies/odd.py").write_text('study = Study(question="Is [/b] or [red] better?")')
    Path("studies/wrong.py").write_text("raise SystemExit('executed')")
    ended = harness("list")
    assert (ended.status, ended.err) == (0, "")
    assert "Is [/b] or [red] better?" in ended.out
    assert f"does not parse: line {PARTS_LINE}" in ended.out
    assert "not run yet" in ended.out


def test_check_says_how_many_recipes_it_built(harness: Callable[..., Ended]) -> None:
    write(Wrong(""), "right")
    assert harness("check").out == "right: 4 recipes of 2 cells build\n"


def test_plan_shows_every_cell_and_trains_nothing(
    harness: Callable[..., Ended], store: Path
) -> None:
    write(Wrong(""), "right")
    ended = harness("plan", "right", "--trials", "3", "--seeds", "2", "--epochs", "1")
    assert ended.status == 0, ended
    assert re.search(r"^depth=1 +5 +5,?\d*", ended.out, re.MULTILINE), ended.out
    assert "2 cells × 5 trials = 10 trials" in ended.out
    assert not store.exists()


LIGHT = [
    ["--help"],
    [],
    ["study", "--help"],
    ["list"],
    ["study", "nowhere"],
    ["study", "../wrong"],
    ["study", "wrong", "--retry", "typo"],
    ["study", "wrong", "--bogus"],
    ["resume", "abc", "--epochs", "5"],
]
PROBE = """
import contextlib, io, json, sys
from harness import cli
found = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["harness", *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as ended:
            status = ended.code
    found.append([status, out.getvalue(), err.getvalue()])
print(json.dumps([found, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_what_needs_no_torch_imports_none(store: Path) -> None:
    write(WRONG["syntax error"])
    command = [sys.executable, "-W", "error", "-c", PROBE, json.dumps(LIGHT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found, imported = json.loads(done.stdout)
    for words, (status, out, err) in zip(LIGHT, found, strict=True):
        right = words in ([], ["list"]) or "--help" in words
        assert status in ((0, None) if right else (2,)), (words, err)
        assert bool(out) is right, words
        assert err.count("\n") == (0 if right else 1), (words, err)
    assert set(HEAVY) & set(imported) == set()
    assert not store.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["study", "nowhere"], r"study NAME: got 'nowhere'; allowed: wrong; "),
        (["study", "wrong"], WRONG["negative learning rate"].said),
    ],
    ids=["unknown", "wrong"],
)
def test_the_command_itself_says_it_in_one_line(words: list[str], said: str, store: Path) -> None:
    write(WRONG["negative learning rate"])
    done = subprocess.run(
        [HARNESS, *words], capture_output=True, text=True, timeout=120, check=False
    )
    refused(Ended(done.returncode, done.stdout, done.stderr), said)
    assert not store.exists()
