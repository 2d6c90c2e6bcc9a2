"""Benchmark: every section, or those asked for, printed and written to docs/performance.md.

Command:  make bench [ONLY="steps stored"]    (all of it: under 20 minutes on 2 quiet cores)
Nothing here fails because a machine is slow; a section that is not run keeps its last table.
"""

import argparse
import json
import re
import time
from collections.abc import Callable
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
PAGE = ROOT / "docs" / "performance.md"
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


def page(before: str, tables: dict[str, str], about: dict[str, str]) -> str:
    """Return the page with these sections in place of those that `before` has."""
    kept = dict(re.findall(r"<!-- (\w+) -->\n(.*?)<!-- end -->", before, flags=re.DOTALL))
    where = "; ".join(f"{name} {value}" for name, value in about.items())
    new = {name: f"\n```\n{text}```\n\n{where}\n\n" for name, text in tables.items()}
    merged = kept | new
    parts = [
        f"<!-- {name} -->\n{merged[name]}<!-- end -->\n" for name in SECTIONS if name in merged
    ]
    return "\n".join([HEAD, *parts])


def main() -> None:
    """Measure the sections asked for, print them, and write the page and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count (3)")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to write")
    parser.add_argument("--json", type=Path, help="file for the same numbers")
    arguments = parser.parse_args()
    about, numbers = machine(), dict[str, object]()
    print("\n".join(f"{name:18} {value}" for name, value in about.items()), flush=True)
    for name in arguments.only:
        began = time.perf_counter()
        numbers[name], text = SECTIONS[name](arguments.rounds)
        print(f"\n{text}\n({name} took {time.perf_counter() - began:.0f} s)", flush=True)
        before = arguments.page.read_text(encoding="utf-8") if arguments.page.exists() else ""
        arguments.page.write_text(page(before, {name: text}, about), encoding="utf-8")
    if arguments.json:
        text = json.dumps({"machine": about} | numbers, default=_plain, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")


def _plain(value: object) -> Any:
    assert is_dataclass(value)
    assert not isinstance(value, type)
    return asdict(value)


if __name__ == "__main__":
    main()
