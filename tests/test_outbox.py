"""Outbox: writes in the background, keeps what was refused, and never blocks who adds."""

import threading
from collections.abc import Sequence

import pytest

from harness import outbox
from harness.outbox import Outbox
from harness.rows import Owed
from harness.store import StoreUnavailable


class Account:
    """Owes a growing number of epochs."""

    def __init__(self) -> None:
        self.due = self.written = 0

    def owes(self) -> Owed:
        return Owed(run_id="r", epochs=self.due)

    def paid(self, owed: Owed) -> None:
        self.written = owed.epochs


class Store:
    """Takes what is written, unless it is away or slow."""

    def __init__(self) -> None:
        self.away = False
        self.open = threading.Event()
        self.open.set()
        self.calls: list[int] = []
        self.called = threading.Event()

    def write(self, owed: Sequence[Owed]) -> None:
        self.called.set()
        assert self.open.wait(20)
        if self.away:
            raise OSError("no space left on device")
        self.calls.append(len(owed))


def test_a_flush_writes_all_runs_in_one_call() -> None:
    store, accounts = Store(), [Account() for _ in range(50)]
    box = Outbox(store.write)
    for account in accounts:
        account.due = 3
        box.add(account)
    box.flush()
    assert sum(store.calls) == 50
    assert len(store.calls) <= 2
    assert all(account.written == 3 for account in accounts)


def test_what_is_added_is_written_without_a_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LINGER", 0.0)
    store, account = Store(), Account()
    account.due = 1
    Outbox(store.write).add(account)
    assert store.called.wait(20)


def test_adding_does_not_wait_for_a_store_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LINGER", 0.0)
    store, account = Store(), Account()
    store.open.clear()
    box = Outbox(store.write)
    account.due = 1
    box.add(account)
    assert store.called.wait(20), "the thread is in the store"
    account.due = 2
    box.add(account)
    assert store.calls == []
    store.open.set()
    box.flush()
    assert account.written == 2


def test_what_a_store_refused_is_still_owed() -> None:
    store, account = Store(), Account()
    store.away = True
    account.due = 4
    box = Outbox(store.write)
    box.add(account)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="no space"):
            box.flush()
    assert account.written == 0
    store.away = False
    box.flush()
    assert account.written == 4
    assert store.calls == [1]
    box.flush()
    assert store.calls == [1], "nothing is owed any more"
