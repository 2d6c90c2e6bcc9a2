"""Initialisation: how the weights of Linear and convolution layers are drawn."""

from collections.abc import Callable
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import init as draw
from torch.nn.modules.conv import _ConvNd

Init = Literal["torch", "he", "xavier", "gaussian", "zero"]
INITS: tuple[str, ...] = get_args(Init)

GAUSSIAN_STD = 0.01
"""Krizhevsky 2012 (AlexNet); the fixed-width Gaussian that He 2015 (arXiv:1502.01852) argues
against: it knows nothing of fan-in, so it is a control and not a recommendation."""

WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {
    "he": lambda weight: draw.kaiming_normal_(weight, mode="fan_in", nonlinearity="relu"),
    "xavier": draw.xavier_uniform_,
    "gaussian": lambda weight: draw.normal_(weight, std=GAUSSIAN_STD),
    "zero": draw.zeros_,
}


def initialise(network: nn.Module, init: Init) -> None:
    """Redraw every Linear and convolution weight of `network` in place and zero their biases.

    - `torch`: leaves everything as torch drew it, U(±1/√fan_in) for weights and biases; E[x²]
      shrinks by 1/6 per ReLU layer, so that a depth sweep on it measures the initialisation.
    - `he`: N(0, 2/fan_in) whatever the activation (He 2015, arXiv:1502.01852, eq. 10).
    - `xavier`: U(±√(6/(fan_in + fan_out))) (Glorot & Bengio 2010, eq. 16).
    - `gaussian`: N(0, 0.01²) whatever the fan-in (Krizhevsky 2012).
    - `zero`: all zero. A control: with a hidden layer and an activation that maps 0 to 0 only the
      head's bias ever gets a gradient, and with any other the units of a layer stay equal.

    Norm layers and scalars such as ReZero's alpha keep their own start. Random numbers come from
    torch's global generator; on the meta device none are drawn.
    """
    if init == "torch":
        return
    for module in network.modules():
        if isinstance(module, nn.Linear | _ConvNd):
            WEIGHTS[init](module.weight)
            if module.bias is not None:
                draw.zeros_(module.bias)
