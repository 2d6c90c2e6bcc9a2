"""Recommend: ranks in lists against torchmetrics' retrieval, and models of pairs by hand."""

from dataclasses import replace

import pytest
import torch
from torchmetrics.retrieval import RetrievalHitRate, RetrievalNormalizedDCG

from harness.models.content_model import ContentModel
from harness.models.matrix_factorisation import MatrixFactorisation
from harness.models.mlp import MLP
from harness.models.neumf import NeuMF
from harness.recipe import Facts, Model
from harness.settings import UserError
from harness.tasks.recommend import Recommend, ranks

FACTS = Facts(
    inputs=(9,),
    outputs=1,
    targets="clicks",
    entities=(5, 7),
    features=(3, 4),
    train=8,
    validation=4,
    test=4,
)
CLICKS = Recommend()
MODELS: tuple[Model, ...] = (MatrixFactorisation(), NeuMF(), NeuMF(depth=3), ContentModel(depth=1))


def rows() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    pairs = torch.stack([torch.randint(high, (12,), generator=random) for high in (5, 7)], dim=1)
    return torch.cat([pairs.float(), torch.rand(12, 7, generator=random)], dim=1)


def test_hit_rate_and_gain_are_those_of_torchmetrics() -> None:
    scores = torch.randn(30 * 40, 1, generator=torch.Generator().manual_seed(0))
    chosen = (torch.arange(len(scores)) % 40 == 0).float()[:, None]
    lists = torch.arange(len(scores)) // 40
    metrics = CLICKS.metrics(FACTS)
    theirs = {
        "hr_at_10": RetrievalHitRate(top_k=10),
        "ndcg_at_10": RetrievalNormalizedDCG(top_k=10),
    }
    for name, metric in metrics.items():
        metric.update(scores, chosen)
        theirs[name].update(scores[:, 0], chosen[:, 0].long(), indexes=lists)
        assert float(metric.compute()) == pytest.approx(float(theirs[name].compute()), rel=1e-6)
        assert 0 < float(metric.compute()) < 1


def test_of_equal_scores_the_chosen_one_is_the_last() -> None:
    chosen = torch.tensor([False, True, False, False, True, False])
    scores = torch.tensor([9.0, 1.0, 1.0, 0.0, 3.0, 2.0])
    assert ranks(scores, chosen).tolist() == [2, 1]


def test_ratings_are_left_to_regression() -> None:
    CLICKS.require(FACTS)
    with pytest.raises(UserError, match="targets: got '1 values'; allowed: 1 clicks; use Regress"):
        CLICKS.require(replace(FACTS, targets="values"))


def parameters(model: Model) -> int:
    return sum(each.numel() for each in model.build(FACTS).parameters())


def test_the_models_have_as_many_parameters_as_their_formulas_say() -> None:
    assert parameters(MatrixFactorisation(width=6)) == 12 * 7 + 1
    tower = (2 * 8 + 1) * 8 + (8 + 1) * 4
    assert parameters(NeuMF(depth=2, width=4)) == 12 * (4 + 8) + 2 * 4 + 1 + tower
    hidden = (7 + 2) * 6 + 2 * (3 - 1) * 7 * 6
    assert parameters(ContentModel(depth=3, width=6)) == hidden + 2 * 7 * 6 + 13


def test_matrix_factorisation_is_biases_and_a_product() -> None:
    torch.manual_seed(0)
    network = MatrixFactorisation(width=3).build(FACTS)
    torch.nn.init.normal_(network.user_bias.weight)
    output, (user, item) = network(rows()), rows()[4, :2].long()
    product = network.users.weight[user] @ network.items.weight[item]
    expected = network.user_bias.weight[user] + network.item_bias.weight[item] + product
    torch.testing.assert_close(output[4], expected)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_only_what_a_model_reads_changes_its_answer(model: Model) -> None:
    torch.manual_seed(0)
    network, first = model.build(FACTS).eval(), rows()
    other = first.clone()
    if isinstance(model, ContentModel):
        other[:, :2] = 0
    else:
        other[:, 2:] = 0
    assert network(first).shape == (12, 1)
    assert torch.equal(network(first), network(other))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_other_data_is_refused(model: Model) -> None:
    facts = Facts(inputs=(9,), outputs=1, targets="values", train=8, validation=4, test=4)
    with pytest.raises(UserError, match="data: got '0 entities"):
        model.build(facts)
    assert MLP.reads == "numbers" != model.reads
