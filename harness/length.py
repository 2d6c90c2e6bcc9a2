"""Length: how many epochs a training lasts, and over which of them its schedule runs."""

from dataclasses import dataclass, replace
from typing import Literal

from harness.settings import UserError, require_choice, require_whole

Policy = Literal["keep", "rewarm", "rescale"]
POLICIES = ("keep", "rewarm", "rescale")


@dataclass(frozen=True)
class Length:
    """`epochs` in all; each of `cycles` is the epoch at which one run of the schedule ends.

    After the last cycle the learning rate stays where that ended.
    """

    epochs: int
    cycles: tuple[int, ...]

    @classmethod
    def of(cls, epochs: int) -> "Length":
        """Return the length of a training that was not extended."""
        return cls(epochs, (epochs,))

    def extended(self, more: int, policy: str) -> "Length":
        """Return it with `more` epochs, in which the learning rate does as `policy` says.

        - `keep`: stays where the schedule ended, which for cosine is 0
        - `rewarm`: runs the whole schedule again, warm-up included (Ibrahim et al. 2024,
          arXiv:2403.08763)
        - `rescale`: is what it would be, had the last cycle been planned to end so late; it jumps

        Raises UserError for any other policy.
        """
        require_whole("EPOCHS", more)
        require_choice("SCHEDULE", policy, POLICIES)
        total = self.epochs + more
        if policy == "keep":
            return replace(self, epochs=total)
        before = self.cycles[:-1]
        if policy == "rewarm":
            # Epochs at a rate that was kept are past, and no cycle to go on with.
            before = (*before, self.epochs)
        return Length(total, (*before, total))

    def ends(self, steps_per_epoch: int) -> tuple[int, ...]:
        """Return the optimizer step at which each cycle ends."""
        return tuple(epoch * steps_per_epoch for epoch in self.cycles)

    def as_text(self) -> str:
        """Return it as a tag keeps it: "25 20,25"."""
        return f"{self.epochs} {','.join(map(str, self.cycles))}"


def length_from(text: str) -> Length:
    """Return what `as_text` wrote; raise UserError if it did not."""
    try:
        epochs, cycles = text.split()
        return Length(int(epochs), tuple(map(int, cycles.split(","))))
    except ValueError as error:
        do = "restore the tag of the run"
        raise UserError("harness.length", got=text, allowed='"25 20,25"', do=do) from error
