"""Train one recipe with Lightning's Trainer; go on from its checkpoint if there is one."""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor, nn

from harness import checkpoints
from harness.base import begin
from harness.course import Course, Diverged, Watch
from harness.evaluation import outputs_on, prefixed, score
from harness.footprint import Footprint
from harness.fresh import network_of
from harness.groups import prepare
from harness.identity import CHECKPOINT, identity_of, is_done, kept_of, require_same
from harness.interpolation import Interpolation
from harness.keeper import Hooks, Interrupted, Keeper
from harness.learner import Learner, Unprofiled
from harness.length import Length
from harness.outcome import Outcome, is_out_of_memory, outcome_of
from harness.pace import Pace
from harness.phase_runner import PhaseRunner
from harness.recipe import Recipe
from harness.start import Base


def train(
    recipe: Recipe,
    *,
    directory: Path,
    watch: Watch,
    hooks: Hooks | None = None,
    test: bool = False,
    checkpoint_seconds: float | None = None,
    length: Length | None = None,
) -> Outcome:
    """Train `recipe`, or go on from the checkpoint in `directory`, to its end.

    Out of memory halves the micro-batch and doubles the accumulation: the same gradient. `length`
    is that of a training that was extended; its phases stay those of the recipe's own epochs.

    Raises:
        Interrupted: `hooks.stop` asked to; the checkpoint holds everything up to the last step.
        UserError: the checkpoint in `directory` belongs to another recipe.
    """
    hooks = hooks or Hooks()
    epochs = (length or Length.of(recipe.epochs)).epochs
    kept = kept_of(checkpoints.load(directory / CHECKPOINT), epochs)
    accumulate = kept["identity"]["accumulate"] if kept else recipe.accumulate
    while True:
        try:
            attempt = Attempt(
                recipe, directory, watch, hooks, accumulate, checkpoint_seconds, length
            )
            return attempt.outcome(kept, test=test)
        except (RuntimeError, MemoryError) as error:
            accumulate = _more_accumulation(recipe, accumulate, error)
            kept = None


class Attempt:
    """One attempt at training a recipe with a given accumulation."""

    def __init__(
        self,
        recipe: Recipe,
        directory: Path,
        watch: Watch,
        hooks: Hooks,
        accumulate: int,
        checkpoint_seconds: float | None,
        length: Length | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.recipe, self.directory = recipe, directory
        self.length = length or Length.of(recipe.epochs)
        self.data = recipe.data.build(
            seed=recipe.seed, batch_size=recipe.batch_size, accumulate=accumulate
        )
        batches = self.data.train_dataloader()
        self.accumulate: int = batches.parts
        self.footprint = Footprint()
        network = network_of(recipe)
        base = begin(network, recipe)
        self.base = base.sha256 if base else ""
        self.learner = _learner(recipe, network, base, batches, self.length)
        shares = self.learner.phases.plan.shares
        self.interpolation = Interpolation.of(self.learner.network, shares, base)
        self.course = Course(
            watch=watch,
            epochs=self.length.epochs,
            patience=recipe.patience,
            patient_from=self.learner.phases.borders[-1],
            audited=hooks.audit,
        )
        self.keeper = self._keeper(batches, hooks, Pace(checkpoint_seconds))

    def _keeper(self, batches: Any, hooks: Hooks, pace: Pace) -> Keeper:
        """Return the callback that evaluates, keeps and saves."""
        metrics = self.recipe.task.metrics(self.recipe.data.facts())
        return Keeper(
            path=self.directory / CHECKPOINT,
            identity=identity_of(
                self.recipe,
                epochs=self.length.epochs,
                accumulate=self.accumulate,
                base=self.base,
            ),
            course=self.course,
            metrics={name: metrics[name] for name in self.course.watch.metrics},
            loader=batches,
            validation=self.data.val_dataloader(),
            hooks=hooks,
            pace=pace,
        )

    def outcome(self, kept: Mapping[str, Any] | None, *, test: bool) -> Outcome:
        """Fit, unless the checkpoint says that it is done, and evaluate the best weights.

        `kept` is the Keeper's state in the checkpoint to go on from, None to begin.
        """
        if kept is not None:
            require_same(kept["identity"], self.keeper.identity)
        if kept is not None and is_done(kept, self.length.epochs):
            self._take(kept)
        else:
            self._fit(resume=kept is not None)
        weights, share = self._interpolated()
        spent = self.keeper.costs()
        return outcome_of(
            self.recipe,
            self.learner.network,
            self.data,
            self.course,
            weights=weights,
            share=share,
            wall=spent["wall"],
            cpu=spent["cpu"],
            memory=self.footprint.costs(),
            micro_batches=self.accumulate,
            base=self.base,
            seen=self.keeper.best_seen if share is None else None,
            test=test,
        )

    def _interpolated(self) -> tuple[Mapping[str, Tensor], float | None]:
        """Return the weights to keep and, if they lie towards the start, the share of the trained.

        A function of the start, the best weights and the data: the same however often it is asked.
        """
        best = self.learner.all_weights(self.keeper.best_weights)
        if self.interpolation is None or self.course.status != "finished":
            return best, None
        recipe, network = self.recipe, self.learner.network
        watch, metrics = self.course.watch, self.keeper.metrics

        def loss() -> float:
            output, batch = outputs_on(network, self.keeper.validation, recipe.task)
            value = prefixed("val", score(output, batch, recipe.task, metrics))[watch.monitor]
            return -value if watch.higher_is_better else value

        fresh = recipe.data.build(seed=recipe.seed, batch_size=recipe.batch_size)
        batches = list(fresh.train_dataloader())
        return self.interpolation.best(network, best, task=recipe.task, batches=batches, loss=loss)

    def _take(self, kept: Mapping[str, Any]) -> None:
        self.keeper.load_state_dict(dict(kept))
        self.course.load_state_dict(kept)
        self.keeper.hooks.saved(self.course.history)

    def _fit(self, *, resume: bool) -> None:
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        trainer = self._trainer()
        path = self.directory / CHECKPOINT
        try:
            with warnings.catch_warnings():
                # Lightning 2.6.6 on torch 2.13, in every fit.
                warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
                trainer.fit(
                    self.learner,
                    train_dataloaders=self.keeper.loader,
                    ckpt_path=path if resume else None,
                    weights_only=True,
                )
        except SIGTERMException as asked:
            # Lightning heard the signal too, at the last batch of an epoch, where Keeper saves not.
            raise Interrupted from asked
        except Diverged as diverged:
            self.course.end("diverged", str(diverged))
            self.keeper.hooks.saved(self.course.history)

    def _trainer(self) -> lightning.Trainer:
        cuda = torch.cuda.is_available()
        return lightning.Trainer(
            max_epochs=self.length.epochs,
            accelerator="auto",
            devices=1,
            precision=self.recipe.precision,
            accumulate_grad_batches=self.accumulate,
            gradient_clip_val=self.recipe.clip if self.learner.automatic_optimization else None,
            callbacks=[self.keeper],
            plugins=[checkpoints.DurableIO(), LightningEnvironment()],
            default_root_dir=self.directory,
            deterministic="warn" if cuda else None,
            logger=False,
            profiler=Unprofiled(),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )


def _learner(
    recipe: Recipe, network: nn.Module, base: Base | None, batches: Any, length: Length
) -> Learner:
    """Return the module that trains `network`, prepared as the recipe's strategy says."""
    prepared = prepare(network, recipe.strategy)
    held = prepared.plan.held
    source = base.recipe if base else None
    pull = held.begin(prepared.network, prepared.body(), source) if held else None
    phases = PhaseRunner(
        prepared,
        borders=prepared.plan.borders(recipe.epochs),
        steps_per_epoch=batches.effective_batches,
    )
    learner = recipe.task.learner(Learner)(
        recipe,
        phases,
        pull=pull,
        given_back=prepared.given_back() if base else frozenset(),
        accumulate=batches.parts,
        effective_size=batches.effective_size,
        ends=length.ends(batches.effective_batches),
    )
    # Lightning converts the module after loading a checkpoint into it: too late.
    return learner.double() if recipe.precision == "64-true" else learner


def _more_accumulation(recipe: Recipe, accumulate: int, error: Exception) -> int:
    size = recipe.batch_size or recipe.data.facts().train
    if not is_out_of_memory(error) or accumulate >= size or not recipe.task.separable:
        raise error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return min(size, accumulate * 2)
