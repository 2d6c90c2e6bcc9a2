"""Workers: where trials run. This process, or several on one store; a signal stops them gently."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from harness import store
from harness.blocks import run_block
from harness.checks import check
from harness.forks import context
from harness.keeper import Interrupted
from harness.kinds import MOST, search_of
from harness.search import Search
from harness.store import StoreUnavailable
from harness.study import Study, load
from harness.tracking import Tracker

POLL_SECONDS = 0.2
SHOW_SECONDS = 1.0
"""Between two looks at all trials for the progress line: 10 ms of CPU each (2026-11-22)."""


@dataclass
class Stop:
    """Becomes true at the first Ctrl-C or SIGTERM; a second one ends the process at once."""

    signal: int = 0

    def install(self) -> None:
        """Listen for both signals."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._received)

    def __call__(self) -> bool:
        """Say whether the user asked to stop."""
        return self.signal != 0

    @property
    def exit_status(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signal

    def _received(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.signal:
            os._exit(128 + number)
        self.signal = number


def open_search(study: Study, root: Path, fuse: int = MOST) -> tuple[Search, Tracker]:
    """Return the study's trials and its runs, both databases made if need be."""
    store.prepare(root)
    return search_of(study, root, check(study, files=False), fuse), Tracker(root, study)


def work(search: Search, tracker: Tracker, stop: Stop, after: Callable[[], None]) -> None:
    """Train trials until the budget is spent or the user asks to stop.

    Raises:
        StoreUnavailable: nothing more can be written; every trial stays resumable.
    """
    torch.set_num_threads(1)
    while not stop():
        with store.storing():
            block = search.claim()
            if block is None:
                return
            if isinstance(block, str):
                time.sleep(POLL_SECONDS)
                continue
            try:
                run_block(search, tracker, block, stop)
            except Interrupted:
                return
        after()


def work_in_processes(
    search: Search,
    budget: Mapping[str, int],
    workers: int,
    stop: Stop,
    after: Callable[[], None],
) -> None:
    """Train trials in `workers` processes on one store; `after` is called now and then.

    Raises:
        StoreUnavailable: a worker could not write to the store.
        ChildProcessError: a worker died of something else; every trial stays resumable.
    """
    settings = {"directions": search.directions, "most": search.most, "kinds": search.kinds}
    arguments = (search.study.name, dict(budget), search.root, settings)
    processes = [context().Process(target=_worker, args=arguments) for _ in range(workers)]
    for process in processes:
        process.start()
    shown, told = time.monotonic(), False
    while alive := [process for process in processes if process.is_alive()]:
        connection.wait([process.sentinel for process in alive], timeout=POLL_SECONDS)
        if stop() and not told:
            told = True
            for process in alive:
                process.terminate()
        if time.monotonic() - shown >= SHOW_SECONDS:
            after()
            shown = time.monotonic()
    after()
    died = {process.exitcode or 0 for process in processes} - {0}
    if os.EX_TEMPFAIL in died:
        raise StoreUnavailable("a worker could not write to it")
    if died and not stop() and search.remaining():
        raise ChildProcessError(f"a worker ended with status {min(died)}")


def _worker(name: str, budget: dict[str, int], root: Path, settings: dict[str, Any]) -> None:
    """Train trials until none is left; the process that started this one is told of signals."""
    stop = Stop()
    stop.install()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is heard there
    threading.Thread(target=_end_with_parent, daemon=True).start()
    study = load(name, budget)
    try:
        with store.storing():
            search, tracker = Search(study, root, **settings), Tracker(root, study)
        work(search, tracker, stop, lambda: None)
    except StoreUnavailable as error:
        print(f"store unavailable: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(os.EX_TEMPFAIL)


def _end_with_parent() -> None:
    """Stop this worker as SIGTERM does when the process that started it is gone."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
