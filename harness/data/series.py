"""Series: datasets of multivariate time series, of one length or padded to it."""

from abc import ABC
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.data import standardise
from harness.data.batches import Split
from harness.data.content import Content
from harness.data.in_memory import InMemory
from harness.data.standardise import Standardisation
from harness.packages import PackagedFile, read_packaged


@dataclass(frozen=True, kw_only=True)
class Series(InMemory, ABC):
    """Series (n, time, channels), each channel standardised over all steps that are there.

    Ragged ones are padded with zeros at their end and have one channel more, the last, that is 1
    where a step is there and 0 in the padding: what a mask is made of, and itself a valid input
    (Che 2018, arXiv:1606.01865).
    """

    def scale(self, inputs: Tensor) -> Standardisation:
        """Return a mean and a deviation for each channel."""
        if self.sizes.ragged:
            return standardise.per_present_channel(inputs)
        return standardise.per_channel(inputs)

    def augmentation(self, scale: Standardisation) -> None:
        """Return None: series are not augmented."""


def from_aeon(name: str, sha256: str) -> PackagedFile:
    """Return where the file NAME_TRAIN.ts or NAME_TEST.ts lies in the package `aeon`."""
    folder = name.rpartition("_")[0]
    member = f"aeon/datasets/data/{folder}/{name}.ts"
    return PackagedFile(package="aeon", version="1.6.0", member=member, sha256=sha256)


def read_series(train: PackagedFile, test: PackagedFile, *, ragged: bool) -> Content:
    """Return the official split of a dataset in the `ts` format of the UCR and UEA archives.

    Raises UserError if a file is missing or damaged.
    """
    texts = [read_packaged(file).decode() for file in (train, test)]
    header, _, _ = texts[0].partition("@data")
    line = next(each for each in header.splitlines() if each.lower().startswith("@classlabel true"))
    labels = line.split()[2:]
    parts = [_examples(text) for text in texts]
    longest = max(series.shape[0] for examples in parts for series, _ in examples)
    development, held = (_split(examples, labels, longest, ragged=ragged) for examples in parts)
    return Content(development, held)


def _examples(text: str) -> list[tuple[Tensor, str]]:
    """Return (time, channels) and the label of each line after `@data`: c,c,…:c,c,…:label."""
    lines = text.partition("@data")[2].split()
    examples = []
    for line in lines:
        *channels, label = line.split(":")
        values = [np.array(channel.split(","), dtype=np.float64) for channel in channels]
        examples.append((torch.from_numpy(np.stack(values, axis=1)), label))
    return examples


def _split(
    examples: list[tuple[Tensor, str]], labels: list[str], longest: int, *, ragged: bool
) -> Split:
    channels = examples[0][0].shape[1]
    inputs = torch.zeros(len(examples), longest, channels + ragged, dtype=torch.float64)
    for row, (series, _) in zip(inputs, examples, strict=True):
        row[: len(series), :channels] = series
        if ragged:
            row[: len(series), -1] = 1
    return Split(inputs, torch.tensor([labels.index(label) for _, label in examples]))
