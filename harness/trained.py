"""Trained: a finished run's recipe with its network as its best epoch left it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

from harness import store
from harness.recipe import Recipe
from harness.settings import UserError
from harness.starts.from_run import FromRun
from harness.study import load
from harness.study import store as store_root
from harness.tracked import StoredRun
from harness.tracking import find_run

EXAMPLES = 8
"""Examples that a copy of a network is compared on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A run that finished: what it is, and the weights that it kept, adapters merged in."""

    root: Path
    run: StoredRun
    recipe: Recipe
    weights: Mapping[str, Tensor]
    sha256: str
    """Of the file that holds the weights."""

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.run.info.run_id)

    @cached_property
    def network(self) -> nn.Module:
        """The network on the CPU, in eval mode."""
        return network_of(self.recipe, self.weights)

    @cached_property
    def data(self) -> lightning.LightningDataModule:
        """The dataset, split and standardised as for the training."""
        return self.recipe.data.build(seed=self.recipe.seed, batch_size=self.recipe.batch_size)

    def examples(self) -> Tensor:
        """Return the inputs of the first examples of the validation part."""
        inputs: Tensor = next(iter(self.data.val_dataloader()))[0][:EXAMPLES]
        if inputs.is_floating_point() and self.recipe.precision == "64-true":
            inputs = inputs.double()
        return inputs.contiguous()


def trained(run_id: str) -> Trained:
    """Return the run with this id, or the only one whose id begins so.

    A trial whose result was taken from another of the same recipe and seed stands for that one.

    Raises:
        UserError: there is no such run, it is not a trial, it has not finished, or its recipe or
            its weights are gone.
    """
    root = store_root()
    store.prepare(root)
    run = find_run(root, run_id)
    tags = run.data.tags
    if "harness.trial" not in tags:
        do = "give the id of a trial's run; MLflow shows them below their study"
        raise UserError("RUN", got=run_id, allowed="a trial", do=do)
    if tags.get("harness.status") != "finished":
        got = f"{tags.get('harness.status', 'running')}: {tags.get('harness.reason', '')}"
        do = f"finish it with `make resume RUN={run_id}`, or choose another"
        raise UserError("RUN", got=got.rstrip(": "), allowed="a finished trial", do=do)
    load(tags["harness.study"])  # a recipe may name classes of the study's own file
    base = FromRun(run=tags.get("harness.same_as", run.info.run_id)).base()
    assert base.recipe is not None
    return Trained(root=root, run=run, recipe=base.recipe, weights=base.weights, sha256=base.sha256)


def network_of(recipe: Recipe, weights: Mapping[str, Tensor]) -> nn.Module:
    """Return the recipe's plain network with these weights, on the CPU, in eval mode.

    Raises UserError if they are another network's.
    """
    with torch.random.fork_rng(devices=[]):
        network = recipe.model.build(recipe.data.facts())
    if recipe.precision == "64-true":
        network.double()
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        got = str(error).partition("\n")[2].strip().partition("\n")[0]
        do = "use the version of the code that wrote them"
        allowed = f"those of {type(recipe.model).__name__}"
        raise UserError("weights", got=got, allowed=allowed, do=do) from error
    return network.eval()
