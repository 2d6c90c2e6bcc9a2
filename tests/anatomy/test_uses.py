"""Applied parameters, the head, and shared tensors under all their names."""

import torch
from torch import Tensor, nn

from harness.anatomy.describe import Anatomy, describe
from harness.anatomy.known import residual, sequence
from harness.models.mlp import MLP
from harness.recipe import Facts

FACTS = Facts(inputs=(2,), outputs=3, train=1, validation=1, test=1)


class Albert(nn.Module):
    """One block for all layers (Lan 2019, arXiv:1909.11942), and a head tied to the embedding."""

    def __init__(self, times: int, *, bias: bool = False) -> None:
        super().__init__()
        self.times = times
        self.tokens = nn.Embedding(11, 4)
        self.block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.head = nn.Linear(4, 11, bias=bias)
        self.head.weight = self.tokens.weight

    def forward(self, batch: Tensor) -> Tensor:
        hidden = self.tokens(batch)
        for _ in range(self.times):
            hidden = self.block(hidden)
        result: Tensor = self.head(hidden)
        return result


def tokens_to(network: nn.Module) -> Anatomy:
    return describe(network, torch.zeros(2, 5, dtype=torch.long))


def test_a_shared_block_is_applied_as_often_as_it_runs() -> None:
    anatomy = tokens_to(Albert(times=12))
    assert anatomy.counts.total == 44 + 20
    assert anatomy.uses.applied == 2 * 44 + 12 * 20
    assert anatomy.counts.shared == (("tokens.weight", "head.weight"),)


def test_a_tied_head_belongs_to_the_embedding_but_for_its_bias() -> None:
    assert tokens_to(Albert(times=1)).uses.head == 0
    biased = tokens_to(Albert(times=1, bias=True))
    assert (biased.counts.embedding, biased.uses.head) == (44, 11)
    assert biased.counts.by_type == {"Embedding": 44, "Linear": 31}


def test_the_head_is_the_last_weight_layer() -> None:
    anatomy = describe(MLP(norm="layer").build(FACTS), torch.zeros(2, 2))
    assert anatomy.uses.head == 64 * 3 + 3
    assert anatomy.uses.applied == anatomy.counts.total
    with torch.device("meta"):
        network = residual.resnet(18)
    assert describe(network, torch.zeros(1, 3, 64, 64)).uses.head == 512 * 1000 + 1000


def test_several_outputs_have_several_heads() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.left, self.right = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 3)

        def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
            hidden = self.body(batch).relu()
            return self.left(hidden), self.right(hidden)

    assert describe(Two(), torch.zeros(1, 4)).uses.head == 10 + 15


def test_what_never_runs_is_not_applied() -> None:
    network = nn.Sequential(nn.Linear(4, 4))
    network.unused = nn.Linear(4, 9)

    class Once(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, batch: Tensor) -> Tensor:
            result: Tensor = self.inner[0](batch)
            return result

    anatomy = describe(Once(), torch.zeros(1, 4))
    assert (anatomy.counts.total, anatomy.uses.applied) == (20 + 45, 20)


def test_a_recurrent_layer_applies_its_parameters_once() -> None:
    network = sequence.RecurrentModel(nn.LSTM, 4, 2, 3)
    anatomy = describe(network, torch.zeros(2, 7, 4))
    assert anatomy.uses.applied == anatomy.counts.total
    assert anatomy.uses.head == 15


def test_a_network_that_cannot_be_traced_has_no_uses() -> None:
    class Escaping(nn.Linear):
        def forward(self, batch: Tensor) -> Tensor:
            values = torch.tensor(super().forward(batch).detach().tolist())
            return values + self.bias

    anatomy = describe(Escaping(3, 3), torch.zeros(2, 3))
    assert anatomy.uses.applied is anatomy.uses.head is None
    assert anatomy.counts.total == 12
