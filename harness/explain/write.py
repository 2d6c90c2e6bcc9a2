"""Write: all that explains a run, as files of the run in MLflow and as one page."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import jinja2
from markupsafe import Markup
from rich.console import Console

from harness.explain.examples import examples, overall
from harness.explain.figure import Figure
from harness.explain.network import attention, errors, filters
from harness.explain.subject import Subject
from harness.settings import UserError
from harness.tracking import client
from harness.trained import Trained, trained

FOLDER = "explain"
PAGE = "explain.html"
HERE = Path(__file__).parent
Section = tuple[str, Sequence[Figure]]

READING = (
    "An attribution is what a number, a pixel or a word adds to the answer's score, against the "
    "mean of the validation part (integrated gradients, Sundararajan 2017): of a class its logit "
    "less the mean of all logits, of a value the value. Blue adds, vermilion takes away.",
    "It tells what this network does, not what causes what in the world, and what it tells depends "
    "on the mean that it starts from.",
    "Attention shows where a layer looks, which need not be why it answers so (Jain & Wallace "
    "2019, arXiv:1902.10186).",
    "All of it is of the validation part: the test set answers the study's question alone.",
)


def explain_run(run_id: str, console: Console) -> None:
    """Attach pictures of why a run's network answers so, and a page of them, and say where.

    Raises:
        UserError: there is no such finished run, it tells neither classes nor values, or a
            package is missing.
    """
    found = trained(run_id)
    subject = Subject(found.recipe, found.network)
    sections, missing = collect(subject)
    with TemporaryDirectory() as directory:
        for figure in (each for _, figures in sections for each in figures):
            (Path(directory) / f"{figure.name}{figure.suffix}").write_bytes(figure.content)
        (Path(directory) / PAGE).write_text(page(found.id, subject, sections, missing), "utf-8")
        client(found.root).log_artifacts(found.id, directory, FOLDER)
    drawn = sum(len(figures) for _, figures in sections)
    for line in (short(subject), *missing, f"{drawn} pictures: {FOLDER}/ of run {found.id}"):
        console.print(line, highlight=False, markup=False)
    where = f"page: {_place(found) / FOLDER / PAGE}"
    console.print(where, highlight=False, markup=False, soft_wrap=True)


def collect(subject: Subject) -> tuple[list[Section], list[str]]:
    """Return the sections that have a picture, and a line for each that cannot have one."""
    wanted: dict[str, Callable[[], Iterator[Figure]]] = {
        "Worst mistakes": lambda: examples(subject, subject.worst(), "mistake"),
        "Surest right answers": lambda: examples(subject, subject.surest(), "right"),
        "All answers": lambda: errors(subject),
        "What counts": lambda: overall(subject),
        "Attention": lambda: attention(subject),
        "Filters": lambda: filters(subject),
    }
    sections: list[Section] = []
    missing: list[str] = []
    for heading, draw in wanted.items():
        try:
            figures = list(draw())
        except UserError as error:
            missing.append(f"{heading}: not shown, {error}")
            continue
        if figures:
            sections.append((heading, figures))
        elif heading in NONE:
            missing.append(f"{heading}: none, {NONE[heading]}.")
    return sections, missing


NONE = {
    "Worst mistakes": "every validation example is right",
    "Surest right answers": "no validation example is right",
    "Attention": "the network calls no attention that can be read",
    "Filters": "it has no convolution",
}


def short(subject: Subject) -> str:
    """Return in a sentence what is explained, and how good it is."""
    recipe, count = subject.recipe, len(subject.targets)
    name = f"{type(recipe.model).__name__} on {type(recipe.data).__name__}"
    if subject.classifies:
        wrong = int(subject.wrong.sum())
        share = f"{wrong:,} of {count:,} validation examples are wrong ({wrong / count:.1%})"
        return f"{name}: {share}."
    root = float((subject.errors.double() ** 2).mean().sqrt())
    return f"{name}: root mean square error {root:.3g} over {count:,} validation examples."


def page(run: str, subject: Subject, sections: Sequence[Section], missing: Sequence[str]) -> str:
    """Return everything as one HTML file, which loads nothing and runs no script."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("page.html").render(
        name=f"run {run}",
        title=f"Why {type(subject.recipe.model).__name__} answers so",
        style=Markup((HERE.parent / "page" / "page.css").read_text(encoding="utf-8")),
        short=short(subject),
        sentences=(*filter(None, (subject.data.caveat,)), *READING, *missing),
        sections=sections,
    )


def _place(found: Trained) -> Path:
    return Path(str(found.run.info.artifact_uri).removeprefix("file://"))
