"""Benchmark: every section, or those asked for, printed and put into the pages that show it.

Command:  make bench [ONLY="steps stored"]    (all of it: under 20 minutes on 2 quiet cores)
Nothing here fails because a machine is slow; a section that is not run keeps its last table.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import machine
from benchmarks.memory import memory_table, peaks
from benchmarks.reporting import report, report_table
from benchmarks.startup import IMPORTS, start_table, startups
from benchmarks.steps import overheads, step_table
from benchmarks.stored import costs, stored_table
from benchmarks.studies import speed_tables, speeds

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "docs" / "performance.md", ROOT / "README.md"]
HEAD = """# How fast it is

Made by `make bench`. Medians, with the smallest and the largest in brackets; times and ratios of
one machine, side by side, whatever else it did at the time. CPU time is of the process.
"""
Section = Callable[[int], tuple[object, str]]


def _studies(rounds: int) -> tuple[object, str]:
    measured = speeds(rounds)
    return measured, speed_tables(measured)


def _steps(rounds: int) -> tuple[object, str]:
    timed = overheads(rounds + 1)
    return timed, step_table(timed)


def _stored(_rounds: int) -> tuple[object, str]:
    designed, tpe = costs((100, 1_000, 10_000)), costs((100, 10_000), "tpe", 3)
    measured = {"design": designed, "tpe": tpe}
    return measured, stored_table(measured)


def _startup(rounds: int) -> tuple[object, str]:
    started = startups(rounds) | startups(1, IMPORTS)
    return started, start_table(started)


def _report(_rounds: int) -> tuple[object, str]:
    written = report(1_000)
    return written, report_table(written)


def _memory(_rounds: int) -> tuple[object, str]:
    measured = peaks((1, 8, 32, 64, 128))
    return measured, memory_table(measured)


SECTIONS: dict[str, Section] = {
    "studies": _studies,
    "steps": _steps,
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


def write(path: Path, tables: Mapping[str, str], about: Mapping[str, str]) -> None:
    """Put tables into a page, made first if it is not there."""
    empty = "\n".join([HEAD, *(f"<!-- {name} -->\n<!-- end -->\n" for name in SECTIONS)])
    text = path.read_text(encoding="utf-8") if path.exists() else empty
    path.write_text(filled(text, tables, about), encoding="utf-8")


def main() -> None:
    """Measure the sections asked for, print them, and write the page and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count (3)")
    parser.add_argument("--pages", type=Path, nargs="+", default=PAGES, help="pages to fill")
    parser.add_argument("--json", type=Path, help="file for the same numbers")
    arguments = parser.parse_args()
    about, numbers = machine(), dict[str, object]()
    print("\n".join(f"{name:18} {value}" for name, value in about.items()), flush=True)
    for name in arguments.only:
        began = time.perf_counter()
        numbers[name], text = SECTIONS[name](arguments.rounds)
        print(f"\n{text}\n({name} took {time.perf_counter() - began:.0f} s)", flush=True)
        for path in arguments.pages:
            write(path, {name: text}, about)
    if arguments.json:
        text = json.dumps({"machine": about} | numbers, default=_plain, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")


def _plain(value: object) -> Any:
    assert is_dataclass(value)
    assert not isinstance(value, type)
    return asdict(value)


if __name__ == "__main__":
    main()
