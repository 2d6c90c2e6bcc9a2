"""Network: what is drawn of the network as a whole: its errors, its attention, its filters."""

from collections.abc import Iterator
from math import isqrt

from torch import Tensor, nn

from harness.explain import drawings, figure
from harness.explain.attention import looks
from harness.explain.figure import Figure
from harness.explain.subject import Subject
from harness.plots.confusion import confusion

MOST_FILTERS, MOST_POINTS, MOST_PAIRS = 64, 2_000, 5


def errors(subject: Subject) -> Iterator[Figure]:
    """Yield the confusion matrix, or the values said against the true ones."""
    if not subject.classifies:
        yield _points(subject)
        return
    count = subject.facts.outputs
    places = subject.targets * count + subject.outputs.argmax(dim=1)
    table = places.bincount(minlength=count**2).reshape(count, count)
    off = table.clone().fill_diagonal_(0).flatten()
    order = off.argsort(descending=True, stable=True)[:MOST_PAIRS]
    worst = [divmod(place, count) for place in order.tolist() if off[place]]
    listed = ", ".join(
        f"{subject.classes[true]} taken for {subject.classes[said]} ({int(table[true, said])})"
        for true, said in worst
    )
    right = int(table.diagonal().sum())
    yield Figure(
        name="confusion",
        title="Which class is taken for which",
        caption=f"{right:,} of {len(subject.targets):,} validation examples are right"
        f"{f'; most often: {listed}' if listed else ''}.",
        content=confusion(table.numpy(), subject.classes),
    )


def _points(subject: Subject) -> Figure:
    true = subject.in_units(subject.targets)[:MOST_POINTS, 0]
    said = subject.in_units(subject.outputs)[:MOST_POINTS, 0]
    typical, largest = float((said - true).abs().median()), float((said - true).abs().max())
    return Figure(
        name="said_against_true",
        title="What is said against what is true",
        caption=f"{len(true):,} validation examples; on the dashed line both are equal. Half of "
        f"the errors are below {typical:.3g}, the largest is {largest:.3g}.",
        content=drawings.points(true.tolist(), said.tolist()),
    )


def attention(subject: Subject) -> Iterator[Figure]:
    """Yield where it looks in the example of its worst error, a figure a layer."""
    number = int(subject.errors.argmax())
    inputs = subject.inputs[number : number + 1]
    found = looks(subject.network, inputs)
    about = f"The example is that of the worst error ({subject.said(number)})."
    for layer, weights in enumerate(found.maps, start=1):
        drawn = _map(subject, inputs[0], weights[0])
        if drawn is not None:
            yield Figure(
                name=f"attention_{layer}",
                title=f"Attention of layer {layer}",
                caption=f"{drawn[1]} {about}",
                content=drawn[0],
            )
    for layer, pooled in enumerate(found.pooled, start=1):
        if subject.facts.holds == "tokens":
            yield _pooled(subject, inputs[0], pooled[0], f"attention_pooling_{layer}", about)


def _map(subject: Subject, example: Tensor, weights: Tensor) -> tuple[bytes, str] | None:
    """Return a picture of (heads, queries, keys), and what it shows; None of other shapes."""
    if subject.facts.holds == "tokens" and weights.shape[-1] <= len(example):
        return _of_words(subject, example, weights)
    side = isqrt(weights.shape[-1] - 1)
    if len(subject.facts.inputs) == 3 and side**2 + 1 == weights.shape[-1]:
        heads = weights[:, 0, 1:].reshape(-1, side, side)
        pictures = [figure.signed(head) for head in heads]
        row, column = divmod(int(heads.mean(dim=0).argmax()), side)
        return figure.tiles(pictures, columns=4), (
            f"How much the class token looks at each patch, a square a head ({len(heads)}); in the "
            f"mean of heads most at row {row}, column {column} of {side} × {side} patches."
        )
    return None


def _of_words(subject: Subject, tokens: Tensor, weights: Tensor) -> tuple[bytes, str]:
    here = subject.present(tokens[None])[0][: weights.shape[-1]]
    words = subject.data.words(tokens[: weights.shape[-1]][here])
    mean = weights.mean(dim=0)[here][:, here]
    received = mean.mean(dim=0)
    most = ", ".join(words[place] for place in received.argsort(descending=True)[:3].tolist())
    return drawings.matrix(mean, words), (
        f"A row a word that looks, a column a word that is looked at, mean of {len(weights)} "
        f"heads; most is looked at: {most}."
    )


def _pooled(subject: Subject, tokens: Tensor, weights: Tensor, name: str, about: str) -> Figure:
    here = subject.present(tokens[None])[0]
    words, kept = subject.data.words(tokens[here]), weights[here]
    order = kept.argsort(descending=True)[:3].tolist()
    most = ", ".join(f"{words[place]} ({float(kept[place]):.2f})" for place in order)
    return Figure(
        name=name,
        title="Attention that pools the text",
        caption=f"The bluer, the more a word's state counts in the mean; most {most}. {about}",
        content=drawings.marked(words, kept),
    )


def filters(subject: Subject) -> Iterator[Figure]:
    """Yield the weights of the first convolution, if there is one."""
    kinds = (nn.Conv1d, nn.Conv2d)
    first = next((each for each in subject.network.modules() if isinstance(each, kinds)), None)
    if first is None:
        return
    weights = first.weight.detach()
    square = weights if weights.dim() == 4 else weights[:, :, None]
    pictures = [figure.signed(each) for each in square.flatten(0, 1)[:MOST_FILTERS]]
    low, high = float(weights.min()), float(weights.max())
    norms = weights.flatten(1).norm(dim=1)
    yield Figure(
        name="filters",
        title="Filters of the first convolution",
        caption=f"{len(pictures)} of {weights.shape[0] * weights.shape[1]}, each in colours of its "
        f"own: blue positive, vermilion negative. Weights go from {low:.2g} to {high:.2g}; the "
        f"norms of the filters from {float(norms.min()):.2g} to {float(norms.max()):.2g}.",
        content=figure.tiles(pictures, columns=8),
    )
