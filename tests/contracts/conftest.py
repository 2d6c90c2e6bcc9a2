"""Runs each contract over everything that is found, by the name of a test's parameter."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from harness.recipe import Data, Model, Strategy, Task
from harness.settings import Settings
from tests.contracts.found import Found, find, missing

FOUND = pytest.StashKey[Found]()


def found_in(config: pytest.Config) -> Found:
    if FOUND not in config.stash:
        config.stash[FOUND] = find([Path(each).resolve() for each in config.getoption("--also")])
    return config.stash[FOUND]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = found_in(metafunc.config)
    kinds = {
        "settings_kind": found.settings(),
        "model_kind": found.models,
        "data_kind": found.data,
        "task_kind": found.tasks,
        "strategy_kind": found.strategies,
    }
    for name in kinds.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, kinds[name], ids=lambda kind: kind.__name__, scope="session")
    if "pair" in metafunc.fixturenames:
        pairs = found.pairs()
        ids = [f"{model.__name__}-on-{data.__name__}" for model, data in pairs]
        metafunc.parametrize("pair", pairs, ids=ids, scope="session")
    if "study_file" in metafunc.fixturenames:
        metafunc.parametrize("study_file", found.studies, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def found(request: pytest.FixtureRequest) -> Found:
    return found_in(request.config)


@pytest.fixture(autouse=True, scope="session")
def _one_thread_and_no_network() -> Iterator[None]:
    """Small nets are faster on one thread; a dataset that is not here is not downloaded."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            patch.delenv(name, raising=False)
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def settings(settings_kind: type[Settings]) -> Settings:
    return settings_kind()


@pytest.fixture
def model(model_kind: type[Model]) -> Model:
    return model_kind()


@pytest.fixture
def data(data_kind: type[Data]) -> Data:
    return here(data_kind())


@pytest.fixture
def task(task_kind: type[Task]) -> Task:
    return task_kind()


@pytest.fixture
def strategy(strategy_kind: type[Strategy]) -> Strategy:
    return strategy_kind()


@pytest.fixture
def model_and_data(pair: tuple[type[Model], type[Data]]) -> tuple[Model, Data]:
    model, data = pair
    return model(), here(data())


def here(data: Data) -> Data:
    """Return the dataset, or skip the test if its files are not here."""
    if reason := missing(data):
        pytest.skip(reason)
    return data
