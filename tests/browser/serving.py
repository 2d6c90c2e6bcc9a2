"""`harness ui` as a process of its own on a free port, until it is no longer needed."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HARNESS = Path(sys.executable).parent / "harness"
SECONDS = 120
"""How long MLflow's server may take to start on a busy machine."""


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """Serve the store at `root`; yield the address, and stop all its processes at the end.

    Raises:
        TimeoutError: it does not answer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [HARNESS, "ui", "--port", str(port)],
        env={**os.environ, "HARNESS_STORE": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/health")
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _wait_for(address: str) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise TimeoutError(address)
