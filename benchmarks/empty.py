"""Empty: a store with an empty MLflow database, copied, because its migrations take 8 s."""

import atexit
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from mlflow import MlflowClient

DATABASE = "mlflow.db"


@contextmanager
def empty_store() -> Iterator[Path]:
    """Yield a temporary directory with an empty MLflow database."""
    with TemporaryDirectory() as name:
        shutil.copy(_migrated() / DATABASE, name)
        yield Path(name)


@cache
def _migrated() -> Path:
    """Make an empty MLflow database, once a process."""
    directory = Path(mkdtemp())
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    MlflowClient(tracking_uri=f"sqlite:///{directory / DATABASE}").search_experiments()
    return directory
