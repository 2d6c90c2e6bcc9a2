"""Regression: real targets, by mean squared error."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, R2Score

from harness.recipe import Facts, Task
from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class Regress(Task):
    """Outputs (batch, targets) against real targets of the same shape, in the data's units."""

    headline = "rmse"

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the targets are values."""
        if facts.targets != "values":
            do = "use Classify, or other data"
            raise UserError("targets", got=facts.targets, allowed="values", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return predictions (batch, targets)."""
        output: Tensor = network(batch[0])
        return output

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean squared error."""
        del training
        return mse_loss(output, batch[1])

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return mean absolute error, root mean squared error and R² (mean over the targets)."""
        del facts
        return {
            "mae": MeanAbsoluteError(),
            "rmse": MeanSquaredError(squared=False),
            "r2": R2Score(),
        }
