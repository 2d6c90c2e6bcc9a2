"""LanguageModel: the loss of each token, and metrics that follow from their mean."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.data.shakespeare import Shakespeare
from harness.evaluation import outputs_on, score
from harness.models.decoder import Decoder
from harness.recipe import Facts
from harness.settings import UserError
from harness.tasks.language_model import LanguageModel

FACTS = Facts(inputs=(9,), outputs=7, vocabulary=7, targets="tokens", train=8, validation=4, test=4)
TASK = LanguageModel()


class Guess(nn.Module):
    """Gives every token the same fixed logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.logits.expand(*tokens.shape, -1)


def batch(count: int = 5) -> list[Tensor]:
    random = torch.Generator().manual_seed(0)
    return [torch.randint(7, (count, 9), generator=random) for _ in range(2)]


def test_the_output_is_each_tokens_cross_entropy() -> None:
    torch.manual_seed(0)
    network, (tokens, following) = Decoder(width=8).build(FACTS), batch()
    output, logits = TASK.predict(network, [tokens, following]), network(tokens)
    assert output.shape == (5, 9)
    expected = cross_entropy(logits[2, 4][None], following[2, 4][None])
    torch.testing.assert_close(output[2, 4], expected)
    mean = cross_entropy(logits.flatten(0, 1), following.flatten())
    torch.testing.assert_close(TASK.loss(output, [tokens, following], training=True), mean)


def test_guessing_among_seven_has_a_perplexity_of_seven() -> None:
    output, joined = outputs_on(Guess(torch.zeros(7)), [batch()], TASK)
    scores = score(output, joined, TASK, TASK.metrics(FACTS))
    assert scores["perplexity"] == pytest.approx(7)
    assert scores["bits_per_character"] == pytest.approx(math.log2(7))
    assert scores["loss"] == pytest.approx(math.log(7))


def test_metrics_do_not_depend_on_how_the_split_was_batched() -> None:
    torch.manual_seed(0)
    network, found = Decoder(width=8).build(FACTS), []
    tokens, following = batch(30)
    for size in (30, 7):
        parts = [
            [tokens[start : start + size], following[start : start + size]]
            for start in range(0, 30, size)
        ]
        output, joined = outputs_on(network, parts, TASK)
        found.append(score(output, joined, TASK, TASK.metrics(FACTS)))
    assert found[0] == pytest.approx(found[1])


def test_other_targets_are_refused() -> None:
    with pytest.raises(UserError, match="targets: got 'classes'; allowed: tokens"):
        TASK.require(Facts(inputs=(9,), outputs=7, train=8, validation=4, test=4))


def test_it_learns_english_spelling() -> None:
    # Frequencies of single characters alone give 3.33 nats; a few steps must do better.
    data = Shakespeare(context=32, characters=50_000)
    torch.manual_seed(0)
    network = Decoder(depth=1, width=32).build(data.facts())
    module = data.build(seed=0, batch_size=32)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(3):
        for part in module.train_dataloader():
            optimizer.zero_grad()
            loss = TASK.loss(TASK.predict(network, part), part, training=True)
            torch.autograd.backward(loss)
            optimizer.step()
    output, joined = outputs_on(network, module.val_dataloader(), TASK)
    assert TASK.loss(output, joined, training=False).item() < 2.8
