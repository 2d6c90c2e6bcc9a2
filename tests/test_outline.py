"""Outline: head and blocks of the shipped models and of anybody's, by their structure."""

from collections import Counter

import pytest
from torch import nn

from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.models.two_layer_cnn import TwoLayerCNN
from harness.outline import outline
from harness.recipe import Facts, Model

FACTS = Facts(inputs=(1, 8, 8), outputs=10, train=1, validation=1, test=1)
SHIPPED: dict[str, tuple[Model, tuple[str, ...]]] = {
    "linear": (MLP(depth=0), ()),
    "one hidden layer": (MLP(depth=1, norm="layer"), ("hidden_1",)),
    "deep": (MLP(depth=3, connection="rezero"), ("hidden_1", "hidden_2", "hidden_3")),
    "stages": (CNN(stages=2, blocks=3, norm="batch"), ("stage_1", "stage_2")),
    "one stage": (CNN(stages=1, blocks=2), ("stage_1.block_1", "stage_1.block_2")),
    "one block": (CNN(stages=1, norm="batch"), ("stage_1",)),
    "without numbers": (TwoLayerCNN(), ("convolution", "hidden")),
}


@pytest.mark.parametrize("case", SHIPPED)
def test_the_parts_of_a_shipped_model(case: str) -> None:
    model, blocks = SHIPPED[case]
    found = outline(model.build(FACTS))
    assert found.head == "head"
    assert found.blocks == blocks
    assert {entry.name for entry in found.entries if entry.place == "head"} == {
        "head.weight",
        "head.bias",
    }
    assert {entry.place for entry in found.entries} <= {"head", "block"}


class Encoder(nn.Module):
    """Parts as transformers has them: embeddings, a numbered list, a norm, a classifier."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(11, 8)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(
            nn.TransformerEncoderLayer(8, 2, 16) for _ in range(layers)
        )
        self.final_norm = nn.LayerNorm(8)
        self.classifier = nn.Linear(8, 3)


@pytest.mark.parametrize("layers", [1, 3])
def test_an_encoder_has_a_stem_numbered_blocks_a_tail_and_a_head(layers: int) -> None:
    found = outline(Encoder(layers))
    assert found.blocks == tuple(f"encoder.layer.{i}" for i in range(layers))
    assert found.head == "classifier"
    places = Counter(entry.place for entry in found.entries)
    assert places == {"stem": 1, "block": 12 * layers, "tail": 2, "head": 2}
    assert found.entries[0].kind == "embedding"


def test_the_layers_of_a_recurrent_module_are_its_blocks() -> None:
    network = nn.ModuleDict(
        {
            "embedding": nn.Embedding(5, 4),
            "memory": nn.GRU(4, 6, num_layers=2, bidirectional=True),
            "head": nn.Linear(12, 2),
        }
    )
    found = outline(network)
    assert found.blocks == ("memory.l0", "memory.l1")
    blocks = Counter(entry.block for entry in found.entries)
    assert blocks == {-1: 3, 0: 8, 1: 8}


def test_a_plain_sequence_has_its_layers_as_blocks_and_a_norm_joins_the_one_before() -> None:
    layers = [nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 2)]
    found = outline(nn.Sequential(*layers))
    assert found.blocks == ("0", "3")
    assert found.head == "4"
    assert [entry.block for entry in found.entries] == [0, 0, 0, 0, 1, 1, -1, -1]


def test_a_tied_tensor_is_one_entry_and_belongs_to_the_head() -> None:
    network = nn.ModuleDict({"embedding": nn.Embedding(7, 4), "head": nn.Linear(4, 7)})
    network["head"].weight = network["embedding"].weight
    found = outline(network)
    assert [(entry.name, entry.place) for entry in found.entries] == [
        ("embedding.weight", "head"),
        ("head.bias", "head"),
    ]
