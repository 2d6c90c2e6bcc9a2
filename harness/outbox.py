"""Outbox: a thread that writes what runs owe the store, so that no training waits for it.

It holds no metric: a run's history is its own outbox (it lies in the checkpoint), and what is to be
written is read from there at the moment of writing. Memory is bounded by what trains now, a kill
loses nothing that a replay does not bring back, and a store that is away is tried again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from harness.rows import Owed
from harness.store import StoreUnavailable

LINGER = 0.5
"""Seconds that the thread lets debts gather: a short trial is then written in one transaction."""


class Debtor(Protocol):
    """A run as the outbox sees it."""

    def owes(self) -> Owed:
        """Return what is not written yet; asking twice changes nothing."""

    def paid(self, owed: Owed) -> None:
        """Forget what `owes` returned: it is written."""


class Outbox:
    """Writes what runs owe by `write`: now and then by itself, at once by `flush`."""

    def __init__(self, write: Callable[[Sequence[Owed]], None]) -> None:
        self.write = write
        self._owing: dict[int, Debtor] = {}
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, run: Debtor) -> None:
        """Note that a run owes something; returns at once."""
        with self._changed:
            self._owing[id(run)] = run
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
                self._thread.start()
            self._changed.notify()

    def flush(self) -> None:
        """Write all that is owed now, in one transaction.

        Raises:
            StoreUnavailable: it could not be written; it is still owed.
        """
        with self._writing:
            with self._changed:
                runs, self._owing = self._owing, {}
            if not runs:
                return
            try:
                owed = [run.owes() for run in runs.values()]
                with reaching_the_store():
                    self.write(owed)
            except BaseException:
                with self._changed:
                    self._owing = runs | self._owing
                raise
            for run, each in zip(runs.values(), owed, strict=True):
                run.paid(each)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._owing)
            time.sleep(LINGER)
            try:
                self.flush()
            except StoreUnavailable as error:
                # The flush at a run's end raises it, where no training can be hurt.
                logging.getLogger(__name__).warning("metrics wait for the store: %s", error)


@contextmanager
def reaching_the_store() -> Iterator[None]:
    """Turn every error of the database or the disk into StoreUnavailable."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(str(error).partition("\n")[0]) from error
