"""Examples: the pictures of single answers, by what the network reads."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor

from harness.explain import drawings, figure
from harness.explain.attributions import Attributions, attribute
from harness.explain.figure import Figure
from harness.explain.subject import Subject

MOST_BARS, MOST_NAMED = 12, 5
OVERALL = 128
"""Validation examples over which attributions are averaged."""
Named = tuple[list[str], list[float]]


def examples(subject: Subject, chosen: Tensor, name: str) -> Iterator[Figure]:
    """Yield a figure for each of the validation examples `chosen` (n,)."""
    if not len(chosen):
        return
    found, draw = attribute(subject, chosen), _drawing(subject)
    for place, number in enumerate(chosen.tolist()):
        content, words = draw(subject, subject.inputs[number], found.values[place])
        yield Figure(
            name=f"{name}_{place + 1}",
            title=subject.said(number),
            caption=f"{words} {found.in_words(place)}",
            content=content,
        )


def overall(subject: Subject) -> Iterator[Figure]:
    """Yield what counts over many examples: columns of a table, or words of texts."""
    if subject.facts.holds == "numbers" and len(subject.facts.inputs) != 1:
        return
    chosen = torch.arange(min(OVERALL, len(subject.inputs)))
    found = attribute(subject, chosen)
    if subject.facts.holds == "tokens":
        names, values = _by_word(subject, chosen, found)
        answer = subject.classes[-1] if subject.facts.outputs < 3 else "the answer"
        about = f"Mean of words seen three times or more, blue for {answer}: most"
    else:
        names, values = _by_column(subject, found)
        about = "Mean absolute attribution of each column, most"
    if names:
        yield Figure(
            name="overall",
            title="What counts over many examples",
            caption=f"{about} {_listed(names, values)}. Over {len(chosen)} validation examples; "
            f"completeness errors of at most {float(found.errors.abs().max()):.1g}.",
            content=drawings.bars(names, values),
        )


def _drawing(subject: Subject) -> Callable[[Subject, Tensor, Tensor], tuple[bytes, str]]:
    if subject.facts.holds == "tokens":
        return _text
    return {1: _row, 2: _series, 3: _image}[len(subject.facts.inputs)]


def _image(_subject: Subject, image: Tensor, values: Tensor) -> tuple[bytes, str]:
    whole = values.sum(dim=0)
    content = figure.tiles([figure.grey(image), figure.signed(whole)], columns=2)
    place = whole.abs().flatten().argmax()
    row, column = divmod(int(place), whole.shape[1])
    most, way = float(whole[row, column]), "for" if whole[row, column] > 0 else "against"
    return content, (
        "Left the image; right which pixels speak for the answer (blue) and against it "
        f"(vermilion), most of all row {row}, column {column}, from 0: {most:+.2g}, {way} it."
    )


def _text(subject: Subject, tokens: Tensor, values: Tensor) -> tuple[bytes, str]:
    here = subject.present(tokens[None])[0]
    words, weights = subject.data.words(tokens[here]), values[here]
    order = weights.abs().argsort(descending=True)[:MOST_NAMED].tolist()
    said = _listed([words[each] for each in order], [float(weights[each]) for each in order])
    return drawings.marked(words, weights), f"“{' '.join(words)}” – most by {said}."


def _row(subject: Subject, row: Tensor, values: Tensor) -> tuple[bytes, str]:
    names, sums = zip(*_grouped(subject, row, values), strict=True)
    order = sorted(range(len(sums)), key=lambda place: -abs(sums[place]))[:MOST_BARS]
    named, listed = [names[place] for place in order], [sums[place] for place in order]
    ways = ("speaks for the answer", "against") if subject.classifies else ("raises", "lowers")
    words = f"What {ways[0]} (blue) and {ways[1]} it (vermilion): {_listed(named, listed)}."
    return drawings.bars(named, listed), words


def _series(subject: Subject, series: Tensor, values: Tensor) -> tuple[bytes, str]:
    here = subject.present(series[None])[0]
    channels = series.shape[1] - subject.facts.ragged
    kept, weights = series[here, :channels], values[here, :channels]
    step, channel = divmod(int(weights.abs().argmax()), channels)
    most = f"step {step}, channel {channel}: {float(weights[step, channel]):+.2g}"
    words = f"Blue speaks for the answer, vermilion against it, most of all {most}."
    if channels == 1:
        return drawings.curve(kept[:, 0].tolist(), weights[:, 0]), words
    pictures = [figure.grey(kept.T[None]), figure.signed(weights.T)]
    return figure.tiles(pictures, columns=1), (
        f"Above the series, a row a channel and a column a step; below what it counts. {words}"
    )


def _grouped(subject: Subject, row: Tensor, values: Tensor) -> Iterator[tuple[str, float]]:
    """Yield (name, attribution): a number with its value as read, a category with the one it is.

    Standardisation is affine, so that two points undo it.
    """
    ends = torch.stack([torch.zeros_like(row), torch.ones_like(row)]).double()
    low, high = subject.data.standardise(ends, seed=subject.recipe.seed)
    raw = ((row - low) / (high - low)).tolist()
    names = subject.data.columns() or tuple(f"number {place}" for place in range(len(row)))
    columns = zip(names, raw, values.tolist(), strict=True)
    for group, members in groupby(columns, key=lambda column: _group_of(column[0])):
        among = list(members)
        name = max(among, key=lambda column: column[1])[0]
        shown = name if " = " in name else f"{group} = {among[0][1]:.4g}"
        yield shown, sum(value for _, _, value in among)


def _group_of(name: str) -> str:
    return name.partition(" = ")[0]


def _by_column(subject: Subject, found: Attributions) -> Named:
    names = subject.data.columns() or tuple(
        f"number {place}" for place in range(found.values.shape[1])
    )
    sums: dict[str, Tensor] = {}
    for name, column in zip(names, found.values.T, strict=True):
        group = _group_of(name)
        sums[group] = sums[group] + column if group in sums else column
    means = {name: float(column.abs().mean()) for name, column in sums.items()}
    return _most(means)


def _by_word(subject: Subject, chosen: Tensor, found: Attributions) -> Named:
    """Return the words that speak most for and against the last of two classes, or the answer."""
    here = subject.present(subject.inputs[chosen])
    towards = subject.asked(chosen) == subject.facts.outputs - 1
    sign = torch.where(towards, 1.0, -1.0) if subject.facts.outputs == 2 else torch.ones(len(here))
    tokens = subject.inputs[chosen][here]
    values = (found.values * sign[:, None])[here].double()
    seen, place = torch.unique(tokens, return_inverse=True)
    counts = place.bincount().double()
    means = torch.zeros(len(seen), dtype=torch.float64).index_add_(0, place, values) / counts
    kept = counts >= 3
    names = subject.data.words(seen[kept])
    return _most(dict(zip(names, means[kept].tolist(), strict=True)))


def _most(values: dict[str, float]) -> Named:
    order = sorted(values, key=lambda name: -abs(values[name]))[:MOST_BARS]
    return order, [values[name] for name in order]


def _listed(names: Sequence[str], values: Sequence[float]) -> str:
    pairs = list(zip(names, values, strict=True))[:MOST_NAMED]
    return ", ".join(f"{name} ({value:+.2g})" for name, value in pairs)
