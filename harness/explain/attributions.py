"""Attributions: integrated gradients of single answers, with their completeness error.

Sundararajan et al. 2017, arXiv:1703.01365, by the package `captum`. The path begins at the mean of
the validation part; a black image would say that nothing black can matter (Sturmfels et al. 2020,
doi:10.23915/distill.00022).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.explain.subject import Subject
from harness.facts import PADDING
from harness.settings import UserError

STEPS = (64, 256, 1024)
"""Steps of the path, more until the sums agree."""
TOLERANCE = 0.01
"""Share of the explained difference, or of the largest in the batch, that may be missing."""
BATCH = 1024
"""Points of paths in one pass."""


@dataclass(frozen=True, eq=False)
class Attributions:
    """What each number, or token, of n examples adds to the score of the answer.

    Completeness: those of an example sum to `differences`, its score less the baseline's, up to
    `errors`, which the approximation of the path in `steps` steps leaves.
    """

    values: Tensor
    """(n, *inputs), 0 where there is padding."""
    differences: Tensor
    errors: Tensor
    steps: int

    def in_words(self, number: int) -> str:
        """Return the completeness of one example in words."""
        difference, error = float(self.differences[number]), float(self.errors[number])
        whole = f"for a change of the score of {difference:+.3g}"
        return f"All sum to {difference + error:+.3g}, {whole}."


def attribute(subject: Subject, chosen: Tensor) -> Attributions:
    """Return the attributions of the answers to the validation examples `chosen` (n,).

    Raises UserError if the network reads tokens and no embedding of its vocabulary is found, or
    the package is missing.
    """
    inputs, asked = subject.inputs[chosen], subject.asked(chosen)
    if subject.facts.holds == "tokens":
        return _of_tokens(subject, inputs, asked)

    def score(points: Tensor, asked: Tensor) -> Tensor:
        return subject.scores(subject.network(points), asked)

    return _integrated(score, inputs, _mean(subject, inputs), (asked,))


def _mean(subject: Subject, inputs: Tensor) -> Tensor:
    """Return the mean example for each of the inputs; padding and its mark stay their own."""
    if not subject.facts.ragged:
        return subject.inputs.mean(dim=0, keepdim=True).expand_as(inputs)
    mean = subject.inputs[subject.present(subject.inputs)].mean(dim=0)
    baseline = torch.where(subject.present(inputs)[..., None], mean, inputs)
    return torch.cat([baseline[..., :-1], inputs[..., -1:]], dim=-1)


def _of_tokens(subject: Subject, tokens: Tensor, asked: Tensor) -> Attributions:
    """Follow the path in the space of the embeddings; places and masks stay those of the text."""
    layer = embedding_of(subject)
    embedded = _output_of(layer, subject.network, tokens)
    seen = tokens[:, : embedded.shape[1]]  # a model may cut what is padding in the whole batch
    counts = subject.inputs.flatten().bincount(minlength=layer.num_embeddings).to(embedded.dtype)
    if subject.facts.ragged:
        counts[PADDING] = 0
    mean = counts @ layer.weight / counts.sum()
    baseline = torch.where(subject.present(seen)[..., None], mean, embedded)

    def score(points: Tensor, tokens: Tensor, asked: Tensor) -> Tensor:
        handle = layer.register_forward_hook(lambda *_: points)
        try:
            return subject.scores(subject.network(tokens), asked)
        finally:
            handle.remove()

    found = _integrated(score, embedded, baseline, (tokens, asked))
    values = torch.zeros(tokens.shape, dtype=embedded.dtype)
    values[:, : embedded.shape[1]] = found.values.sum(dim=-1)
    return Attributions(values, found.differences, found.errors, found.steps)


def embedding_of(subject: Subject) -> nn.Embedding:
    """Return the layer that looks tokens up; raise UserError if there is none."""
    size = subject.facts.vocabulary
    for module in subject.network.modules():
        if isinstance(module, nn.Embedding) and module.num_embeddings == size:
            return module
    got = f"{type(subject.network).__name__}, without one"
    allowed = f"an nn.Embedding of {size} tokens"
    raise UserError("attributions", got=got, allowed=allowed, do="choose another run")


@torch.no_grad()
def _output_of(layer: nn.Module, network: nn.Module, inputs: Tensor) -> Tensor:
    kept: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    try:
        network(inputs)
    finally:
        handle.remove()
    return kept[0]


def _integrated(
    score: Callable[..., Tensor], inputs: Tensor, baseline: Tensor, others: tuple[Tensor, ...]
) -> Attributions:
    """Integrate along straight paths, in more steps while a completeness error is too large."""
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        do = "pip install '.[explain]'"
        raise UserError("captum", got=str(error), allowed="installed", do=do) from None
    method = IntegratedGradients(score)
    with torch.no_grad():
        differences = score(inputs, *others) - score(baseline, *others)
    largest = differences.abs().max()
    for steps in STEPS:
        values = method.attribute(
            inputs,
            baselines=baseline,
            additional_forward_args=others,
            n_steps=steps,
            internal_batch_size=max(BATCH, len(inputs)),
        ).detach()
        errors = values.flatten(1).sum(dim=1) - differences
        if bool((errors.abs() <= TOLERANCE * largest).all()):
            break
    return Attributions(values, differences, errors, steps)
