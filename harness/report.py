"""Report: a study's answer as one HTML page that needs nothing but itself."""

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from harness.answer import Answer
from harness.plots import (
    loss_against_parameters,
    parameters_by_type,
    pareto,
    quality_against_parameters,
    style,
    tables,
    tuning,
)
from harness.record import Record
from harness.statistics.intervals import SMALLEST_INTERVAL
from harness.statistics.power import SMALLEST_CLAIM


@dataclass(frozen=True)
class Key:
    """One line of a legend."""

    color: str
    mark: str
    name: str


@dataclass(frozen=True)
class Drawing:
    """A figure with its heading, what it shows in words, and the least width to read it at.

    Its legend is text below it: it wraps on a narrow screen, where Plotly's would cover the axis.
    """

    title: str
    caption: str
    legend: tuple[Key, ...]
    json: Markup
    width: int


def render(record: Record, answer: Answer, facts: Mapping[str, str]) -> str:
    """Return the page: answer, figures, tables, caveats, method, how to make it again.

    `facts` is shown as it is, in its order: the command, versions, the commit, when. Everything
    that comes from users is escaped. The page asks no host for anything; its content security
    policy allows its own two scripts, by their hashes, and no other.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sha256"] = _hash
    return environment.get_template("report.html").render(
        study=record.study,
        answer=answer,
        facts=facts,
        drawings=list(drawings(record)),
        listings=list(tables.listings(record, answer.table)),
        method=list(method(record)),
        library=Markup(get_plotlyjs().replace("\r\n", "\n")),
    )


def _hash(script: str) -> str:
    """Return a script's sha256 as a content security policy writes it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def drawings(record: Record) -> Iterator[Drawing]:
    """Yield the figures that the record has data for."""
    shown = [
        (
            f"{record.shown_metric} against parameters",
            "Each point is one training; larger marks are means over confirm seeds with their 95 % "
            "interval; a cross diverged and counts as the worst value.",
            quality_against_parameters,
        ),
        (
            "Loss against parameters",
            "Validation loss (full marks, solid) and training loss (open marks, dashed).",
            loss_against_parameters,
        ),
        (
            "What was tuned",
            "Each point is one tuning trial. A star is the best of its cell, a cross diverged "
            "(drawn at the worst value), dotted lines are the ends of the search.",
            tuning,
        ),
        (
            "Parameters by layer type",
            "Of the recipe that stands for each cell: the confirmed one, or the best so far.",
            parameters_by_type,
        ),
    ]
    if len(record.study.objectives) > 1:
        caption = "Trials that no other trial beats in every objective."
        shown.insert(0, ("Pareto front", caption, pareto))
    for title, caption, plot in shown:
        data = plot.numbers(record)
        if len(data):
            panels = data.get("panel", pandas.Series([""])).nunique()
            width = style.PANEL_WIDTH * style.grid(panels)[1]
            figure = plot.draw(data)
            keys = tuple(legend(figure))
            figure.update_layout(showlegend=False)
            yield Drawing(title, caption, keys, as_json(figure), width)


def legend(figure: go.Figure) -> Iterator[Key]:
    """Yield the traces that a figure's legend names."""
    for trace in figure.data:
        if trace.name and trace.showlegend is not False:
            shape = "square" if trace.type == "bar" else trace.marker.symbol
            mark = style.SYMBOLS.get(shape, "●") if isinstance(shape, str) else "●"
            yield Key(trace.marker.color, mark, html.unescape(trace.name))


def as_json(figure: go.Figure) -> Markup:
    """Return a figure as JSON that can stand in a script tag: no <, > or & in it."""
    text = str(figure.to_json())
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def method(record: Record) -> Iterator[str]:
    """Yield how the study was made, in sentences."""
    study = record.study
    if not study.scientific:
        sampler = study.sampler if isinstance(study.sampler, str) else "the study's own sampler"
        pruner = study.pruner if isinstance(study.pruner, str) else "the study's own pruner"
        yield f"An Optuna search of {study.trials} trials (sampler {sampler}, pruner {pruner})."
        yield f"Objective: {', '.join(study.objectives)}, at the best epoch of each trial."
        return
    yield (
        f"A designed comparison of {study.compared} in {len(record.cells())} cells: every "
        f"combination of {', '.join(study.scientific)}."
    )
    yield (
        f"Search: {study.trials_per_cell} quasi-random trials in each cell tuned the nuisance "
        f"values for {study.objectives[0]}. Confirm: the best recipe of each cell was trained "
        f"anew on {study.seeds} fresh seeds, the same in every cell, and answers by "
        f"{record.answer_metric}. A seed decides initialisation, order and augmentation together."
    )
    yield (
        "Intervals are Student's t, 95 %, over seeds. Differences are paired by seed "
        "(scipy.stats.ttest_rel); p-values are corrected by Holm for all comparisons of the study."
    )
    yield (
        f"Below {SMALLEST_INTERVAL} seeds nothing is said, below "
        f"{SMALLEST_CLAIM} pairs there is an interval but no claim. That a difference "
        "cannot be told is no evidence that there is none: that takes an equivalence test with a "
        "margin fixed beforehand."
    )
