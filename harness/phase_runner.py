"""The phase runner: carries a strategy's phases out, the same after a resume, and guards them.

Every group is in the optimizer from step 0, as torch's schedulers break when one is added later; a
phase switches `requires_grad` and the groups' factors. Optimizers skip a tensor without a gradient,
so that weight decay and momentum move nothing that is frozen.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from harness.groups import Group, Prepared
from harness.settings import UserError

PROOF_STEPS = 10
"""Steps of a phase within which every tensor that trains must have had a gradient."""


class FrozenMovedError(AssertionError):
    """Something frozen changed: an invariant of every training is broken."""


class PhaseRunner:
    """Switches a network from phase to phase; `borders` are the phases' first epochs."""

    def __init__(
        self, prepared: Prepared, *, borders: tuple[int, ...], steps_per_epoch: int
    ) -> None:
        self.network, self.plan = prepared.network, prepared.plan
        self.groups, self.borders = prepared.groups, borders
        self.steps_per_epoch = steps_per_epoch
        self.phase = -1
        self._frozen: dict[str, str] = {}
        self._unproven: dict[str, nn.Parameter] = {}
        self._proof_steps = 0
        _require_each_once(self.groups)

    def phase_at(self, step: int) -> int:
        """Return the phase of an optimizer step, from 0."""
        return bisect_right(self.borders, step // self.steps_per_epoch) - 1

    def factors(self) -> list[Callable[[int], float]]:
        """Return for each group its factor on the learning rate as a function of the step."""
        return [partial(self._factor, group) for group in self.groups]

    def active(self) -> list[nn.Parameter]:
        """Return the tensors that train in the present phase."""
        return [p for g in self.groups if g.trains(self.phase) for p in g.members.values()]

    def enter(self, step: int) -> None:
        """Be in the phase of the step that comes next, all modes asserted anew."""
        phase = self.phase_at(step)
        if phase == self.phase:
            self._set_modes()
        else:
            self.leave()
            self._begin(phase)

    def leave(self) -> None:
        """Raise if the phase that ends moved something frozen, or left something untrained."""
        if self._unproven and self._proof_steps:
            self._refuse_untrained()
        now = _fingerprints(self._still())
        if moved := [name for name, digest in self._frozen.items() if now[name] != digest]:
            raise FrozenMovedError(f"frozen, but changed in phase {self.phase}: {_listed(moved)}")

    def prove_gradients(self) -> None:
        """Note which tensors have a gradient; raise UserError if some get none in many steps."""
        if self._unproven:
            self._unproven = {n: p for n, p in self._unproven.items() if p.grad is None}
            self._proof_steps += 1
            if self._unproven and self._proof_steps == PROOF_STEPS:
                self._refuse_untrained()

    def state(self) -> dict[str, Any]:
        """Return the phase, what trains, and digests of the modes and of all that is frozen."""
        training = [name for name, module in self.network.named_modules() if module.training]
        return {
            "phase": self.phase,
            "borders": list(self.borders),
            "trainable": [n for g in self.groups if g.trains(self.phase) for n in g.members],
            "modes": _digest(training),
            "frozen": _digest(f"{name} {value}" for name, value in self._frozen.items()),
        }

    def go_on(self, state: Mapping[str, Any], step: int) -> None:
        """Take up a phase from a checkpoint that is loaded by now, and then be at `step`.

        Raises UserError if anything differs from what the checkpoint was written with.
        """
        self.borders = tuple(state["borders"])
        self._begin(state["phase"])
        now = self.state()
        if changed := [what for what in state if state[what] != now[what]]:
            names = sorted(set(state["trainable"]) ^ set(now["trainable"]))
            got = f"other {', '.join(changed)}" + (f": {_listed(names)}" if names else "")
            allowed = "the strategy and the frozen weights that wrote it"
            do = "restore the code and the base it was trained with, or train it anew"
            raise UserError("checkpoint's phase", got=got, allowed=allowed, do=do)
        self.enter(step)

    def _factor(self, group: Group, step: int) -> float:
        return group.factors[self.phase_at(step)]

    def _begin(self, phase: int) -> None:
        self.phase = phase
        for group in self.groups:
            for parameter in group.members.values():
                parameter.requires_grad_(group.trains(phase))
                parameter.grad = None
        self._set_modes()
        self._frozen = _fingerprints(self._still())
        self._unproven = {
            name: parameter
            for group in self.groups
            if group.trains(phase)
            for name, parameter in group.members.items()
        }
        self._proof_steps = 0

    def _set_modes(self) -> None:
        """Put subtrees in which nothing trains in eval mode, and the rest in train mode."""
        statistics = self.plan.phases[self.phase].statistics
        _train_what_trains(self.network, inherited=True)
        for module in self.network.modules():
            if isinstance(module, _NormBase) and statistics != "trained":
                module.training = statistics == "all"

    def _still(self) -> dict[str, Tensor]:
        """Return every tensor that this phase must leave as it is, by name."""
        still: dict[str, Tensor] = {
            name: p for name, p in self.network.named_parameters() if not p.requires_grad
        }
        for prefix, module in self.network.named_modules():
            if not module.training:
                buffers = module.named_buffers(prefix, recurse=False)
                still |= {name: buffer for name, buffer in buffers if buffer.numel()}
        return still

    def _refuse_untrained(self) -> None:
        got = f"no gradient in {self._proof_steps} steps: {_listed(list(self._unproven))}"
        allowed = "tensors that the loss depends on"
        do = "choose a strategy that freezes them, or take them out of the model"
        raise UserError("what trains", got=got, allowed=allowed, do=do)


def _require_each_once(groups: Iterable[Group]) -> None:
    ids = [id(parameter) for group in groups for parameter in group.members.values()]
    assert ids, "nothing trains"
    assert len(ids) == len(set(ids)), "a tensor is in two groups"


def _train_what_trains(module: nn.Module, *, inherited: bool) -> None:
    """Set modes from the root down; a module without parameters follows what holds it."""
    parameters = list(module.parameters())
    mode = any(p.requires_grad for p in parameters) if parameters else inherited
    module.training = mode
    for child in module.children():
        _train_what_trains(child, inherited=mode)


def _fingerprints(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the sha256 of every tensor's bytes; on the meta device there are none."""
    return {
        name: "" if tensor.is_meta else hashlib.sha256(_bytes(tensor)).hexdigest()
        for name, tensor in tensors.items()
    }


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
