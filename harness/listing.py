"""List the studies, their question and their state, without importing torch or any study."""

import sqlite3
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.study import questions, store

COUNTS = """
SELECT studies.study_name, trials.state, count(*) FROM trials
JOIN studies ON studies.study_id = trials.study_id GROUP BY 1, 2
"""
WORDS = {"COMPLETE": "done", "PRUNED": "done", "FAIL": "failed", "RUNNING": "unfinished"}
WORDS["WAITING"] = "waiting"


def print_list(console: Console) -> None:
    """Print one row a study."""
    states = _states(store() / "optuna.db")
    table = Table(box=None, pad_edge=False)
    for column in ("study", "state", "question"):
        table.add_column(column, overflow="fold")
    for name, question in questions():
        table.add_row(Text(name), states.get(name, "not run yet"), Text(question))
    console.print(table if table.row_count else "no studies: write studies/NAME.py")


def _states(database: Path) -> dict[str, str]:
    if not database.is_file():
        return {}
    found: dict[str, Counter[str]] = {}
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5)
    try:
        for name, state, number in connection.execute(COUNTS):
            found.setdefault(name, Counter())[WORDS[state]] += number
    except sqlite3.OperationalError:
        return {}
    finally:
        connection.close()
    return {name: _words(counts) for name, counts in found.items()}


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {word}" for word, number in sorted(counts.items()))
