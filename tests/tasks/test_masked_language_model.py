"""MaskedLanguageModel: only what is hidden counts, and it is hidden anew in every epoch."""

import pytest
import torch
from torch import Tensor, nn

from harness.data.masked_shakespeare import MASK, MaskedShakespeare
from harness.models.decoder import Decoder
from harness.models.encoder import Encoder
from harness.recipe import Recipe
from harness.settings import UserError
from harness.strategies.full import Full
from harness.tasks.masked_language_model import MaskedLanguageModel

DATA = MaskedShakespeare(characters=20_000, context=50)


class Fixed(nn.Module):
    """Returns the same logits whatever it sees."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, _tokens: Tensor) -> Tensor:
        return self.logits


def test_the_scores_are_those_of_the_hidden_tokens() -> None:
    hidden, true = torch.tensor([[9, 1, 9], [0, 9, 2]]), torch.tensor([[0, 1, 2], [0, 1, 2]])
    chances = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [0.25, 0.25, 0.5]])
    batch, task = (hidden, true), MaskedLanguageModel()
    output = task.predict(Fixed(chances.log().expand(2, 3, 3)), batch)
    # Hidden are 0 (chance .5, guessed) and 2 (.5, guessed) in the first, 1 (.1, not) in the second.
    expected = (torch.tensor([0.5, 0.5]).log().mean() + torch.tensor(0.1).log()) / -2
    torch.testing.assert_close(task.loss(output, batch, training=True), expected)
    metrics = task.metrics(DATA.facts())
    for metric in metrics.values():
        metric.update(output, true)
    assert float(metrics["masked_accuracy"].compute()) == pytest.approx(2 / 3)
    assert float(metrics["masked_perplexity"].compute()) == pytest.approx((2 * 2 * 10) ** (1 / 3))


def test_a_share_is_hidden_anew_in_each_epoch_and_fixed_in_evaluation() -> None:
    module = DATA.build(seed=0, batch_size=400)
    loader = module.train_dataloader()
    (first, true), (second, again) = next(iter(loader)), next(iter(loader))
    assert (first == MASK).double().mean().item() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(first[first != MASK], true[first != MASK])
    places = [{tuple(row) for row in each.tolist()} for each in (first, second)]
    assert len(places[0] & places[1]) < 5
    assert {tuple(row) for row in true.tolist()} == {tuple(row) for row in again.tolist()}
    tests = [
        torch.cat([inputs for inputs, _ in DATA.build(seed=seed, batch_size=9).test_dataloader()])
        for seed in (0, 1)
    ]
    assert torch.equal(tests[0], tests[1])
    assert (tests[0] == MASK).double().mean().item() == pytest.approx(0.15, abs=0.005)


def test_a_hidden_place_is_guessed_from_both_sides() -> None:
    torch.manual_seed(0)
    network = Encoder().build(DATA.facts()).eval()
    tokens = next(iter(DATA.build(seed=0, batch_size=2).train_dataloader()))[0]
    before = network(tokens)
    assert before.shape == (2, 50, MASK)
    for place in (0, 49):
        other = tokens.clone()
        other[:, place] = (other[:, place] + 1) % MASK
        assert ((network(other) - before)[:, 25].abs().amax(dim=-1) > 1e-7).all()


def test_a_decoder_is_refused() -> None:
    with pytest.raises(UserError, match=r"^model: got 'Decoder, which answers tokens'; .*masked"):
        Recipe(model=Decoder(), data=DATA, task=MaskedLanguageModel(), strategy=Full(), lr=1e-3)
