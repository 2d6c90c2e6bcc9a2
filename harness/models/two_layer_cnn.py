"""TwoLayerCNN: the textbook Conv–Pool–Dense–Dense net, nearly all of whose weights are Dense."""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from harness.models.image import require_image
from harness.recipe import Facts, Model
from harness.settings import require_range, require_whole


@dataclass(frozen=True, kw_only=True)
class TwoLayerCNN(Model):
    """Settings of Conv(width, 3×3)–ReLU–MaxPool(2)–Flatten–Dense(hidden)–ReLU–Dense(outputs).

    Maps (batch, channels, height, width) to (batch, outputs). The name is the textbooks', which
    count the convolution and the hidden Dense layer; with the head there are three weight layers.
    No padding; dropout before the head; torch's own initialisation. At its defaults it has 693,962
    parameters on 1×28×28 images of 10 classes, 99.77 % of them in the hidden Dense layer.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or
    a side is below 4 pixels.
    """

    width: int = 32
    hidden: int = 128
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_whole("width", self.width)
        require_whole("hidden", self.hidden)
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> nn.Module:
        """Return the network; its weight layers are called convolution, hidden, head.

        Raises UserError if `facts.inputs` is no image or leaves nothing after pooling.
        """
        channels, height, width = require_image(facts.inputs, smallest=4, do="use an MLP")
        features = self.width * ((height - 2) // 2) * ((width - 2) // 2)
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["convolution"] = nn.Conv2d(channels, self.width, 3)
        parts["convolution_activation"] = nn.ReLU()
        parts["pool"] = nn.MaxPool2d(2)
        parts["flatten"] = nn.Flatten()
        parts["hidden"] = nn.Linear(features, self.hidden)
        parts["hidden_activation"] = nn.ReLU()
        if self.dropout:
            parts["dropout"] = nn.Dropout(self.dropout)
        parts["head"] = nn.Linear(self.hidden, facts.outputs)
        return nn.Sequential(parts)
