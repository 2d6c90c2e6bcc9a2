"""Workers: where trials run: this process, or further ones too; a signal stops them gently."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
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
"""Between two looks at whether trials elsewhere are over: 10 ms of CPU each (2026-11-22)."""


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
                after()
                time.sleep(POLL_SECONDS)
                continue
            try:
                run_block(search, tracker, block, stop)
            except Interrupted:
                return
        after()


def work_in_processes(
    search: Search,
    tracker: Tracker,
    budget: Mapping[str, int],
    workers: int,
    stop: Stop,
    after: Callable[[], None],
) -> None:
    """Train trials in this process and `workers` - 1 others on one store.

    This one begins at once, and it ends when all trials have: it neither waits for a process that
    is still coming up nor needs one that died, whose trials are taken up by the others.

    Raises:
        StoreUnavailable: nothing more can be written; every trial stays resumable.
    """
    settings = {"directions": search.directions, "most": search.most}
    settings |= {"kinds": search.kinds, "apart": partial(frozenset, search.apart)}
    helpers = _Helpers((search.study.name, dict(budget), search.root, settings), workers - 1)
    try:
        work(search, tracker, stop, after)
    finally:
        helpers.end()


class _Helpers:
    """Further processes that train; starting one waits for the imports of where it comes from."""

    def __init__(self, arguments: tuple[Any, ...], count: int) -> None:
        self._arguments, self._count = arguments, count
        self._started: list[BaseProcess] = []
        self._over = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._start, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop those that still train, and wait for those that have come up."""
        with self._lock:
            self._over = True
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.join()

    def _start(self) -> None:
        for _ in range(self._count):
            process = context().Process(target=_worker, args=self._arguments, daemon=True)
            process.start()
            with self._lock:
                if self._over:
                    process.terminate()
                    return
                self._started.append(process)


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
