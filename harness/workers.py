"""Workers: where trials run. This process, or several on one store; a signal stops them gently."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import FrameType

import torch

from harness import store
from harness.blocks import run_block
from harness.checks import check
from harness.keeper import Interrupted
from harness.kinds import MOST, search_of
from harness.search import Search
from harness.store import StoreUnavailable
from harness.study import Study, load
from harness.tracking import Tracker

POLL_SECONDS = 0.2


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
    study: Study,
    budget: Mapping[str, int],
    search: Search,
    workers: int,
    stop: Stop,
    after: Callable[[], None],
) -> None:
    """Train trials in `workers` processes on one store; `after` is called now and then.

    Raises:
        StoreUnavailable: a worker could not write to the store.
    """
    context = get_context("spawn")
    arguments = (study.name, dict(budget), str(search.root), search.most, sys.path)
    processes = [context.Process(target=_worker, args=arguments) for _ in range(workers)]
    for process in processes:
        process.start()
    told = False
    while any(process.is_alive() for process in processes):
        if stop() and not told:
            told = True
            for process in processes:
                if process.pid is not None and process.is_alive():
                    os.kill(process.pid, signal.SIGTERM)
        time.sleep(POLL_SECONDS)
        after()
    if any(process.exitcode == os.EX_TEMPFAIL for process in processes):
        raise StoreUnavailable("a worker could not write to the store")


def _worker(name: str, budget: dict[str, int], root: str, fuse: int, path: list[str]) -> None:
    sys.path[:] = path
    stop = Stop()
    stop.install()
    study = load(name, budget)
    try:
        with store.storing():
            search, tracker = open_search(study, Path(root), fuse)
        work(search, tracker, stop, lambda: None)
    except StoreUnavailable as error:
        print(f"store unavailable: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(os.EX_TEMPFAIL)
