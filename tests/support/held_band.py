"""A band that holds each song back until it is let go: a test can watch it on its way for as long as it likes.

The service imports this module by its name; the library is the one that the environment names.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minimax_nb.rehearsal.band.request import BandRequest
from tests.support.service import Running, beep

NAME = "tests.support.held_band:play"
_SIGN = "let go"


def play(request: BandRequest, destination: Path) -> None:
    """Beep, once it may."""
    while not (Path(os.environ["MINIMAX_NB_HOME"]) / _SIGN).exists():
        time.sleep(0.05)
    beep(request, destination)


@dataclass
class Held:
    """A service with this band."""

    service: Running

    def let_go(self) -> None:
        """Let this song be made, and all that follow."""
        (self.service.home / _SIGN).touch()

    def charged(self) -> list[dict[str, Any]]:
        """What was requested, the oldest first."""
        return [job["body"] for job in self.service.jobs()]
