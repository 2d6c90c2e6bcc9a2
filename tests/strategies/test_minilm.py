"""The real MiniLM, read from its wheel: what it knows, what is trained of it, what a run keeps."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from harness.base import begin
from harness.data.movie_review_pieces import FILE, MovieReviewPieces
from harness.fresh import network_of
from harness.models.bert import MINILM as ARCHITECTURE
from harness.models.tokens import mean_of_present
from harness.packages import read_packaged
from harness.recipe import Recipe
from harness.settings import UserError
from harness.starts.from_package import MINILM
from harness.strategies.full import Full
from harness.strategies.lora import LoRA
from harness.tasks.classify import Classify
from harness.training import train
from harness.weight_files import EXAMPLE, TRAINED, prove_files, weight_files
from tests.test_training import WATCH

tokenizers = pytest.importorskip("tokenizers", reason="needs the text extra")
pytest.importorskip("transformers", reason="needs the text extra")
pytest.importorskip("peft", reason="needs pip install .[peft]")

RECIPE = Recipe(
    model=ARCHITECTURE,
    data=MovieReviewPieces(limit=16, folds=500),
    task=Classify(),
    strategy=Full(),
    start=MINILM,
    lr=1e-3,
    batch_size=8,
    epochs=1,
)


@pytest.fixture(scope="module", autouse=True)
def _carried() -> None:
    try:
        MINILM.base()
    except UserError as error:
        pytest.skip(str(error))


def test_it_has_as_many_numbers_as_published_and_all_but_the_pooler_are_taken_over() -> None:
    weights = MINILM.base().weights
    assert sum(t.numel() for t in weights.values() if t.is_floating_point()) == 22_713_216
    network = network_of(RECIPE)
    base = begin(network, RECIPE)
    assert base is not None
    assert base.drawn == ("head.bias", "head.weight")
    pooler = 384 * 384 + 384
    head = 384 * 2 + 2
    assert sum(p.numel() for p in network.parameters()) == 22_713_216 - pooler + head


def test_sentences_that_mean_the_same_lie_close() -> None:
    network = network_of(RECIPE)
    begin(network, RECIPE)
    reader = tokenizers.Tokenizer.from_str(read_packaged(FILE).decode())
    texts = ["A man is eating food.", "A man is eating a piece of bread.", "The girl plays cello."]
    one, two, three = (_meaning(network.eval(), reader.encode(text).ids) for text in texts)
    assert torch.cosine_similarity(one, two, dim=0) > 0.7
    assert torch.cosine_similarity(one, three, dim=0) < 0.2


def test_a_run_keeps_what_it_trained_and_gives_the_same_on_its_start(tmp_path: Path) -> None:
    strategy = LoRA(rank=8, targets=("name:*.query", "name:*.value"))
    recipe = replace(RECIPE, strategy=strategy)
    outcome = train(recipe, directory=tmp_path, watch=WATCH)
    files = weight_files(recipe, outcome)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    prove_files(recipe, tmp_path)
    assert set(files) == {TRAINED, EXAMPLE}
    numbers = 73_728 + 384 * 2 + 2
    assert 4 * numbers < len(files[TRAINED]) < 4 * numbers + 10_000
    checkpoint = (tmp_path / "last.ckpt").stat().st_size
    assert 16 * numbers < checkpoint < 16 * numbers + 200_000


@torch.no_grad()
def _meaning(network: nn.Module, pieces: list[int]) -> Tensor:
    tokens = torch.tensor([[each for each in pieces if each]])
    present = torch.ones_like(tokens, dtype=torch.bool)
    encoder = network.get_submodule("encoder")
    hidden = encoder(input_ids=tokens, attention_mask=present).last_hidden_state
    return mean_of_present(hidden, present)[0]
