"""Recurrent networks whose time is a loop in Python, one for each form of Zhang 2016."""

import torch
from torch import Tensor, nn


class Loop(nn.Module):
    """h(t) = tanh(W x(t) + U h(t − 1)), then a head on the last state; (batch, time, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs, self.states = nn.Linear(4, 4), nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, time, 4) to (batch, 3)."""
        state = torch.zeros(len(x), 4)
        for part in x.unbind(1):
            state = torch.tanh(self.inputs(part) + self.states(state))
        result: Tensor = self.head(state)
        return result


class NoFirstState(Loop):
    """The same, but the first step reads no state, and all inputs are mapped at once."""

    def forward(self, x: Tensor) -> Tensor:
        mapped = self.inputs(x)
        state = torch.tanh(mapped[:, 0])
        for t in range(1, x.shape[1]):
            state = torch.tanh(mapped[:, t] + self.states(state))
        result: Tensor = self.head(state)
        return result


class Skip(Loop):
    """A second way from the state five steps before."""

    def __init__(self) -> None:
        super().__init__()
        self.skips = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        states = [torch.zeros(len(x), 4)] * 5
        for t in range(x.shape[1]):
            now = self.inputs(x[:, t]) + self.states(states[-1]) + self.skips(states[-5])
            states.append(torch.tanh(now))
        result: Tensor = self.head(states[-1])
        return result


class DeepTransition(Loop):
    """h → z → h in every step."""

    def __init__(self) -> None:
        super().__init__()
        self.back = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 4)
        for t in range(x.shape[1]):
            between = torch.tanh(self.states(state))
            state = torch.tanh(self.back(between) + self.inputs(x[:, t]))
        result: Tensor = self.head(state)
        return result


class Stacked(Loop):
    """Two layers of cells; with feedback the first reads the second's last state too."""

    def __init__(self, *, feedback: bool) -> None:
        super().__init__()
        self.lower, self.upper = nn.RNNCell(4, 4), nn.GRUCell(4, 4)
        self.feedback = nn.Linear(4, 4) if feedback else None

    def forward(self, x: Tensor) -> Tensor:
        lower = upper = torch.zeros(len(x), 4)
        for t in range(x.shape[1]):
            part = x[:, t] if self.feedback is None else x[:, t] + upper
            lower = self.lower(part, lower)
            upper = self.upper(lower, upper)
        result: Tensor = self.head(upper)
        return result


class LayerByLayer(Loop):
    """Two layers, the second over the stacked states of the first; a head at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.upward, self.upper = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        first, state = [], torch.zeros(len(x), 4)
        for t in range(x.shape[1]):
            state = torch.tanh(self.inputs(x[:, t]) + self.states(state))
            first.append(state)
        below = torch.stack(first, dim=1)
        second, state = torch.empty(len(x), x.shape[1], 4), torch.zeros(len(x), 4)
        for t in range(x.shape[1]):
            state = torch.tanh(self.upward(below[:, t]) + self.upper(state))
            second[:, t] = state
        result: Tensor = self.head(second)
        return result


class Refined(Loop):
    """The same weights again and again on one input: shared along depth, not along time."""

    def forward(self, x: Tensor) -> Tensor:
        state = self.inputs(x[:, 0])
        for _ in range(x.shape[1]):
            state = state + torch.tanh(self.states(state))
        result: Tensor = self.head(state)
        return result
