"""What every shipped model keeps: shapes, gradients, determinism, the meta device, vmap."""

import importlib
import inspect
import pkgutil

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn.attention import SDPBackend, sdpa_kernel

import harness.models
from harness.models.cnn import CNN
from harness.models.lenet5 import LeNet5
from harness.models.mlp import MLP
from harness.models.resnet import ResNet
from harness.models.two_layer_cnn import TwoLayerCNN
from harness.models.vit import ViT
from harness.models.wide_resnet import WideResNet
from harness.recipe import Facts, Model
from harness.settings import UserError

FACTS = Facts(inputs=(1, 12, 12), outputs=10, train=100, validation=20, test=20)

VARIANTS: tuple[Model, ...] = (
    MLP(),
    MLP(depth=0),
    MLP(depth=1, activation="gelu", init="he"),
    MLP(depth=4, connection="residual", norm="layer", init="xavier"),
    MLP(depth=4, connection="rezero", activation="tanh"),
    MLP(depth=3, norm="batch", dropout=0.1, activation="silu"),
    MLP(depth=3, activation="sigmoid", init="gaussian"),
    CNN(),
    CNN(stages=1, blocks=2, norm="batch", dropout=0.1),
    CNN(stages=3, connection="residual", norm="batch", pooling="stride", init="he"),
    CNN(stages=2, blocks=2, connection="residual", pooling="average", activation="gelu"),
    TwoLayerCNN(),
    TwoLayerCNN(width=4, hidden=16, dropout=0.2),
    LeNet5(),
    LeNet5(width=3, activation="tanh", pooling="average", dropout=0.1, init="xavier"),
    ResNet(depth=8, width=4),
    ResNet(depth=14, width=3, shortcut="B"),
    ResNet(depth=8, width=4, shortcut="none"),
    ViT(width=16),
    ViT(depth=1, width=10, heads=3, patch=6, dropout=0.1),
    WideResNet(width=4),
    WideResNet(width=16, dropout=0.2, init="torch"),
)
every_variant = pytest.mark.parametrize("model", VARIANTS, ids=str)


def shipped() -> set[type[Model]]:
    """Every model settings class under harness/models."""
    names = [module.name for module in pkgutil.iter_modules(harness.models.__path__)]
    modules = [importlib.import_module(f"harness.models.{name}") for name in names]
    return {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Model)
        and kind.__module__ == module.__name__
        and not inspect.isabstract(kind)
    }


def takes_images(kind: type[Model]) -> bool:
    try:
        kind().require(FACTS, "images")
        with torch.device("meta"):
            kind().build(FACTS)
    except UserError:
        return False
    return True


def images(count: int = 16) -> Tensor:
    return torch.randn(count, *FACTS.inputs, generator=torch.Generator().manual_seed(7))


def seeded(model: Model, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return model.build(FACTS)


@pytest.mark.parametrize("kind", sorted(shipped(), key=str))
def test_every_model_needs_no_arguments_and_returns_as_json(kind: type[Model]) -> None:
    model = kind()
    assert hash(model) == hash(kind())
    assert model.to_json()["class"] == f"{kind.__module__}:{kind.__name__}"


def test_the_variants_cover_the_image_models() -> None:
    predicting = {kind for kind in shipped() if kind.purpose == "predict"}
    taken = {kind for kind in predicting if kind.reads == "numbers" and takes_images(kind)}
    assert {type(model) for model in VARIANTS} == taken


@every_variant
def test_output_is_one_row_per_example(model: Model) -> None:
    assert seeded(model)(images(5)).shape == (5, FACTS.outputs)


@every_variant
def test_every_parameter_gets_a_gradient(model: Model) -> None:
    network = seeded(model)
    with torch.no_grad():  # ReZero's branches get none while alpha is 0: see test_mlp
        for name, parameter in network.named_parameters():
            if name.endswith("alpha"):
                parameter.fill_(0.5)
    loss = nn.functional.cross_entropy(network(images()), torch.arange(16) % 10)
    torch.autograd.backward(loss)
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@every_variant
def test_eval_is_deterministic_and_leaves_its_input(model: Model) -> None:
    network = seeded(model).eval()
    batch = images()
    assert torch.equal(network(batch), network(batch))
    assert torch.equal(batch, images())


@every_variant
def test_same_seed_same_bits(model: Model) -> None:
    first, second = seeded(model).state_dict(), seeded(model).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = seeded(model, seed=1).state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)


@every_variant
def test_meta_has_the_same_tensors_and_draws_no_random_numbers(model: Model) -> None:
    state = torch.get_rng_state()
    with torch.device("meta"):
        network = model.build(FACTS)
    assert torch.equal(state, torch.get_rng_state())
    assert all(parameter.is_meta for parameter in network.parameters())
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in seeded(model).state_dict().items()}


@every_variant
@pytest.mark.parametrize("training", [False, True])
def test_two_models_as_one_equal_each_alone(model: Model, training: bool) -> None:
    networks = [seeded(model, seed).train(training) for seed in (0, 1)]
    for dropout in (m for n in networks for m in n.modules() if isinstance(m, nn.Dropout)):
        dropout.p = 0.0
    parameters, buffers = stack_module_state(networks)
    skeleton = networks[0]

    def forward(weights: dict[str, Tensor], state: dict[str, Tensor], batch: Tensor) -> Tensor:
        result: Tensor = functional_call(skeleton, (weights, state), (batch,))
        return result

    vmapped = torch.vmap(forward, in_dims=(0, 0, None), randomness="different")
    with sdpa_kernel(SDPBackend.MATH):  # the other kernels have no rule for vmap
        together = vmapped(parameters, buffers, images())
    torch.autograd.backward(together.square().sum())
    for index, network in enumerate(networks):
        alone = network(images())
        torch.testing.assert_close(together[index], alone, rtol=1e-4, atol=1e-5)
        alone.square().sum().backward()
        for name, parameter in network.named_parameters():
            stacked = parameters[name].grad
            assert stacked is not None
            torch.testing.assert_close(stacked[index], parameter.grad, rtol=1e-3, atol=1e-4)
        for name, buffer in network.named_buffers():
            torch.testing.assert_close(buffers[name][index], buffer)
