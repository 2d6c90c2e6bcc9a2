"""Prefix and Prompt: what they add, that it is what PEFT computes, and where it is left out."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from harness.capability import probe, refusal, working
from harness.groups import prepare
from harness.models.bert import MINILM, Bert, BertNetwork
from harness.models.mlp import MLP
from harness.recipe import Facts, Strategy
from harness.strategies.prefix import Prefix
from harness.strategies.prompt import Prompt

peft = pytest.importorskip("peft", reason="needs pip install .[peft]")
transformers = pytest.importorskip("transformers", reason="needs the text extra")

COUNT, WIDTH, LENGTH = 5, 16, 12
BERT = Bert(depth=2, width=WIDTH, heads=4, feed_forward_width=32, positions=32, dropout=0.0)
FACTS = Facts(inputs=(LENGTH,), outputs=3, train=1, validation=1, test=1, vocabulary=50)
HEAD = WIDTH * 3 + 3
BOTH = [Prefix(tokens=COUNT), Prompt(tokens=COUNT)]
both = pytest.mark.parametrize("strategy", BOTH, ids=lambda each: type(each).__name__)


def texts() -> Tensor:
    """Three texts of different lengths, filled up with padding."""
    tokens = torch.randint(1, 50, (3, LENGTH), generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([LENGTH, 7, 3])
    return tokens * (torch.arange(LENGTH) < lengths[:, None])


def network(strategy: Strategy) -> BertNetwork:
    torch.manual_seed(0)
    adapted = prepare(BERT.build(FACTS), strategy).network.eval()
    assert isinstance(adapted, BertNetwork)
    return adapted


@pytest.mark.parametrize(
    ("strategy", "adds"),
    [(Prefix(tokens=20), 2 * 6 * 20 * 384), (Prompt(tokens=20), 20 * 384)],
    ids=["prefix", "prompt"],
)
def test_the_count_is_that_of_the_formula(strategy: Strategy, adds: int) -> None:
    facts = replace(FACTS, vocabulary=30_522)
    assert probe(MINILM, facts, strategy) == adds + 384 * 3 + 3


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
@both
def test_it_computes_what_peft_does(strategy: Strategy) -> None:
    """PEFT lets a prefix move the text's positions; here all positions are alike."""
    ours, tokens = network(strategy), texts()
    with torch.no_grad():
        ours.encoder.embeddings.position_embeddings.weight[:] = 0.3
    (added,) = [p for name, p in ours.named_parameters() if ".pre" in name or ".prompt" in name]
    settings = {"num_virtual_tokens": COUNT, "task_type": "FEATURE_EXTRACTION"}
    kind = {Prefix: peft.PrefixTuningConfig, Prompt: peft.PromptTuningConfig}[type(strategy)]
    theirs = peft.get_peft_model(BERT.build(FACTS).encoder, kind(**settings)).eval()
    plain = {n: t for n, t in ours.encoder.state_dict().items() if not n.startswith("pr")}
    theirs.base_model.load_state_dict(plain)
    (prompt,) = theirs.prompt_encoder.values()
    prompt.load_state_dict({"embedding.weight": added})
    present = tokens != 0
    hidden = theirs(input_ids=tokens, attention_mask=present.float()).last_hidden_state
    hidden = hidden[:, hidden.shape[1] - LENGTH :] * present[..., None]
    expected = ours.head(hidden.sum(1) / present.sum(1, keepdim=True))
    torch.testing.assert_close(ours(tokens), expected, rtol=1e-4, atol=1e-6)


@both
def test_neither_padding_nor_the_rest_of_a_batch_matters(strategy: Strategy) -> None:
    adapted, tokens = network(strategy), texts()
    together = adapted(tokens)
    for row, length in enumerate((LENGTH, 7, 3)):
        alone = adapted(tokens[row : row + 1, :length])
        torch.testing.assert_close(alone, together[row : row + 1], rtol=1e-4, atol=1e-6)


@both
def test_what_the_encoder_says_of_a_prompt_is_not_in_the_mean(strategy: Strategy) -> None:
    adapted, lengths = network(strategy), []
    adapted.encoder.register_forward_hook(
        lambda _module, _inputs, output: lengths.append(output.last_hidden_state.shape[1])
    )
    adapted(texts())
    assert lengths == [LENGTH]


@both
def test_other_networks_are_refused_and_encoders_name_it(strategy: Strategy) -> None:
    numbers = Facts(inputs=(4,), outputs=3, train=1, validation=1, test=1)
    assert "encoder: got 'none'; allowed: one of the transformers" in refusal(
        MLP(depth=2), numbers, strategy
    )
    assert type(strategy).__name__ not in working(MLP(depth=2), numbers)
    assert type(strategy).__name__ in working(BERT, FACTS)


def test_a_prompt_that_leaves_no_room_for_the_text_is_refused() -> None:
    said = refusal(BERT, FACTS, Prompt(tokens=21))
    assert "length with the prompt: got 33; allowed: ≤ 32" in said
    assert refusal(BERT, FACTS, Prompt(tokens=20)) == ""
