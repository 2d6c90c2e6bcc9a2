"""Uses: how often each parameter is applied to data, and which ones make up the head."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.anatomy.graph import Trace
from harness.anatomy.parameters import Owned, is_embedding
from harness.anatomy.roles import roles


@dataclass(frozen=True, kw_only=True)
class Uses:
    """What a trace tells of parameters; None of a network that is not traceable."""

    applied: int | None = None
    """Numbers in parameters, each counted as often as an operator applies it to data: a network
    that shares its blocks (ALBERT, Lan 2019, arXiv:1909.11942) is shallow in unique and deep in
    applied parameters. A recurrent layer applies its own once, whatever the time; what never runs
    is not applied."""
    head: int | None = None
    """Parameters of the weight layers that no weight layer follows on the way to an output. What an
    embedding holds is no head: of a tied one the bias remains, if there is one."""


def uses(trace: Trace, tensors: Sequence[Owned]) -> Uses:
    """Return how the unique parameters `tensors` of a network are used in its trace."""
    times = Counter(name for node in trace.nodes if node.data for name in set(node.parameters))
    last = {name for place in _last_weight_layers(trace) for name in trace.nodes[place].parameters}
    head = {
        each.layer for each in tensors if each.names[0] in last and not is_embedding(each.owner)
    }
    return Uses(
        applied=sum(times[each.names[0]] * each.parameter.numel() for each in tensors),
        head=sum(each.parameter.numel() for each in tensors if each.layer in head),
    )


def _last_weight_layers(trace: Trace) -> list[int]:
    """Return the nodes with a weight layer from which an output, but no other, can be reached."""
    weights = [role.weight_layers > 0 for role in roles(trace)]
    reaching = {source for output in trace.outputs for source in output.sources}
    followed: set[int] = set()
    for place in reversed(range(len(trace.nodes))):
        if place in reaching:
            sources = [each for operand in trace.nodes[place].flow for each in operand.sources]
            reaching.update(sources)
            if weights[place] or place in followed:
                followed.update(sources)
    return [place for place in sorted(reaching - followed) if weights[place]]
