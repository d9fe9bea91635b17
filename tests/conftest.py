"""What every test has: a library of its own, no key in sight, and no process left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import end_rehearsal
from tests.support.service import PRICE, Running, running_service

# The processes that pytest-xdist runs tests in ignore interrupts, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The hundreds of programs that tests start find the package compiled, as an installed one is.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

TESTS = Path(__file__).parent
SETTINGS = ("AIML_API_KEY", "AIMLAPI_API_KEY", "MINIMAX_NB_BASE_URL", "MINIMAX_NB_REHEARSE", "MINIMAX_NB_ROOM")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The library of this test, which sessions take by default."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("MINIMAX_NB_HOME", str(folder))
    yield folder
    end_rehearsal(folder)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service for all tests that leave it as it was."""
    with running_service(tmp_path_factory.mktemp("service"), price=PRICE) as running:
        yield running


@pytest.fixture
def service(shared: Running) -> Iterator[Running]:
    """The shared service without faults."""
    shared.commit()
    yield shared
    shared.commit()


LONGEST = (
    "browser/test_recorder",
    "browser/test_compare",
    "browser/test_person",
    "browser/test_lab",
    "browser/test_hub",
    "chaos/test_chaos",
    "browser/test_components_in_lab",
    "test_notebooks",
    "browser",
    "rehearsal/test_performance",
    "test_session",
    "test_cli",
)
"""The files, and a folder, that take longest, from the longest on: begun last, they would be waited for alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest; how long they take, and nothing else, depends on the order."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(TESTS).with_suffix("").as_posix()
    return next((i for i, name in enumerate(LONGEST) if path == name or path.startswith(f"{name}/")), len(LONGEST))
