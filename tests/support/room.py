"""A room for tests: a real process, with a band that needs as long as it is told.

As a script (`python -m tests.support.room --home H ...`) it is that process; `running_room` starts it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import psutil
import requests

from minimax_nb.rehearsal.band.request import BandRequest
from minimax_nb.rehearsal.launcher import Address
from minimax_nb.rehearsal.room import RoomOptions, serve_room
from tests.support import ROOT
from tests.support.service import beep, good_body

DEADLY = "Fm"
"""A key that kills the process that plays in it."""


def play(request: BandRequest, destination: Path) -> None:
    """Beep, after as many seconds as the tempo says tenths of; the first time, a deadly key kills."""
    time.sleep((request.tempo or 0) / 100)
    mark = Path(os.environ["MINIMAX_NB_HOME"]) / f"killed-{request.seed}"
    if request.key == DEADLY and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    beep(request, destination)


def kill_always(request: BandRequest, destination: Path) -> None:
    """Kill whoever plays, for one key; beep in others."""
    if request.key == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    beep(request, destination)


@dataclass
class RunningRoom:
    """A room that runs as a process of its own."""

    home: Path
    arguments: Sequence[str]
    address: Address = field(init=False)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MINIMAX_NB_HOME": str(self.home)}
        self.home.mkdir(parents=True, exist_ok=True)
        log = self.home / "room.log"
        with open(log, "a", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, "--home", str(self.home), *self.arguments],
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=environment,
                start_new_session=True,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, log.read_text(encoding="utf-8")
        self.address = Address(**json.loads(line))

    @property
    def children(self) -> list[psutil.Process]:
        """The processes it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, *, kill: bool = False) -> list[psutil.Process]:
        """End it, and wait for that; return the processes that it had started."""
        started = self.children if self.process.poll() is None else []
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(20)
        if self.process.stdout:
            self.process.stdout.close()
        return started

    def ask(self, method: str, path: str, token: str = "", **options: Any) -> requests.Response:
        """Send one request, with the teacher's key unless there is another one."""
        headers = {"Authorization": f"Bearer {token or self.address.key}", **options.pop("headers", {})}
        with requests.Session() as session:
            session.trust_env = False
            url = self.address.base_url + path
            return session.request(method, url, headers=headers, timeout=30, **options)

    def join(self, name: str = "guest") -> str:
        """Return a new token."""
        return str(self.ask("POST", "/rehearsal/join", params={"name": name}).json()["key"])

    def submit(self, token: str, **changes: Any) -> requests.Response:
        """Submit a song with a token."""
        return self.ask("POST", "/v2/generate/audio", token, json=good_body(**changes))

    def retrieve(self, token: str, song: str) -> dict[str, Any]:
        """Poll a song once."""
        found: dict[str, Any] = self.ask("GET", "/v2/generate/audio", token, params={"generation_id": song}).json()
        return found


@contextlib.contextmanager
def running_room(home: Path, *arguments: str) -> Iterator[RunningRoom]:
    """Run a room and end it."""
    room = RunningRoom(home, ("--port", "0", *arguments))
    room.start()
    try:
        yield room
    finally:
        for process in room.end():
            with contextlib.suppress(psutil.Error):
                process.kill()


def main() -> None:
    """Be the room."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--band", choices=("play", "kill_always", "house"), default="play")
    for each in fields(RoomOptions):
        parser.add_argument(f"--{each.name}", type=type(each.default), default=each.default)
    given = vars(parser.parse_args())
    home, band = given.pop("home"), given.pop("band")
    # By their full names: the processes that play import them anew.
    from tests.support import room

    serve_room(
        home,
        RoomOptions(**given),
        band=None if band == "house" else getattr(room, band),
        ready=lambda address: print(json.dumps(vars(address)), flush=True),
    )


if __name__ == "__main__":
    main()
