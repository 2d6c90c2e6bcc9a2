"""Idiomatic: the script that the tutorials of Optuna, Lightning and MLflow add up to.

Nothing is slowed down and nothing is tuned: every library is used the way its own pages show, with
its own defaults. The recipes are given, so that the other contenders train the same ones.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import optuna
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from benchmarks.cases import WEIGHT_DECAY, Case, Point

EXPERIMENT = "study"


class Classifier(pl.LightningModule):
    """A network that logs loss and accuracy of training and validation."""

    def __init__(self, network: nn.Module, classes: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["network"])
        self.network, self.lr = network, lr
        self.train_accuracy = MulticlassAccuracy(classes, average="micro")
        self.val_accuracy = MulticlassAccuracy(classes, average="micro")

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits, a row an image or a token."""
        logits: Tensor = self.network(inputs)
        return logits.flatten(0, -2)

    def training_step(self, batch: Sequence[Tensor], _batch_index: int) -> Tensor:
        """Return the loss of a batch and log it with the accuracy."""
        inputs, targets = batch[0], batch[1].flatten()
        logits = self(inputs)
        loss = nn.functional.cross_entropy(logits, targets)
        self.train_accuracy(logits, targets)
        self.log("train_loss", loss)
        self.log("train_acc", self.train_accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Sequence[Tensor], _batch_index: int) -> None:
        """Log the validation loss and accuracy."""
        inputs, targets = batch[0], batch[1].flatten()
        logits = self(inputs)
        self.val_accuracy(logits, targets)
        self.log("val_loss", nn.functional.cross_entropy(logits, targets), prog_bar=True)
        self.log("val_acc", self.val_accuracy, prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return AdamW with a cosine schedule over all steps."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=WEIGHT_DECAY)
        steps = math.ceil(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Script:
    """The study in `directory`; `run` trains the points, one Optuna trial and one run each."""

    def __init__(self, directory: Path, case: Case) -> None:
        self.directory, self.case, splits = directory, case, case.splits()
        self.tracking_uri = f"sqlite:///{directory / 'mlflow.db'}"
        self.train = TensorDataset(splits.train.inputs, splits.train.targets)
        self.validation = TensorDataset(splits.validation.inputs, splits.validation.targets)
        self.study = optuna.create_study(
            study_name=EXPERIMENT, storage=f"sqlite:///{directory / 'optuna.db'}"
        )

    def run(self, points: Sequence[Point]) -> None:
        """Optimise over the given points."""
        for point in points:
            self.study.enqueue_trial(asdict(point))
        self.study.optimize(self.objective, n_trials=len(points))

    def objective(self, trial: optuna.Trial) -> float:
        """Train one trial with Lightning's defaults and return its last validation loss."""
        pl.seed_everything(0, verbose=False)
        point = Point(
            depth=trial.suggest_int("depth", 1, 8),
            width=trial.suggest_int("width", 8, 512),
            lr=trial.suggest_float("lr", 1e-4, 1e-1, log=True),
        )
        recipe = self.case.recipe(point)
        facts = recipe.data.facts()
        logger = MLFlowLogger(
            experiment_name=EXPERIMENT,
            run_name=f"trial-{trial.number}",
            tracking_uri=self.tracking_uri,
            artifact_location=(self.directory / "artifacts").as_uri(),
        )
        trainer = pl.Trainer(
            max_epochs=self.case.epochs, logger=logger, default_root_dir=self.directory
        )
        trainer.fit(
            Classifier(recipe.model.build(facts), facts.outputs, recipe.lr),
            DataLoader(self.train, batch_size=self.case.batch, shuffle=True),
            DataLoader(self.validation, batch_size=self.case.batch),
        )
        return trainer.callback_metrics["val_loss"].item()
