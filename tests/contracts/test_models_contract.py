"""What every model keeps on every dataset that it takes."""

from collections import OrderedDict
from collections.abc import Mapping

import torch
from safetensors.torch import load, save
from torch import Tensor

from harness.anatomy.parameters import count
from harness.recipe import Data, Facts, Model
from tests.contracts.found import Found, adam_steps, built, examples, takes

Pair = tuple[Model, Data]
MINIMAL_FALL = 0.5
"""Share of its first loss below which every model comes within 150 steps on 32 examples."""


def equal(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> bool:
    assert list(left) == list(right)
    return all(torch.equal(left[name], right[name]) for name in left)


def predicted(facts: Facts) -> tuple[int, ...]:
    """Return the shape of what a model predicts of one example."""
    if facts.targets == "pixels":
        return (facts.outputs, *facts.target_shape)
    if facts.targets == "boxes":  # a map of a quarter of the image, four numbers a box
        return (facts.outputs + 4, *(side // 4 for side in facts.inputs[1:]))
    each = facts.target_shape if facts.targets in ("tokens", "masked", "translation") else ()
    return (*each, facts.outputs)


def test_it_takes_at_least_one_dataset(model: Model, found: Found) -> None:
    assert any(takes(type(model), data) for data in found.data)


def test_its_output_has_one_row_an_example(model_and_data: Pair) -> None:
    model, data = model_and_data
    inputs = examples(data)[0]
    output = built(model, data)(inputs)
    facts = data.facts()
    each = {
        "predict": predicted(facts),
        "autoencode": facts.inputs,
        "generate": (2,),
        "match": predicted(facts),
    }[model.purpose]
    assert output.shape == (len(inputs), *each)
    assert output.dtype == torch.float32
    assert output.isfinite().all()


def test_a_gradient_reaches_every_trainable_parameter(model_and_data: Pair, found: Found) -> None:
    model, data = model_and_data
    task, batch = found.task_of(model, data), examples(data)
    network = built(model, data)
    adam_steps(network, task, batch, steps=3, lr=1e-3)  # some start where a gradient is exactly 0
    network.zero_grad()
    torch.autograd.backward(task.loss(task.predict(network, batch), batch, training=True))
    trainable = [(name, p.grad) for name, p in network.named_parameters() if p.requires_grad]
    assert trainable
    assert [name for name, gradient in trainable if gradient is None or not gradient.any()] == []
    assert all(gradient is not None and gradient.isfinite().all() for _, gradient in trainable)


def test_eval_is_deterministic_and_draws_nothing(model_and_data: Pair) -> None:
    model, data = model_and_data
    network, inputs = built(model, data).eval(), examples(data)[0]
    state, before = torch.get_rng_state(), inputs.clone()
    with torch.no_grad():
        assert torch.equal(network(inputs), network(inputs))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(inputs, before)


def test_it_builds_on_meta_with_the_same_tensors(model_and_data: Pair) -> None:
    model, data = model_and_data
    network = built(model, data)
    state = torch.get_rng_state()
    with torch.device("meta"):
        planned = model.build(data.facts())
    assert torch.equal(state, torch.get_rng_state())
    assert count(planned) == count(network)
    assert all(tensor.is_meta for tensor in planned.state_dict().values())
    shapes = [{n: t.shape for n, t in each.state_dict().items()} for each in (planned, network)]
    assert shapes[0] == shapes[1]


def test_the_seed_decides_the_weights(model_and_data: Pair) -> None:
    model, data = model_and_data
    first, again, other = (built(model, data, seed).state_dict() for seed in (0, 0, 1))
    assert equal(first, again)
    assert not equal(first, other)


def test_its_weights_are_saved_and_loaded_to_the_bit(model_and_data: Pair) -> None:
    model, data = model_and_data
    network, other = built(model, data, 0), built(model, data, 1)
    network(examples(data)[0])  # in training mode: the statistics of a norm layer move
    weights = OrderedDict((name, t.clone()) for name, t in network.state_dict().items())
    kept = load(save(weights))
    other.load_state_dict(kept)
    assert equal(network.state_dict(), other.state_dict())
    inputs = examples(data)[0]
    assert torch.equal(network.eval()(inputs), other.eval()(inputs))


def test_it_learns_32_examples_by_heart(model: Model, found: Found) -> None:
    data = found.small_data(model)
    task = found.task_of(model, data)
    network, batch = built(model, data), examples(data)
    losses = adam_steps(network, task, batch, steps=150, lr=1e-2, until=MINIMAL_FALL)
    assert losses[-1] < MINIMAL_FALL * losses[0], (losses[0], losses[-1])
