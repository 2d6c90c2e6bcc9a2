"""A small network of everything: the example on which all definitions of depth differ."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.anatomy.known.residual import Basic, convolution


class Video(nn.Module):
    """Residual blocks see each frame, a loop the frames, and an LSTM the states of the loop.

    A step of the loop passes two layers, h → z → h, and reads the state three steps before as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        widths = ((8, 16), *[(16, 16)] * 5)
        self.blocks = nn.Sequential(*(Basic(before, after, 1, "B") for before, after in widths))
        self.inputs, self.between = nn.Linear(16, 16), nn.Linear(16, 16)
        self.states, self.skips = nn.Linear(16, 16), nn.Linear(16, 16)
        self.lstm = nn.LSTM(16, 16, 2, batch_first=True)

    def forward(self, frames: Tensor) -> Tensor:
        """Map (batch, time, 3, height, width) to the last state, (batch, 16)."""
        batch, time = frames.shape[:2]
        images = self.blocks(F.max_pool2d(self.stem(frames.flatten(0, 1)), 2))
        seen = F.adaptive_avg_pool2d(images, 1).view(batch, time, 16)
        states = [torch.zeros(batch, 16)] * 3
        for t in range(time):
            between = torch.tanh(self.between(states[-1]))
            now = self.inputs(seen[:, t]) + self.states(between) + self.skips(states[-3])
            states.append(torch.tanh(now))
        outputs, _ = self.lstm(torch.stack(states[3:], dim=1))
        result: Tensor = F.relu(outputs[:, -1])
        return result
