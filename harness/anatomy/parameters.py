"""Parameters: how many numbers a network learns, each unique tensor counted once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from torch.nn.parameter import UninitializedParameter

from harness.settings import UserError

LIBRARY = frozenset(kind for kind in vars(nn).values() if isinstance(kind, type))
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
PART = ".parametrizations."
"""What torch puts between a layer's name and those of its reparametrized tensors."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Parameters of a network: total = trainable + frozen = the sum over layer types."""

    total: int
    """Numbers in unique tensors: a tied one counts once."""
    trainable: int
    """Those of tensors that require a gradient, however they got to."""
    frozen: int
    embedding: int
    """Held by an embedding layer, a head that is tied to one included."""
    non_embedding: int
    buffers: int
    """Numbers that are stored and not learned, in unique tensors: no parameters."""
    by_type: dict[str, int]
    """Parameters by the type of the layer that holds them, e.g. "Linear"; see `kind`."""
    shared: tuple[tuple[str, ...], ...]
    """The names of every tensor that has several, each group in the order of registration."""


@dataclass(frozen=True)
class Owned:
    """A unique parameter, the layer it counts for, and all its names."""

    parameter: nn.Parameter
    layer: str
    """Name of the layer in the network; empty for the network itself."""
    owner: nn.Module
    names: tuple[str, ...]


def count(network: nn.Module) -> Counts:
    """Return the parameter counts of `network`; a tensor tied to several places counts once.

    It counts for the first embedding layer that holds it, else for the layer that registered it
    first. Works on the meta device. Raises UserError if a lazy layer does not have its shape yet.
    """
    tensors = owned(network)
    by_type: Counter[str] = Counter()
    for each in tensors:
        by_type[kind(each.owner)] += each.parameter.numel()
    total = sum(by_type.values())
    trainable = sum(each.parameter.numel() for each in tensors if each.parameter.requires_grad)
    embedding = sum(each.parameter.numel() for each in tensors if is_embedding(each.owner))
    return Counts(
        total=total,
        trainable=trainable,
        frozen=total - trainable,
        embedding=embedding,
        non_embedding=total - embedding,
        buffers=sum(buffer.numel() for buffer in network.buffers()),
        by_type=dict(by_type),
        shared=tuple(each.names for each in tensors if len(each.names) > 1),
    )


def owned(network: nn.Module) -> list[Owned]:
    """Return every unique parameter with the layer it counts for, in registration order.

    Raises UserError if a lazy layer does not yet have its shape.
    """
    names: dict[nn.Parameter, list[str]] = {}
    for name, parameter in network.named_parameters(remove_duplicate=False):
        if isinstance(parameter, UninitializedParameter):
            do = "run one forward pass on an example first"
            got = name.rpartition(".")[0]
            raise UserError("lazy layer", got=got, allowed="layers of known shape", do=do)
        names.setdefault(parameter, []).append(name)
    return [_owned(network, parameter, places) for parameter, places in names.items()]


def unique_parameters(network: nn.Module) -> Iterator[tuple[nn.Module, nn.Parameter]]:
    """Yield every unique parameter with the layer it counts for, in registration order.

    Raises UserError if a lazy layer does not yet have its shape.
    """
    for each in owned(network):
        yield each.owner, each.parameter


def kind(module: nn.Module) -> str:
    """Return the type a layer counts as: torch's own where it is or wraps one, else its class.

    So a quantised, reparametrized or adapted Linear that is a subclass of nn.Linear is "Linear".
    """
    for base in type(module).__mro__:
        if base in LIBRARY and base is not nn.Module and not issubclass(base, CONTAINERS):
            return base.__name__
    return type(module).__name__


def is_whole(module: nn.Module) -> bool:
    """Return whether a module uses the modules in it as mere holders of tensors: one layer."""
    return isinstance(module, nn.MultiheadAttention)


def layer_of(name: str) -> str:
    """Return the name of the layer that the module `name` is a reparametrization of, or `name`."""
    return f".{name}".split(PART)[0].removeprefix(".")


def _owned(network: nn.Module, parameter: nn.Parameter, names: list[str]) -> Owned:
    layers = [_holder(network, name) for name in names]
    modules = [network.get_submodule(layer) for layer in layers]
    first = next((n for n, each in enumerate(modules) if is_embedding(each)), 0)
    return Owned(parameter, layers[first], modules[first], tuple(names))


def _holder(network: nn.Module, name: str) -> str:
    """Return the name of the nearest layer above a parameter: lists of tensors are none."""
    layer = layer_of(name) if PART in f".{name}" else name.rpartition(".")[0]
    while layer and isinstance(network.get_submodule(layer), nn.ParameterList | nn.ParameterDict):
        layer = layer.rpartition(".")[0]
    above = layer.rpartition(".")[0]
    return above if layer and is_whole(network.get_submodule(above)) else layer


def is_embedding(module: nn.Module) -> bool:
    """Return whether a module looks rows of a table up."""
    return isinstance(module, nn.Embedding | nn.EmbeddingBag)


def lazy(network: nn.Module) -> Iterator[str]:
    """Yield the names of the parameters that do not have their shape yet."""
    for name, parameter in network.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            yield name
