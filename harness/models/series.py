"""Series: what a recurrent model asks of the shape of its input."""

from harness.recipe import Facts
from harness.settings import UserError


def require_series(facts: Facts) -> tuple[int, int]:
    """Return (time steps, channels without the one that marks what is there) of a series.

    Raises UserError if an example is none.
    """
    if len(facts.inputs) != 2:
        do = "use a dataset of series"
        raise UserError("inputs", got=facts.inputs, allowed="(time, channels)", do=do)
    length, channels = facts.inputs
    return length, channels - facts.ragged
