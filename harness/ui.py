"""Serve the MLflow UI over the store, on this machine only."""

import os
import subprocess
import sys

from harness import store
from harness.study import store as store_root
from harness.tracking import close_abandoned


def serve(port: int) -> int:
    """Run MLflow's server on 127.0.0.1 until Ctrl-C; return its exit status.

    It has no authentication, so it listens on the loopback address alone. The environment turns off
    its job runners (8 of 10 processes and 1.5 GB of memory) and its telemetry.
    """
    root = store_root()
    store.prepare(root)
    close_abandoned(root)
    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    url = store.mlflow_url(root)
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--backend-store-uri", url]
    command += ["--default-artifact-root", (root / "artifacts").as_uri(), "--serve-artifacts"]
    try:
        return subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130
