"""Study: a question, a space of recipes, what is measured, a budget; and how one is loaded."""

import ast
import importlib.util
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.claims import Cell, Claim, Contrast, Value, contrasts, every_level
from harness.published import Published
from harness.recipe import Recipe
from harness.settings import UserError, require_choice, require_name, require_range, require_whole

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("tpe", "nsga2", "gp", "qmc", "random", "grid")
PRUNERS = ("none", "median", "hyperband", "halving")
SamplerOf = Callable[[int], "optuna.samplers.BaseSampler"]
"""A user's own sampler, made from a seed: each trial draws from a sampler of its own seed."""
BUDGETS = ("trials", "seeds", "epochs")


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question and how it is answered.

    With `scientific`, a designed comparison: in every cell (combination of scientific values)
    `trials_per_cell` quasi-random points tune what `space` suggests (search), then each cell's
    best recipe is trained on `seeds` fresh seeds and evaluated on the test set (confirm).
    Without it, an ordinary Optuna search of `trials` trials by `sampler` and `pruner`; a random
    share `audit` of what is pruned trains to its end all the same, to show what pruning costs.

    `objective` names what is tuned for (the first one also picks each training's best epoch);
    `answer` names the metric the report answers with, by default the task's headline metric on the
    test set (validation set for an ordinary search); `compare` names the scientific value whose
    levels are compared, by default the first. `claims` are what the study sets out to show; by
    default that each level of the compared value differs from its first. A study of `published`
    results answers instead which of them hold here. `after` names studies
    that must be complete before, such as one that trains a base; they are run first. `log_every`
    logs the training loss of every so many optimizer steps too, as step/train_loss.
    """

    question: str
    space: Callable[..., Recipe]
    objective: str | tuple[str, ...] = "val/loss"
    scientific: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    trials_per_cell: int = 16
    seeds: int = 10
    trials: int = 50
    compare: str | None = None
    claims: tuple[Claim, ...] = ()
    published: tuple[Published, ...] = ()
    answer: str | None = None
    metrics: tuple[str, ...] = ()
    sampler: "Literal['tpe', 'nsga2', 'gp', 'qmc', 'random', 'grid'] | SamplerOf" = "tpe"
    pruner: "Literal['none', 'median', 'hyperband', 'halving'] | optuna.pruners.BasePruner" = "none"
    audit: float = 0.05
    grid: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    seed: int = 0
    after: tuple[str, ...] = ()
    epochs: int | None = None
    log_every: int | None = None
    name: str = ""
    source: Path | None = None

    def __post_init__(self) -> None:
        for what in ("trials_per_cell", "seeds", "trials"):
            require_whole(what, getattr(self, what))
        require_whole("seed", self.seed, low=0)
        require_range("audit", self.audit, low=0, high=1)
        if self.log_every is not None:
            require_whole("log_every", self.log_every)
        if not self.objectives:
            raise UserError("objective", got=(), allowed="at least one", do="name a metric")
        if isinstance(self.sampler, str):
            require_choice("sampler", self.sampler, SAMPLERS)
        if isinstance(self.pruner, str):
            require_choice("pruner", self.pruner, PRUNERS)
        if not self.question.strip():
            raise UserError("question", got=self.question, allowed="a sentence", do="ask one")
        if (self.sampler == "grid") != bool(self.grid):
            do = 'give grid={"name": (values)} exactly when sampler="grid"'
            raise UserError("grid", got=dict(self.grid), allowed="values to try", do=do)
        if len(self.objectives) > 1 and self.pruner != "none":
            do = 'set pruner="none" or make one of them a constraint'
            raise UserError("pruner", got=self.pruner, allowed="none with many objectives", do=do)
        self._check_design()

    def _check_design(self) -> None:
        for name, values in self.scientific.items():
            plain = all(isinstance(value, bool | int | float | str) for value in values)
            if not values or not plain or len(set(map(str, values))) != len(values):
                do = "list each value once: bool, int, float or str"
                raise UserError(f"scientific {name}", got=values, allowed="distinct values", do=do)
        if self.compare is not None:
            require_choice("compare", self.compare, list(self.scientific))
        if self.scientific and (len(self.objectives) > 1 or self.pruner != "none"):
            do = "use one objective and no pruner, or drop scientific"
            got = (self.objectives, self.pruner)
            raise UserError(
                "designed comparison", got=got, allowed="one objective, unpruned", do=do
            )
        if self.claims and not self.scientific:
            do = "add scientific values, or drop the claims"
            raise UserError("claims", got=len(self.claims), allowed="a designed study", do=do)
        for claim in self.claims:
            claim.check(self.scientific, str(self.compared))
        for result in self.published:
            result.check(self.scientific)

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives as a tuple."""
        return (self.objective,) if isinstance(self.objective, str) else self.objective

    @property
    def compared(self) -> str | None:
        """The scientific value whose levels are compared; None in an ordinary search."""
        return self.compare or next(iter(self.scientific), None)

    def planned(self) -> list[Contrast]:
        """Return the comparisons that the study claims before it runs."""
        return self._contrasts(self.claims) if self.claims else self.by_level()

    def by_level(self) -> list[Contrast]:
        """Return each level of the compared value against its first, at equal other values."""
        if not self.scientific or self.published:
            return []
        return self._contrasts(every_level(self.scientific, str(self.compared)))

    def _contrasts(self, claims: tuple[Claim, ...]) -> list[Contrast]:
        return contrasts(claims, self.scientific, str(self.compared), self.answer)

    def cells(self) -> list[dict[str, Value]]:
        """Return every combination of the scientific values; one empty cell if there are none."""
        combinations = itertools.product(*self.scientific.values())
        return [dict(zip(self.scientific, values, strict=True)) for values in combinations]

    def recipe(self, trial: "optuna.trial.BaseTrial", cell: Cell) -> Recipe:
        """Return the recipe of one trial in one cell, with the run's own number of epochs."""
        recipe = self.space(trial, **cell)
        if not isinstance(recipe, Recipe):
            raise UserError(
                "space", got=recipe, allowed="a Recipe", do="return Recipe(…) from space"
            )
        return recipe if self.epochs is None else replace(recipe, epochs=self.epochs)


def label(cell: Cell) -> str:
    """Return "name=value name=value", or "all" for the empty cell."""
    return " ".join(f"{name}={value}" for name, value in cell.items()) or "all"


def folder() -> Path:
    """Return the directory of study files: `studies` in the current directory."""
    return Path.cwd() / "studies"


def store() -> Path:
    """Return the store: $HARNESS_STORE, or `mlruns` in the current directory."""
    return Path(os.environ.get("HARNESS_STORE") or Path.cwd() / "mlruns").resolve()


def names() -> list[str]:
    """Return the names of the study files, sorted."""
    return sorted(path.stem for path in folder().glob("*.py") if not path.stem.startswith("_"))


def path_of(name: str) -> Path:
    """Return a study's file; raise UserError, listing what there is, if there is none."""
    if name not in names():
        do = "say NAME=one-of-these, or write studies/NAME.py; `make list` tells more"
        raise UserError("study NAME", got=name, allowed=", ".join(names()) or "no studies", do=do)
    return folder() / f"{require_name(name, 'study NAME')}.py"


def questions() -> Iterator[tuple[str, str]]:
    """Yield (name, question) of every study, read from its text without importing it."""
    for name in names():
        yield name, _question((folder() / f"{name}.py").read_bytes())


def _question(text: bytes) -> str:
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return f"(does not parse: line {error.lineno}: {error.msg})"
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="question", value=ast.Constant(value=question)):
                return str(question)
    return (ast.get_docstring(tree) or "(no question)").partition("\n")[0]


def load(name: str, budget: Mapping[str, int] | None = None) -> Study:
    """Import a study's file and return its `study`, named, with the given budgets in place.

    Raises:
        UserError: there is no such study, its file cannot be imported, or it defines no `study`.
    """
    path = path_of(name)
    module_name = f"studies.{name}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except UserError as error:
        raise UserError.within(f"{path}:{line_in(path, error)}", error) from error
    except Exception as error:
        line = line_in(path, error)
        got = f"{type(error).__name__}: {error}"
        allowed = "a file that Python can import"
        raise UserError(
            f"{path}:{line}", got=got, allowed=allowed, do="correct that line"
        ) from error
    found = getattr(module, "study", None)
    if not isinstance(found, Study):
        do = "end the file with study = Study(…)"
        raise UserError(f"{path}: study", got=found, allowed="a harness Study", do=do)
    return _with_budget(replace(found, name=name, source=path), budget or {})


def _with_budget(study: Study, budget: Mapping[str, int]) -> Study:
    for what, value in budget.items():
        require_choice("budget", what, BUDGETS)
        require_whole(what.upper(), value)
    changes = dict(budget)
    if "trials" in changes and study.scientific:
        changes["trials_per_cell"] = changes.pop("trials")
    return replace(study, **changes)  # type: ignore[arg-type]


def line_in(path: Path, error: BaseException) -> int:
    """Return the line of `path` that an error came through last, or 1."""
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    trace, line = error.__traceback__, 1
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
