"""Spoken languages: telephone prompts in English, Spanish, French, Italian or Russian: which?

The sounds of Asterisk 1.6.1 (CC BY-SA 3.0; the Russian ones CC BY 3.0) as Debian packages them.
Each language has one speaker (English and Spanish the same woman), so a network may know the voice
or the recording rather than the language: what it reaches says nothing of other speakers. The test
set has the same voices. No result is published.
"""

import hashlib
import io
import wave
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.debian import command, members, package_file
from harness.data.in_memory import Sizes
from harness.data.log_mel import BANDS, FRAME, HOP, RATE, log_mel
from harness.data.series import Series
from harness.packages import verified

FOLDER = "usr/share/asterisk/sounds/"
SHA256 = {
    "en": "062b537e3142cda9e23c27f2c40a9c82a4e896f833c57a7b63e0c447e21a3acf",
    "es": "155c14ae00f68837ef877b0a26ef17dabe77e3264adbafcc2c83435573ab8ab5",
    "fr": "3d076788bb354d0e6e910aeb4ce067ad8aad921930019876ee59ba2313ad6482",
    "it": "7768e68954bf5f4c39b12fc3f10877823005ebe19fb24788b9c73eddd19f7d84",
    "ru": "3b7e3b04b233e4f45a943f6f73546ae1710b2149e4256c009c112c45e333a3c3",
}
"""Of the paths and contents of the clips of each language."""
SHORTEST, FRAMES = 0.5, 100
"""Seconds of the shortest clip that is taken, and frames of 20 ms that are kept of the longest."""
CLIPS = 2_641


@dataclass(frozen=True, kw_only=True)
class SpokenLanguages(Series):
    """Inputs (100, 33): 2 seconds of log-mel features and a mark; the test set is a fixed 20 %.

    Clips of silence and of less than half a second are left out; of equal ones, one is taken.
    """

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(FRAMES, BANDS + 1),
        outputs=5,
        development=CLIPS - CLIPS // 5,
        test=CLIPS // 5,
        ragged=True,
    )
    classes: ClassVar[tuple[str, ...]] = ("English", "Spanish", "French", "Italian", "Russian")

    caveat: ClassVar[str] = (
        "Each language has one speaker, the same in the test set: what is reached may be the voice "
        "or the recording, and says nothing of other speakers."
    )

    def load(self) -> Content:
        """Return the features; raise UserError if a package is missing or damaged."""
        return _content()

    def digest(self) -> str:
        """Return the sha256 of all clips; the last bits of features may differ by machine."""
        self.check()
        return hashlib.sha256("".join(SHA256.values()).encode()).hexdigest()


@lru_cache(maxsize=1)
def _content() -> Content:
    clips = [(clip, place) for place, code in enumerate(SHA256) for clip in _clips(code)]
    inputs = torch.zeros(len(clips), FRAMES, BANDS + 1, dtype=torch.float64)
    for row, (clip, _) in zip(inputs, clips, strict=True):
        features = log_mel(clip[: FRAME + HOP * (FRAMES - 1)])
        row[: len(features), :BANDS] = features
        row[: len(features), BANDS] = 1
    return draw_test(Split(inputs, torch.tensor([place for _, place in clips])))


def _clips(code: str) -> list[Tensor]:
    """Return the samples of the clips of a language, from −1 to 1, in the order of their paths."""
    package = f"asterisk-core-sounds-{code}-wav"
    path = package_file(package, "make data SPEECH=1")
    files = [file for file in members(path, FOLDER) if file[0].endswith(".wav")]
    everything = b"".join(name.encode() + b"\0" + content for name, content in files)
    do = f"delete {path}, then `{command(package)}`"
    verified(everything, SHA256[code], origin=f"the clips in {path}", do=do)
    spoken = {
        hashlib.sha256(content).digest(): _samples(content)
        for name, content in files
        if "/silence/" not in name
    }
    return [samples for samples in spoken.values() if len(samples) >= SHORTEST * RATE]


def _samples(content: bytes) -> Tensor:
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        frames = file.readframes(file.getnframes())
    return torch.from_numpy(np.frombuffer(frames, dtype="<i2") / 32_768)
