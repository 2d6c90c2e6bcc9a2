"""Benchmark: every section, or those asked for, printed and put into the pages that show it.

Command:  make bench [ONLY="steps stored"]    (all of it: about 15 minutes on 2 quiet cores)
"studies" means the three kinds of studies: mlp, cnn, decoder (7 minutes).
Nothing here fails because a machine is slow; a section that is not run keeps its last table in
docs/performance.md, and the README its part of it. The numbers go into docs/performance.json.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case
from benchmarks.measure import machine
from benchmarks.memory import memory_table, peaks
from benchmarks.reporting import report, report_table
from benchmarks.startup import ONCE, nothing_to_do, start_table, startups
from benchmarks.steps import overheads, step_table
from benchmarks.stored import costs, stored_table
from benchmarks.studies import speed_table, speeds
from benchmarks.tracking import share_table, shares

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "docs" / "performance.md", ROOT / "README.md"]
NUMBERS = ROOT / "docs" / "performance.json"
HEAD = """# How fast it is

Made whole by `make bench`; numbers in [performance.json](performance.json). Medians of interleaved
rounds after a warm-up, with the smallest and the largest in brackets, all of one machine.

"""
WORDS = {
    "mlp": """## Trials an hour

The idiomatic script is what the tutorials of Optuna, Lightning and MLflow add up to: an objective
with a default Trainer, MLFlowLogger and DataLoader. It runs with torch's own number of threads, a
thread a core, and with one; **times** are those of the faster of the two in the same round. The
harness as it comes has a worker of one thread on each core; it does the whole study (two tuning and
confirming phases in every cell), runs, artifacts and checkpoints included. The script does the
first trial of each cell; so does the bare loop, which keeps nothing. Pruned by halving the harness
does as many trials of the largest network, in one process. Imports are not in it, also not those of
the process that workers are forked from (see below); starting the workers is. CPU time is of the
process, unknown for workers. The loss is the median over what all train, of the best epoch; with
halving it is that of the best trial.
""",
    "cnn": "",
    "decoder": "",
    "steps": """## A step of the ordinary loop

What `FUSE=off` costs over a bare loop: evaluation after every epoch and checkpoints included, at
64 steps an epoch. "of CPU" compares processor time, which other programs disturb least.
""",
    "tracking": """## Tracking

A point for every optimizer step (`log_every=1`). The share is what the training's thread waits for
tracking, the last flush included, and the CPU time of the thread that writes, over the wall time.
""",
    "stored": """## A trial beside thousands

CPU time of a trial of one epoch, and what is left of it without the bare training, when so many
are stored. What TPE itself does grows with the number of trials, as it fits its densities to all of
them before each draw; `sampler="qmc"` and designed studies draw quasi-random points, whose
cost does not grow.
""",
    "startup": """## Start-up
""",
    "report": """## The report
""",
    "memory": """## Memory
""",
}
Section = Callable[[int], tuple[object, str]]


def _studies(case: Case, rounds: int) -> tuple[object, str]:
    measured = speeds(case, rounds)
    return measured, speed_table(measured)


def _steps(rounds: int) -> tuple[object, str]:
    timed = overheads(rounds + 1)
    return timed, step_table(timed)


def _tracking(rounds: int) -> tuple[object, str]:
    measured = shares(rounds)
    return measured, share_table(measured)


def _stored(_rounds: int) -> tuple[object, str]:
    measured = {"design": costs((100, 1_000, 10_000))}
    measured |= {name: costs((100, 10_000), name, 5) for name in ("qmc", "tpe")}
    return measured, stored_table(measured)


def _startup(rounds: int) -> tuple[object, str]:
    started = startups(rounds) | startups(1, ONCE)
    started["harness study (nothing to do)"] = nothing_to_do(rounds)
    return started, start_table(started)


def _report(_rounds: int) -> tuple[object, str]:
    written = report(1_000)
    return written, report_table(written)


def _memory(_rounds: int) -> tuple[object, str]:
    measured = peaks((1, 8, 32, 64, 128))
    return measured, memory_table(measured)


SECTIONS: dict[str, Section] = {
    **{kind: partial(_studies, case) for kind, case in CASES.items()},
    "steps": _steps,
    "tracking": _tracking,
    "stored": _stored,
    "startup": _startup,
    "report": _report,
    "memory": _memory,
}


def filled(text: str, tables: Mapping[str, str], about: Mapping[str, str]) -> str:
    """Return a page with these tables between its markers; a section without markers is left."""
    where = "; ".join(f"{name} {value}" for name, value in about.items())
    for name, table in tables.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        if begin:
            after = rest[rest.index("<!-- end -->") :]
            text = f"{before}{begin}\n```\n{table}```\n\n{where}\n\n{after}"
    return text


def kept(text: str) -> str:
    """Return the page anew, with the tables that it has."""
    parts = [HEAD]
    for name, words in WORDS.items():
        _, _, rest = text.partition(f"<!-- {name} -->\n")
        table = rest[: rest.index("<!-- end -->")] if rest else ""
        parts.append(f"{words}{chr(10) if words else ''}<!-- {name} -->\n{table}<!-- end -->\n\n")
    return "".join(parts).rstrip("\n") + "\n"


def write(page: Path, tables: Mapping[str, str], about: Mapping[str, str]) -> None:
    """Put tables into a page; the README keeps its own words, any other is written whole."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    whole = text if page.name == "README.md" else kept(text)
    page.write_text(filled(whole, tables, about), encoding="utf-8")


def add_numbers(path: Path, name: str, measured: object, about: Mapping[str, str]) -> None:
    """Put a section's numbers, with the machine they are from, into the file of all sections."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    numbers = before | {name: {"machine": dict(about), "measured": measured}}
    text = json.dumps(numbers, default=_plain, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Measure the sections asked for, print them, and write the page and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=(*SECTIONS, "studies"), default=list(SECTIONS))
    parser.add_argument("--rounds", type=int, default=2, help="rounds that count (2)")
    parser.add_argument("--pages", type=Path, nargs="+", default=PAGES, help="pages to fill")
    parser.add_argument("--json", type=Path, default=NUMBERS, help="file for the same numbers")
    arguments = parser.parse_args()
    about = machine()
    print("\n".join(f"{name:18} {value}" for name, value in about.items()), flush=True)
    for name in _sections(arguments.only):
        began = time.perf_counter()
        print(f"\n{name}", flush=True)
        measured, text = SECTIONS[name](arguments.rounds)
        print(f"\n{text}\n({name} took {time.perf_counter() - began:.0f} s)", flush=True)
        for path in arguments.pages:
            write(path, {name: text}, about)
        add_numbers(arguments.json, name, measured, about)


def _sections(wanted: Sequence[str]) -> list[str]:
    """Return the sections asked for, those of "studies" in its place."""
    return [name for each in wanted for name in (CASES if each == "studies" else (each,))]


def _plain(value: object) -> Any:
    assert is_dataclass(value)
    assert not isinstance(value, type)
    return asdict(value)


if __name__ == "__main__":
    main()
