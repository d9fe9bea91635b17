"""What the tests share."""

import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The folder of the repository, from which `minimax_nb` and `tests` are imported."""


def until(happened: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something has happened.

    Parameters
    ----------
    happened : callable
        What is true by then; called fifty times a second.
    seconds : float
        How long it may take.

    Raises
    ------
    AssertionError
        When it takes longer.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"this did not happen within {seconds:g} s"
        time.sleep(0.02)
