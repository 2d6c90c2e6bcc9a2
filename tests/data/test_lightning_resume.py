"""Lightning's Trainer drives Batches: a resumed fit sees the batches that an unbroken one sees."""

from pathlib import Path

import pytest
import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

from harness.data.batches import Batch
from harness.data.iris import Iris

EPOCHS, BATCHES = 3, 5

# Lightning 2.6 asks torch 2.13 about a class that torch has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


class Recorder(lightning.LightningModule):
    """Keeps the first column of every batch it is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.seen: list[list[float]] = []

    def training_step(self, batch: Batch) -> Tensor:
        self.seen.append(batch[0][:, 0].tolist())
        return nn.functional.cross_entropy(self.layer(batch[0]), batch[1])

    def validation_step(self, batch: Batch) -> None:
        assert len(batch[0]) == 24

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SaveEveryStep(lightning.Callback):
    """Writes `step=1.ckpt`, `step=2.ckpt`, … at the end of each training batch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        trainer.save_checkpoint(self.folder / f"step={trainer.global_step}.ckpt")


def fit(folder: Path, resume: Path | None = None) -> Recorder:
    recorder = Recorder()
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        callbacks=[SaveEveryStep(folder)],
    )
    data = Iris().build(seed=0, batch_size=20)
    assert len(data.train_dataloader()) == BATCHES
    trainer.fit(recorder, datamodule=data, ckpt_path=resume, weights_only=False)
    return recorder


@pytest.mark.parametrize("stop", [3, BATCHES, BATCHES + 1])
def test_a_resumed_fit_sees_the_remaining_batches(stop: int, tmp_path: Path) -> None:
    unbroken = fit(tmp_path).seen
    resumed = fit(tmp_path, resume=tmp_path / f"step={stop}.ckpt").seen
    assert len(unbroken) == EPOCHS * BATCHES
    assert resumed == unbroken[stop:]


def test_lightning_walks_the_epochs_in_the_order_of_the_loader(tmp_path: Path) -> None:
    loader = Iris().build(seed=0, batch_size=20).train_dataloader()
    expected = [batch[0][:, 0].tolist() for _ in range(EPOCHS) for batch in loader]
    assert fit(tmp_path).seen == expected
