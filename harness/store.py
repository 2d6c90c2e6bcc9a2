"""The store: where runs and searches lie, and what keeps its files sane under many processes."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil
from sqlalchemy import Connection, Engine, event

from harness.settings import UserError

NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb", "smbfs", "smb3", "sshfs", "fuse.sshfs", "9p"}


class StoreUnavailable(Exception):  # noqa: N818 - a state of the world, not of the program
    """The store cannot be written now (disk full, database away); what was computed is kept."""


FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def is_unavailable(error: BaseException) -> bool:
    """Say whether an error comes from a store that cannot be written now, however it is wrapped."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, StoreUnavailable | sqlite3.OperationalError):
            return True
        if isinstance(chain, OSError) and chain.errno in FULL:
            return True
        chain = chain.__cause__ or chain.__context__
    return False


@contextmanager
def storing() -> Iterator[None]:
    """Turn an error that comes from the store into StoreUnavailable; leave all others."""
    try:
        yield
    except Exception as error:
        if is_unavailable(error):
            raise StoreUnavailable(str(error).partition("\n")[0]) from error
        raise


class Lease:
    """A claim on a file that the kernel frees the moment its process dies (flock)."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def take(cls, path: Path) -> "Lease | None":
        """Return a lease on `path`, or None if a living process has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return cls(file)

    def release(self) -> None:
        """Give the lease back."""
        self._file.close()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`, waiting for it; a process that dies frees it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def trial_directory(root: Path, study: str, number: int) -> Path:
    """Return where a trial's lease and checkpoints lie."""
    return root / "studies" / study / "trials" / f"{number:05d}"


def lease_path(directory: Path) -> Path:
    """Return the file whose lock says that a process is training in `directory`."""
    return directory / "lease"


def mlflow_url(root: Path) -> str:
    """Return the MLflow tracking URI of the store."""
    return f"sqlite:///{root / 'mlflow.db'}"


def database(root: Path) -> Path:
    """Return the file of the store that Optuna keeps its studies in."""
    return root / "optuna.db"


def optuna_url(root: Path) -> str:
    """Return the Optuna storage URL of the store."""
    return f"sqlite:///{database(root)}"


def prepare(root: Path) -> None:
    """Make the store's directory.

    Raises:
        UserError: it cannot be written, or lies on a network file system, where locks do not hold.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        do = "set HARNESS_STORE to a directory that you can write"
        raise UserError("store", got=str(root), allowed="a directory", do=do) from error
    if not os.access(root, os.W_OK):
        do = "set HARNESS_STORE to a directory that you can write"
        raise UserError("store", got=str(root), allowed="a writable directory", do=do)
    if (kind := _file_system(root)) in NETWORK_FILE_SYSTEMS:
        do = "set HARNESS_STORE to a local directory: SQLite's locks do not hold on a network"
        raise UserError("store's file system", got=kind, allowed="a local disk", do=do)


def harden(engine: Engine, *, immediate: bool) -> None:
    """Make an engine over SQLite wait for its turn instead of failing; others stay as they are.

    With a write-ahead log readers never wait, and synchronous=NORMAL loses nothing to a killed
    process at two thirds of the time. `immediate` takes the write lock when a transaction begins,
    so that no two workers pop one waiting trial; MLflow, which opens a session inside another,
    would wait for itself. To be called once the tables are there, for the same reason.
    """
    if not event.contains(engine, "connect", _on_connect):
        event.listen(engine, "connect", _on_connect)
        if immediate and engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _no_implicit_begin)
            event.listen(engine, "begin", _begin_immediate)
        engine.dispose()


def _on_connect(connection: Any, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    for pragma in ("busy_timeout = 60000", "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _no_implicit_begin(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _file_system(path: Path) -> str:
    mounts = {Path(p.mountpoint): p.fstype for p in psutil.disk_partitions(all=True)}
    for parent in (path, *path.parents):
        if parent in mounts:
            return mounts[parent]
    return ""
