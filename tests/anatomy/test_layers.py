"""Layer rows: order, shapes, tied and unused modules, and a network left as it was."""

import pytest
import torch
from torch import Tensor, nn

from harness.anatomy.describe import describe
from harness.anatomy.parameters import count
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.models.two_layer_cnn import TwoLayerCNN
from harness.recipe import Facts, Model
from harness.settings import UserError

FACTS = Facts(inputs=(1, 28, 28), outputs=10, train=10, validation=10, test=10)
MODELS = (
    MLP(depth=3, connection="rezero", norm="batch", dropout=0.5),
    CNN(connection="residual", norm="batch", dropout=0.5),
    TwoLayerCNN(dropout=0.5),
)
every_model = pytest.mark.parametrize("model", MODELS, ids=str)


class Backwards(nn.Module):
    """Registers its layers in the opposite order to the one they run in, and one never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(2, 2)
        self.head = nn.Linear(8, 4, bias=False)
        self.body = nn.Linear(4, 8, bias=False)
        self.scale = nn.Parameter(torch.ones(3, 1))

    def forward(self, batch: Tensor) -> Tensor:
        noise = torch.randn(()) * 0  # a functional draw that eval mode does not switch off
        result: Tensor = self.head(self.body(batch)) * self.scale.sum() + noise
        return result


def test_rows_of_a_textbook_network() -> None:
    network = TwoLayerCNN().build(FACTS)
    network.get_submodule("convolution").requires_grad_(False)
    rows = describe(network, torch.zeros(2, 1, 28, 28)).layers
    assert [(row.type, row.output_shape, row.parameters, row.trainable) for row in rows] == [
        ("Conv2d", (2, 32, 26, 26), 320, 0),
        ("ReLU", (2, 32, 26, 26), 0, 0),
        ("MaxPool2d", (2, 32, 13, 13), 0, 0),
        ("Flatten", (2, 5408), 0, 0),
        ("Linear", (2, 128), 692_352, 692_352),
        ("ReLU", (2, 128), 0, 0),
        ("Linear", (2, 10), 1_290, 1_290),
    ]
    assert [row.name for row in rows][-1] == "head"


@every_model
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_rows_sum_to_the_counts_on_every_device(model: Model, device: str) -> None:
    with torch.device(device):
        network, example = model.build(FACTS), torch.zeros(2, *FACTS.inputs)
    rows, counts = describe(network, example).layers, count(network)
    assert sum(row.parameters for row in rows) == counts.total
    assert sum(row.trainable for row in rows) == counts.trainable
    assert all(row.output_shape is not None for row in rows)
    assert rows[-1].output_shape == (2, 10)


def test_rows_are_in_the_order_of_execution_and_unused_modules_last() -> None:
    rows = describe(Backwards(), torch.zeros(2, 4)).layers
    assert [row.name for row in rows] == ["body", "head", "", "unused"]
    assert [row.output_shape for row in rows] == [(2, 8), (2, 4), (2, 4), None]
    assert [row.parameters for row in rows] == [32, 32, 3, 6]


def test_a_tied_tensor_is_in_its_first_row_only() -> None:
    network = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 7, bias=False))
    network[1].weight = network[0].weight
    rows = describe(network, torch.zeros(2, 3, dtype=torch.long)).layers
    assert [row.parameters for row in rows] == [28, 0]


def test_a_layer_used_twice_has_one_row() -> None:
    shared = nn.Linear(4, 4)
    rows = describe(nn.Sequential(shared, nn.ReLU(), shared), torch.zeros(1, 4)).layers
    assert [(row.name, row.parameters) for row in rows] == [("0", 20), ("1", 0)]


def test_layers_with_several_outputs_show_their_first() -> None:
    (row,) = describe(nn.LSTM(3, 5, batch_first=True), torch.zeros(2, 7, 3)).layers
    assert (row.output_shape, row.parameters) == ((2, 7, 5), 4 * (5 * 3 + 5 * 5 + 2 * 5))


def test_an_encoder_layer_does_not_slip_into_its_fast_path() -> None:
    network = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    rows = {row.name: row for row in describe(network, torch.zeros(2, 3, 8)).layers}
    assert rows["linear1"].output_shape == (2, 3, 16)
    assert sum(row.parameters for row in rows.values()) == count(network).total


@every_model
def test_the_network_is_left_as_it_was(model: Model) -> None:
    network = model.build(FACTS)
    network.get_submodule("head").eval()
    modes = [module.training for module in network.modules()]
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    describe(network, torch.randn(4, *FACTS.inputs))
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(state[name], now) for name, now in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_random_generator_is_put_back() -> None:
    network, example = Backwards(), torch.zeros(2, 4)
    state = torch.get_rng_state()
    describe(network, example)
    assert torch.equal(state, torch.get_rng_state())


def test_a_failing_forward_leaves_no_hook_and_the_mode() -> None:
    network = Backwards()
    with pytest.raises(UserError, match="shapes cannot be multiplied"):
        describe(network, torch.zeros(2, 5))
    assert all(module.training and not module._forward_hooks for module in network.modules())


def test_a_lazy_layer_is_described_in_a_copy_and_stays_lazy() -> None:
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(5))
    anatomy = describe(network, torch.zeros(1, 10))
    assert (anatomy.counts.total, anatomy.counts.by_type) == (55, {"Linear": 55})
    assert isinstance(network[1], nn.LazyLinear)


def test_describe_gives_a_frame_and_metrics() -> None:
    network = TwoLayerCNN().build(FACTS)
    network.get_submodule("head").requires_grad_(False)
    anatomy = describe(network, torch.zeros(2, 1, 28, 28))
    frame = anatomy.to_frame()
    assert list(frame["name"][:2]) == ["convolution", "convolution_activation"]
    assert int(frame["parameters"].sum()) == 693_962
    assert frame["output_shape"].iloc[0] == (2, 32, 26, 26)
    assert frame["share"].sum() == pytest.approx(1)
    metrics = anatomy.metrics()
    assert {
        "params/total": 693_962.0,
        "params/trainable": 692_672.0,
        "params/frozen": 1_290.0,
        "params/by_type/Conv2d": 320.0,
        "params/by_type/Linear": 693_642.0,
        "depth/weight_layers_longest": 3.0,
        "depth/weight_layers_longest_with_pooling": 4.0,
        "flops/forward": 2.0 * (32 * 26 * 26 * 9 + 5408 * 128 + 128 * 10),
        "memory/weights": 4 * 693_962.0,
        "memory/optimizer_state": 8 * 692_672.0,
    }.items() <= metrics.items()
    assert "depth/recurrent_depth" not in metrics  # it does not apply
    assert anatomy.to_dict()["depth"]["nonlinearities_longest"] == 2
