"""Run a study: check it, train what is missing, answer."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from harness import store
from harness.checks import check
from harness.forks import context, default_workers
from harness.kinds import MOST, search_of
from harness.measures import measures
from harness.progress import Progress
from harness.provenance import code, versions
from harness.registration import register, registration_of
from harness.search import Search
from harness.store import StoreUnavailable, storing
from harness.study import Study, load
from harness.study import store as store_root
from harness.tried import unresolved
from harness.views import UI, address

if TYPE_CHECKING:
    from harness.answer import Answer
    from harness.tracking import Tracker

ANSWER = "answer.txt"


def run_study(
    name: str,
    budget: Mapping[str, int],
    *,
    workers: int | None,
    retry: bool,
    console: Console,
    fuse: int | None = None,
) -> int:
    """Train what the study's budget still asks for and print the answer; return the exit status.

    The studies that it builds on are run before, with their own budgets.
    `fuse` trials of one shape train as one, at most. By itself a study has a worker a core,
    unless results would depend on it.

    0 when all is well, 1 when trials failed, 130 or 143 after Ctrl-C or SIGTERM,
    75 when the store cannot be written.

    Raises:
        UserError: something about the study cannot work; nothing was trained.
    """
    root = store_root()
    study = load(name, budget)
    for before in study.after:
        status = run_study(before, {}, workers=workers, retry=retry, console=console, fuse=fuse)
        if status:
            return status
    samples = check(study)
    store.prepare(root)
    try:
        with storing():
            search = search_of(study, root, samples, fuse or MOST)
            if study.scientific:
                register(search)
            if retry:
                line = f"{search.retry_failed()} failed trials are tried again"
                console.print(line, highlight=False)
            if not search.remaining():
                return _nothing_to_do(search, console)
            return _work_and_answer(search, budget, workers, console)
    except StoreUnavailable as error:
        line = f"paused: the store cannot be written ({error}); nothing is lost: make room, then "
        console.print(line + command(study), highlight=False, markup=False, soft_wrap=True)
        return os.EX_TEMPFAIL


def _work_and_answer(
    search: Search, budget: Mapping[str, int], workers: int | None, console: Console
) -> int:
    workers = workers or default_workers(search)
    if workers > 1:
        context()  # its imports run while this process does its own
    # Here, because a study with nothing left to do should answer without MLflow's imports.
    from harness.tracking import Tracker, close_abandoned
    from harness.workers import Stop, work, work_in_processes

    study = search.study
    close_abandoned(search.root)
    tracker = Tracker(search.root, study)
    tracker.begin()
    stop = Stop()
    stop.install()
    progress = Progress(study, search.total(), search.directions[0], console)

    def show() -> None:
        progress.show(search.trials())

    with progress:
        show()
        if workers == 1:
            work(search, tracker, stop, show)
        else:
            work_in_processes(search, tracker, budget, workers, stop, show)
    if stop():
        line = f"stopped: {progress.headline(search.trials())}; go on with: {command(study)}"
        console.print(line, highlight=False, soft_wrap=True)
        return stop.exit_status
    return _answer(search, tracker, console)


def _answer(search: Search, tracker: "Tracker", console: Console) -> int:
    status = "failed" if unresolved(search.trials()) else "finished"
    path, found = write_report(search, tracker, status)
    _print(as_text(found), path, tracker.experiment, console)
    return _summary(search, console)


def _nothing_to_do(search: Search, console: Console) -> int:
    done = len(search.trials())
    console.print(f"nothing to do: all {done} trials of {search.study.name} are done")
    path = report_path(search.root, search.study.name)
    if not path.with_name(ANSWER).is_file():
        from harness.tracking import Tracker

        return _answer(search, Tracker(search.root, search.study), console)
    _print(path.with_name(ANSWER).read_text(encoding="utf-8"), path, "", console)
    return _summary(search, console)


def _summary(search: Search, console: Console) -> int:
    failed = unresolved(search.trials())
    if failed:
        numbers = ", ".join(str(trial.number) for trial in failed[:10])
        line = f"{len(failed)} trials failed (number {numbers}); see their traceback.txt in the UI;"
        line += f" try exactly those again with: {command(search.study)} RETRY=failed"
        console.print(line, highlight=False, soft_wrap=True)
    return 1 if failed else 0


def report_study(name: str, form: str, console: Console) -> None:
    """Write the report of a study from what is there; print its answer, or all as Markdown."""
    from harness.tracking import Tracker, close_abandoned

    root = store_root()
    study = load(name)
    known = measures(check(study, files=False)[0].recipe)
    store.prepare(root)
    search = Search(study, root, [known[objective] for objective in study.objectives])
    close_abandoned(root)
    tracker = Tracker(root, study)
    path, found = write_report(search, tracker, "finished")
    if form == "md":
        console.out(path.with_suffix(".md").read_text(encoding="utf-8"), highlight=False, end="")
    else:
        _print(as_text(found), path, tracker.experiment, console)


def write_report(search: Search, tracker: "Tracker", status: str) -> tuple[Path, "Answer"]:
    """Write a study's report and answer, and attach them to its run; return path and answer."""
    from harness.answer import answer
    from harness.curves import frame_of
    from harness.page.html import render
    from harness.page.markdown import markdown
    from harness.report import page
    from harness.results import record_of
    from harness.tracking import histories

    study, root = search.study, search.root
    record = record_of(
        study,
        search.trials(),
        tracker.experiment,
        registration_of(search.optuna),
        lambda runs, metrics: frame_of(histories(root, runs, metrics)),
    )
    found = answer(record)
    shown = page(record, found, facts(study))
    path = report_path(root, study.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(shown), encoding="utf-8")
    path.with_suffix(".md").write_text(markdown(shown), encoding="utf-8")
    path.with_name(ANSWER).write_text(as_text(found), encoding="utf-8")
    note = "\n\n".join([study.question, *found.sentences])
    tracker.finish(status, path.parent, note, record.answer_metric)
    return path, found


def report_path(root: Path, name: str) -> Path:
    """Return where a study's report lies."""
    return root / "studies" / name / "report" / "report.html"


def facts(study: Study) -> dict[str, str]:
    """Return what a reader needs to repeat the study."""
    assert study.source is not None
    state = code(study.source.parent)
    return {
        "command": command(study),
        "study seed": str(study.seed),
        "commit": state.commit or "not in a repository",
        "uncommitted changes": "yes" if state.dirty else "no",
        **versions(),
    }


def command(study: Study) -> str:
    """Return the one command that runs the study again, or goes on with it."""
    words = [f"make study NAME={study.name}"]
    if study.epochs is not None:
        words.append(f"EPOCHS={study.epochs}")
    return " ".join(words)


def as_text(found: "Answer") -> str:
    """Return an answer's sentences and caveats, a line each."""
    return "\n".join([*found.sentences, *(f"note: {caveat}" for caveat in found.caveats)])


def _print(text: str, path: Path, experiment: str, console: Console) -> None:
    console.print(text, highlight=False, markup=False)
    console.print(f"report: {path}", highlight=False, markup=False, soft_wrap=True)
    where = address(experiment) if experiment else ""
    console.print(f"runs:   make ui, then {UI}{where}", highlight=False, soft_wrap=True)
