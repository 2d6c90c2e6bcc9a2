"""Imports point down only, each outside library stays where it belongs, and studies are uses."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        "settings facts phases start parts recipe study claims published packages",
        "models data strategies anatomy discovery sizing statistics outline selectors groups base"
        " length",
        "tasks learner course frozen optimizer evaluation store provenance system phase_runner"
        " curves preview subjects fresh",
        "checkpoints interpolation pace keeper outcome identity training fused rows weight_files"
        " footprint outbox tracked tracking measures views forgetting representation traces",
        "design assigned tried samplers pruning search checks kinds capability trials stacks blocks"
        " lineage forks workers results reproduction finetuning record plots progress registration"
        " caveats comparisons findings pruning_cost",
        "compare anatomy_tables described phase_tree "
        "starts answer audits words resolution page report plan run resume listing ui verify"
        " side_by_side trained export explain examples_file predictions generations",
        "verbs cli",
    )
)
"""The layer of a top-level module, or of all files of a folder: from the bottom, 0, to 6."""

LIBRARIES: dict[str, frozenset[str]] = {
    library: frozenset(modules.split())
    for library, modules in {
        "mlflow": "outbox rows tracked tracking",
        "optuna": "assigned tried search samplers pruning checks trials results progress resume"
        " starts",
        "pytorch_lightning": "training keeper learner outcome fused trained",
        "lightning_fabric": "training checkpoints",
        "torchmetrics": "evaluation keeper",
        "sklearn": "",
        "scipy": "statistics samplers",
        "statsmodels": "statistics",
        "safetensors": "weight_files starts export",
        "captum": "explain",
        "psutil": "stacks store system forks",
        "sqlalchemy": "outbox rows store tracking",
        "sqlite3": "store listing",
        "fcntl": "store",
        "multiprocessing": "forks workers",
        "subprocess": "provenance ui",
        "urllib": "",
        "typer": "cli verbs",
        "rich": "anatomy_tables described phase_tree "
        "capability checks compare lineage listing plan progress resume run "
        "side_by_side verbs verify export explain",
        "plotly": "page plots",
        "matplotlib": "",
        "jinja2": "explain page",
        "pandas": "anatomy described "
        "answer caveats comparisons compare curves findings page plots pruning_cost record"
        " reproduction finetuning results side_by_side statistics",
    }.items()
}
"""Which modules of the core import a library; layer 0 imports none of them, nor torch."""

PLUG_INS = frozenset({"models", "data", "tasks", "strategies"})
NOT_IN_A_PLUG_IN = frozenset(
    [
        "mlflow",
        "optuna",
        "typer",
        "rich",
        "plotly",
        "matplotlib",
        "jinja2",
        "sqlalchemy",
        "sqlite3",
        "fcntl",
        "multiprocessing",
        "subprocess",
    ]
)
NAMED_BY_THE_CORE = {("trials", "tasks.classify")}
"""Only a study names the class it uses; this is the one exception, for the confusion matrix."""

IN_A_STUDY = frozenset({"harness", "optuna", "torch", "dataclasses", "math", "typing"})


def modules() -> dict[str, Path]:
    """Every module of the harness by its name without "harness."."""
    found = {}
    for path in sorted((ROOT / "harness").rglob("*.py")):
        parts = path.relative_to(ROOT / "harness").with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()
every_module = pytest.mark.parametrize("name", [name for name in MODULES if name])


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those under `if TYPE_CHECKING:`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from walk(child)


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, at its top or inside a function, with its full name."""
    found = set()
    for node in walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the import in full"
            base = node.module or ""
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                is_module = deeper.removeprefix("harness.") in MODULES and base != deeper
                found.add(deeper if deeper.startswith("harness.") and is_module else base)
    return frozenset(found)


def own_imports(name: str) -> set[str]:
    """Every module of the harness that one of them imports, without "harness."."""
    inner = {each for each in imports(MODULES[name]) if each.partition(".")[0] == "harness"}
    return {each.removeprefix("harness").removeprefix(".") for each in inner} - {""}


def top(name: str) -> str:
    return name.partition(".")[0]


def layer(name: str) -> int:
    for number, members in enumerate(LAYERS):
        if top(name) in members:
            return number
    raise AssertionError(f"harness.{name} has no layer: add it to LAYERS in tests/test_layers.py")


@every_module
def test_imports_point_down(name: str) -> None:
    upward = {each for each in own_imports(name) if layer(each) > layer(name)}
    assert upward == set(), f"harness.{name} is in layer {layer(name)}"


def test_no_import_goes_in_a_circle() -> None:
    graph = {name: own_imports(name) for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_table_has_no_module_that_is_gone() -> None:
    listed = [name for members in LAYERS for name in members]
    assert len(listed) == len(set(listed))
    assert set(listed) == {top(name) for name in MODULES if name}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    using = {
        top(name)
        for name, path in MODULES.items()
        if library in {top(imported) for imported in imports(path)} and top(name) not in PLUG_INS
    }
    assert using == LIBRARIES[library], f"make the table in {Path(__file__).name} tell the truth"


@pytest.mark.parametrize("name", [name for name in MODULES if top(name) in PLUG_INS])
def test_a_plug_in_leaves_tracking_search_and_drawing_to_others(name: str) -> None:
    assert {top(each) for each in imports(MODULES[name])} & NOT_IN_A_PLUG_IN == set()


@pytest.mark.parametrize("name", sorted(LAYERS[0]))
def test_the_lowest_layer_imports_the_standard_library_alone(name: str) -> None:
    outside = {top(each) for each in imports(MODULES[name])}
    assert outside & {"torch", "numpy", *LIBRARIES} == set()


def test_the_trainer_is_made_only_in_training() -> None:
    making = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Trainer"
    }
    assert making == {"training"}


def test_the_core_names_no_plug_in() -> None:
    named = {
        (name, each)
        for name in MODULES
        for each in own_imports(name)
        if top(name) not in PLUG_INS and top(each) in PLUG_INS and "." in each
    }
    assert named == NAMED_BY_THE_CORE


@every_module
def test_the_harness_imports_no_study_and_no_test(name: str) -> None:
    outside = {top(each) for each in imports(MODULES[name])}
    assert outside & {"studies", "tests", "benchmarks"} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.py")), ids=lambda p: p.stem)
def test_a_study_imports_the_harness_and_little_else(path: Path) -> None:
    assert {top(each) for each in imports(path)} <= IN_A_STUDY
