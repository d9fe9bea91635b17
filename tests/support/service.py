"""A rehearsal service for tests: a real process, with a band that needs no time; `running_service` starts it.

Where there are forks it is one of a process that has all imported, as hundreds of services are started here.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import functools
import importlib
import io
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import requests
import soundfile

from minimax_nb import Session
from minimax_nb.api.timeouts import Timeouts
from minimax_nb.rehearsal.band.request import BandRequest
from minimax_nb.rehearsal.launcher import Address, serve

HASTY = Timeouts(
    longest_pause=0.05, tick=0.05, poll=0.05, rehearsal_poll=0.05, logs=0.05, rehearsal_logs=0.05, fresh=1.0
)
"""Every pause of the product shortened, so that a test of its decisions is no test of patience."""

RATE = 44100
PRICE = 0.035
CREDITS = 70_000
AUDIO = "/v2/generate/audio"

_FORKS = "forkserver" in multiprocessing.get_all_start_methods()
_PROCESSES: Any = multiprocessing.get_context("forkserver" if _FORKS else "spawn")
if _FORKS:
    _PROCESSES.set_forkserver_preload([__name__, "minimax_nb.rehearsal.server.app"])


def beep(request: BandRequest, destination: Path) -> None:
    """Write a tone that depends on the whole request, two seconds by default, as a genuine mp3 or wav."""
    if request.key == "Cb":
        raise ValueError("There is no key Cb.")
    pitch = 200 + (request.seed + len(request.lyrics)) % 600
    rate, seconds = request.sample_rate, request.seconds or 2
    tone = 0.3 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)
    kind, subtype = ("WAV", "PCM_16") if request.format == "wav" else ("MP3", "MPEG_LAYER_III")
    soundfile.write(str(destination), tone, rate, format=kind, subtype=subtype)


@dataclass
class Running:
    """A service that runs as a process of its own.

    `kill()` is SIGKILL; `start()` brings it up again, at the same address if its port is still free.
    """

    home: Path
    arguments: list[str]
    address: Address = field(init=False)
    process: Any = field(init=False)

    def start(self) -> None:
        """Start the process and wait until it answers."""
        log = self.home / "rehearsal" / "service.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        ours, theirs = _PROCESSES.Pipe(duplex=False)
        given = ["--home", str(self.home), *self.arguments]
        self.process = _PROCESSES.Process(target=_be_service, args=(given, dict(os.environ), log, theirs))
        self.process.start()
        theirs.close()
        try:
            self.address = ours.recv()
        except EOFError:
            raise AssertionError(log.read_text(encoding="utf-8")) from None
        finally:
            ours.close()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.join()

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request with the key, without proxies or redirects."""
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {self.address.key}", **options.pop("headers", {})}
            return session.request(
                method, self.address.base_url + path, headers=headers, allow_redirects=False, timeout=30, **options
            )

    def submit(self, body: dict[str, Any] | None = None, *, client_request_id: str = "") -> requests.Response:
        """Send a submit; without a body, a good one."""
        headers = {"X-Client-Request-Id": client_request_id} if client_request_id else {}
        return self.ask("POST", "/v2/generate/audio", json=body or good_body(), headers=headers)

    def retrieve(self, generation_id: str) -> requests.Response:
        """Ask for a song once."""
        return self.ask("GET", "/v2/generate/audio", params={"generation_id": generation_id})

    def wait(self, generation_id: str, *, timeout: float = 20) -> dict[str, Any]:
        """Ask for a song until it is made or failed."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            answer: dict[str, Any] = self.retrieve(generation_id).json()
            if answer["status"] in ("completed", "error"):
                return answer
            time.sleep(0.02)
        raise AssertionError(f"{generation_id} is not made after {timeout} s")

    def make(self, **changes: Any) -> dict[str, Any]:
        """Submit a good body with some fields changed, and ask until it is made or failed."""
        return self.wait(self.submit(good_body(**changes)).json()["id"])

    def commit(self, *rules: dict[str, Any]) -> None:
        """Put these faults in force, and no others."""
        answer = self.ask("PUT", "/rehearsal/faults", json=list(rules))
        assert answer.status_code == 200, answer.text

    def fired(self) -> list[int]:
        """Return how often each fault has happened."""
        return [rule["fired"] for rule in self.ask("GET", "/rehearsal/faults").json()]

    def jobs(self) -> list[dict[str, Any]]:
        """Return every accepted song, read from disk, the oldest first: what was truly charged."""
        jobs = [json.loads(path.read_text()) for path in (self.home / "rehearsal" / "jobs").glob("*/job.json")]
        return sorted(jobs, key=lambda job: job["created"])


def guest(
    service: Running, home: Path | None = None, *, base_url: str = "", timeouts: Timeouts = HASTY, **more: Any
) -> Session:
    """Return a session to which the service is the paid one.

    Parameters
    ----------
    service : Running
    home : Path, optional
        Its library; else that of the test.
    base_url : str
        Another way to the service.
    timeouts : Timeouts
    **more
        What else `Session` takes.
    """
    address = service.address
    return Session(api_key=address.key, base_url=base_url or address.base_url, home=home, timeouts=timeouts, **more)


@contextlib.contextmanager
def running_service(
    home: Path,
    *,
    band: str = "beep",
    seconds: float = 0.0,
    price: float = 0.0,
    faults: tuple[dict[str, Any], ...] = (),
    port: int = 0,
) -> Iterator[Running]:
    """Run a service of this home, which `minimax_nb.rehearsal.address(home)` finds, and kill it at the end.

    Parameters
    ----------
    home : Path
    band : str
        `beep`, `house` for the real one, or `module:function` of the tests.
    seconds : float
        How long the band takes for a song.
    price : float
        Play money in USD for each song.
    faults : tuple of dict
        Rules as in `minimax_nb/rehearsal/faults.py`.
    port : int
        0: a free one.
    """
    arguments = ["--band", band, "--seconds", str(seconds), "--price", str(price), "--port", str(port)]
    running = Running(home, arguments + [part for rule in faults for part in ("--fault", json.dumps(rule))])
    running.start()
    try:
        yield running
    finally:
        running.kill()


def check_error(answer: requests.Response, status: int, path: str = AUDIO) -> str:
    """Check that an answer is an error in one of the two documented shapes; return its message."""
    body = answer.json()
    assert answer.status_code == status
    if "error" in body:
        assert set(body) == {"title", "status", "message", "instance", "timestamp", "error"}
        assert (body["status"], body["instance"]) == (status, path)
        assert set(body["error"]) == {"name", "message", "data"}
        assert body["error"]["message"] == body["message"]
    else:
        assert set(body) == {"message", "path", "requestId", "statusCode", "timestamp"}
        assert (body["statusCode"], body["path"]) == (status, path)
    assert body["timestamp"].endswith("Z")
    return str(body["message"])


@functools.cache
def audio_bytes(seconds: float = 16, *, pitch: float = 220, kind: str = "MP3") -> bytes:
    """Return a tone as an mp3 or wav file."""
    tone = 0.3 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * RATE)) / RATE)
    file = io.BytesIO()
    soundfile.write(file, tone, RATE, format=kind)
    return file.getvalue()


def data_uri(audio: bytes | None = None, media_type: str = "audio/mpeg") -> str:
    """Return audio, a tone unless it is given, as a `data:` URI."""
    content = audio_bytes() if audio is None else audio
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def good_body(**changes: Any) -> dict[str, Any]:
    """Return the body of a submit that is accepted, with some fields changed."""
    body = {"model": "minimax-music", "prompt": "##La la la,\n\nla la##", "reference_audio_url": data_uri()}
    return {**body, **changes}


def _chosen_band(name: str, seconds: float) -> Any:
    if name == "house":
        return None
    module, _, function = name.rpartition(":")
    play = getattr(importlib.import_module(module), function) if module else {"beep": beep}[function]

    def slowly(request: BandRequest, destination: Path) -> None:
        time.sleep(seconds)
        play(request, destination)

    return slowly


def _be_service(given: list[str], environment: dict[str, str], log: Path, ready: Connection) -> None:
    """Be the service, in a process that was only just forked or started."""
    os.environ.clear()
    os.environ.update(environment)
    if hasattr(os, "setsid"):
        os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--band", default="beep")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--price", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[])
    options = parser.parse_args(given)
    band = _chosen_band(options.band, options.seconds)
    how = {"idle": None, "faults": options.fault, "price": options.price, "band": band, "ready": ready.send}
    sys.exit(0 if serve(options.home, options.port, **how) else "this home has a service already")
