"""Options of the whole test suite, and no deadlines."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # a machine that trains beside the tests is no defect


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--also",
        action="append",
        default=[],
        metavar="DIR",
        help="a directory with models/ data/ tasks/ strategies/ studies/ of single files that the "
        "contract suites run over too; may be given several times",
    )


def pytest_configure(config: pytest.Config) -> None:
    also = [str(Path(folder).resolve()) for folder in config.getoption("--also")]
    sys.path.extend(folder for folder in also if folder not in sys.path)
