"""Model card: what a network is, what it scores and how surely, where it comes from, in words.

Sections follow Mitchell et al. 2019 (arXiv:1810.03993) as far as a training knows the answers.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

from harness.export.form import Form
from harness.lineage import ancestors
from harness.settings import flat
from harness.statistics.intervals import Interval, share_interval, t_interval
from harness.tracking import client, search
from harness.trained import Trained

SHARES = ("accuracy",)
"""Metrics that are a share of examples, so that Wilson's interval holds for one run."""
NOT_SCORES = ("best/epoch", "best/train_loss")


def card(trained: Trained, form: Form, largest: float) -> str:
    """Return the model card as Markdown; `largest` is the difference that the copy showed."""
    tags, recipe = trained.run.data.tags, trained.recipe
    title = f"{type(recipe.model).__name__} on {type(recipe.data).__name__}"
    parts = [
        f"# {title}",
        f"Run `{trained.id}` of the study `{tags['harness.study']}` ({tags['harness.cell']}), "
        f"trained by the harness at commit `{tags.get('mlflow.source.git.commit') or 'unknown'}`"
        f"{' with uncommitted changes' if tags.get('harness.dirty') == 'true' else ''}.",
        *_section("What it is", _what(trained)),
        *_section("Scores", _scores(trained)),
        *_section("Data", _data(trained)),
        *_section("Counts and depths", _counts(trained)),
        *_section("Lineage", _lineage(trained)),
        *_section("Use", [form.use, "", _compared(form, largest)]),
        *_section("Licence", _licence(trained)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, lines: Iterable[str]) -> tuple[str, str]:
    return f"## {title}", "\n".join(lines)


def _what(trained: Trained) -> Iterator[str]:
    recipe = trained.recipe
    kinds = {"model": recipe.model, "task": recipe.task, "strategy": recipe.strategy}
    yield from _table(("setting", "value"), flat(recipe).items())
    yield ""
    for name, kind in kinds.items():
        yield f"- {name}: {_first_line(kind)}"
    facts = recipe.data.facts()
    yield f"- input: (batch, {', '.join(map(str, facts.inputs))}), {facts.holds}"
    yield f"- target: {facts.targets}, {facts.outputs:,} of them"


def _scores(trained: Trained) -> Iterator[str]:
    """Yield a table of the test set's metrics, or, where it was not touched, of validation."""
    metrics = trained.run.data.metrics
    part = "test" if any(name.startswith("test/") for name in metrics) else "best"
    seeds = _runs_of_the_cell(trained) if part == "test" else []
    facts = trained.recipe.data.facts()
    examples = facts.test if part == "test" else facts.validation
    if part == "best":
        yield "The test set was not touched: these are of the validation part, which chose the"
        yield "epoch and maybe more, so they are too good.\n"
    head = ("metric", "this run", f"95 % over {examples:,} examples", "mean of its cell's seeds")
    rows = []
    for name in sorted(name for name in metrics if name.startswith(f"{part}/")):
        if name in NOT_SCORES:
            continue
        over_seeds = t_interval([each[name] for each in seeds if name in each])
        inside = _examples(name, metrics[name], examples)
        rows.append((name, f"{metrics[name]:.4g}", inside, _interval(over_seeds)))
    yield from _table(head, rows)


def _examples(name: str, value: float, examples: int) -> str:
    if name.partition("/")[2] not in SHARES:
        return "–"
    return _bounds(share_interval(round(value * examples), examples))


def _runs_of_the_cell(trained: Trained) -> list[dict[str, float]]:
    tags = trained.run.data.tags
    wanted = {name: tags[name] for name in ("harness.study", "harness.cell")}
    wanted |= {"harness.role": "confirm", "harness.status": "finished"}
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())
    return [dict(run.data.metrics) for run in search(client(trained.root), query)]


def _data(trained: Trained) -> Iterator[str]:
    data = trained.recipe.data
    facts = data.facts()
    yield f"{type(data).__name__}: {_first_line(data)}"
    yield ""
    yield f"- settings: `{json.dumps(data.to_json()['settings'])}`"
    yield f"- examples: {facts.train:,} train, {facts.validation:,} validation, {facts.test:,} test"
    yield f"- sha256 of the content: `{data.digest()}`"
    if data.caveat:
        yield f"- {data.caveat}"
    yield "- numbers are standardised with the mean and the deviation of the training part"


def _counts(trained: Trained) -> Iterator[str]:
    """Yield what the run's anatomy counted before the training."""
    metrics = trained.run.data.metrics
    kept = ("params/", "depth/", "flops/")
    rows = [(name, f"{metrics[name]:,.0f}") for name in sorted(metrics) if name.startswith(kept)]
    return _table(("count", "value"), rows)


def _lineage(trained: Trained) -> Iterator[str]:
    for run in ancestors(trained.root, trained.run):
        tags = run.data.tags
        base = tags.get("harness.base")
        begun = f"from weights of sha256 `{base}`" if base else "from random weights"
        differs = f"; differs from its parent: {tags['harness.differs']}" if base else ""
        yield f"- `{run.info.run_id}` {run.info.run_name}: {begun}{differs}"
    yield f"- these weights: sha256 `{trained.sha256}` of the run's file of weights"


def _licence(trained: Trained) -> Iterator[str]:
    yield "The code that trained it is Apache-2.0. The weights are of whoever trained them: state"
    yield "their licence here before you share them. The data came under terms of their own:"
    yield f"see {type(trained.recipe.data).__name__} above and its home."


def _compared(form: Form, largest: float) -> str:
    exact = "to the bit" if form.tolerance == 0 else f"the largest difference was {largest:.1g}"
    return (
        "`example.safetensors` holds `inputs` (standardised) and the network's `output` for them. "
        f"The file was read back and gave the same: {exact}."
    )


def _first_line(settings: object) -> str:
    return (settings.__doc__ or "").strip().partition("\n")[0]


def _bounds(interval: Interval) -> str:
    return f"{interval.low:.4g} to {interval.high:.4g}"


def _interval(interval: Interval) -> str:
    if interval.n < 2:
        return "–"
    return f"{interval.mean:.4g} ({_bounds(interval)}; n = {interval.n})"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(str(each) for each in row)} |"
