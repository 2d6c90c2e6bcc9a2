"""Explain: sums that are complete, features that were planted, and a run that stays as it was."""

import html.parser
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from harness.data.breast_cancer import BreastCancer
from harness.data.diabetes import Diabetes
from harness.data.movie_reviews import MovieReviews
from harness.explain.attention import Looks, looks
from harness.explain.attributions import attribute
from harness.explain.examples import examples, overall
from harness.explain.subject import Subject
from harness.explain.write import PAGE, collect, explain_run
from harness.models.attentive_birnn import AttentiveBiRNN
from harness.models.encoder import Encoder
from harness.models.mlp import MLP
from harness.parts import Data, Model, Task
from harness.recipe import Recipe
from harness.settings import UserError
from harness.strategies.full import Full
from harness.tasks.classify import Classify
from harness.tasks.regress import Regress
from harness.tracking import client, find_run
from tests import families, small

pytest.importorskip("captum", reason="needs `pip install .[explain]`")
PLANTED = 20


def subject_of(model: Model, data: Data, task: Task | None = None) -> Subject:
    """Return a network as a seed draws it, in double precision."""
    task = task or Classify()
    recipe = Recipe(model=model, data=data, task=task, strategy=Full(), lr=0.1, precision="64-true")
    torch.manual_seed(0)
    return Subject(recipe, model.build(data.facts()).double().eval())


def test_a_linear_model_is_explained_exactly() -> None:
    subject = subject_of(MLP(depth=0), BreastCancer())
    chosen = torch.arange(5)
    found = attribute(subject, chosen)
    weight = dict(subject.network.named_parameters())["head.weight"]
    centred = weight - weight.mean(dim=0)
    expected = centred[subject.asked(chosen)] * (subject.inputs[:5] - subject.inputs.mean(dim=0))
    torch.testing.assert_close(found.values, expected, rtol=1e-7, atol=1e-8)
    assert found.errors.abs().max() < 1e-7


def test_values_are_explained_in_the_units_of_the_data() -> None:
    subject = subject_of(MLP(depth=0), Diabetes(), Regress())
    found = attribute(subject, torch.arange(4))
    said = subject.in_units(subject.outputs)[:, 0]
    whole = found.values.sum(dim=1).float()
    torch.testing.assert_close(whole, said[:4] - said.mean(), rtol=1e-4, atol=1e-3)


def test_a_curved_model_takes_more_steps_until_the_sums_agree() -> None:
    found = attribute(subject_of(MLP(depth=3), BreastCancer()), torch.arange(8))
    torch.testing.assert_close(found.values.sum(dim=1), found.differences + found.errors)
    assert found.errors.abs().max() < 0.01 * found.differences.abs().max()


def test_the_one_column_that_counts_is_found_and_named() -> None:
    subject = subject_of(MLP(), BreastCancer())
    with torch.no_grad():
        first = dict(subject.network.named_parameters())["hidden_1.linear.weight"]
        first[:, torch.arange(30) != PLANTED] = 0
    values = attribute(subject, torch.arange(6)).values
    assert (values.abs().argmax(dim=1) == PLANTED).all()
    assert values[:, :PLANTED].abs().max() == 0
    name = BreastCancer().columns()[PLANTED]
    (figure,) = overall(subject)
    assert figure.caption.startswith(f"Mean absolute attribution of each column, most {name} (")


@pytest.mark.parametrize("model", [Encoder(width=8), AttentiveBiRNN(width=8)], ids=["enc", "birnn"])
def test_the_one_word_that_counts_is_found_and_padding_never(model: Model) -> None:
    subject = subject_of(model, MovieReviews())
    with torch.no_grad():
        embedding = dict(subject.network.named_parameters())["tokens.weight"]
        embedding[:] = embedding[2].clone()
        embedding[PLANTED] += 2
    holding = (subject.inputs == PLANTED).any(dim=1).nonzero()[:3, 0]
    found = attribute(subject, holding)
    at = found.values.abs().argmax(dim=1)
    assert (subject.inputs[holding].gather(1, at[:, None]) == PLANTED).all()
    assert found.values[subject.inputs[holding] == 0].abs().max() == 0
    word = MovieReviews().words(torch.tensor([PLANTED]))[0]
    assert all(f"most by {word} (" in each.caption for each in examples(subject, holding, "a"))


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Attends(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        query, keys, values = random(2, 4, 5, 3), random(2, 2, 5, 3), random(2, 2, 5, 3)
        causal = scaled_dot_product_attention(query, keys, values, is_causal=True, enable_gqa=True)
        mask = (inputs > 0)[:, None, None, :]
        return causal + scaled_dot_product_attention(
            query, keys, values, attn_mask=mask, enable_gqa=True
        )


def test_attention_that_is_read_off_is_the_one_that_was_used() -> None:
    inputs = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    causal, masked = looks(Attends(), inputs).maps
    values = random(2, 2, 5, 3).repeat_interleave(2, dim=1)
    torch.testing.assert_close((causal + masked) @ values, Attends()(inputs))
    assert causal.triu(1).abs().max() == 0
    assert masked[0, :, :, 3:].abs().max() == 0


def test_additive_attention_is_read_off_its_softmax() -> None:
    subject = subject_of(AttentiveBiRNN(width=8), MovieReviews())
    found: Looks = looks(subject.network, subject.inputs[:2])
    (pooled,) = found.pooled
    torch.testing.assert_close(pooled.sum(dim=1), torch.ones(2, dtype=torch.float64))
    assert pooled[subject.inputs[:2] == 0].abs().max() == 0


class Images(html.parser.HTMLParser):
    """Collects the attributes of every image."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(dict(attrs))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with a run on digits."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("explain")
        root = families.here(folder, patch)
        families.write(folder, "base")
        families.run("base")
        yield root


def test_a_run_gets_pictures_and_a_page_and_is_otherwise_as_it_was(root: Path) -> None:
    (before,) = small.runs(root).values()
    metrics = find_run(root, before["id"]).data.metrics
    console = Console(file=io.StringIO(), width=200)
    explain_run(before["id"][:10], console)
    (after,) = small.runs(root).values()
    weights, stayed = before.pop("weights"), after.pop("weights")
    assert all(torch.equal(weights[name], tensor) for name, tensor in stayed.items())
    assert after.pop("files") == sorted([*before.pop("files"), "explain"])
    assert after == before
    assert find_run(root, before["id"]).data.metrics == metrics
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue().splitlines()
    page = Path(said[-1].removeprefix("page: ")).read_text()
    there = {Path(each.path).name for each in client(root).list_artifacts(before["id"], "explain")}
    assert {PAGE, "confusion.svg", "mistake_1.png", "right_1.png"} <= there
    images = Images(page).found
    assert len(images) == len(there) - 1
    assert all(image["alt"] and str(image["src"]).startswith("data:") for image in images)
    assert "http" not in page.replace("http-equiv", "")
    assert "Attention: none" in page


@pytest.mark.usefixtures("root")
def test_an_unknown_run_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^RUN: got 'nowhere'[^\n]*$"):
        explain_run("nowhere", Console(file=io.StringIO()))


def test_a_network_without_an_embedding_says_so_and_shows_the_rest() -> None:
    subject = subject_of(Encoder(width=8), MovieReviews())

    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(48, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            result: Tensor = self.head(tokens.float())
            return result

    sections, missing = collect(Subject(subject.recipe, Bag()))
    assert [heading for heading, _ in sections] == ["All answers"]
    assert any("got 'Bag, without one'" in line for line in missing)
