"""A lean music service for measurements: as a script, one process that answers at once and does no work.

It speaks the provider's submit, retrieve and download, and as much of Replicate's predictions as its client
needs. A song is ready after a time drawn from a distribution, the same for the n-th song of every run. It counts
what was requested; `GET /measures` tells.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support import ROOT

SEED = 20_260_801


def lognormal(rng: random.Random) -> float:
    """Median 25 s, 95 % within 60 s."""
    return rng.lognormvariate(math.log(25), math.log(60 / 25) / 1.645)


def two_humps(rng: random.Random) -> float:
    """70 % around 20 s, 30 % around 60 s."""
    return max(1.0, rng.gauss(20, 2) if rng.random() < 0.7 else rng.gauss(60, 5))


DISTRIBUTIONS: dict[str, Callable[[random.Random], float]] = {"lognormal": lognormal, "two humps": two_humps}

_FAULTS = ("bad gateway", "empty", "page", "drop")
_ANSWERS: dict[str, tuple[int, bytes]] = {
    "bad gateway": (502, b"<html><h1>502 Bad Gateway</h1></html>"),
    "empty": (200, b""),
    "page": (200, b"<html>Just a moment...</html>"),
}


@dataclass
class Service:
    """What the service knows.

    Attributes
    ----------
    audio : bytes
        Every song.
    distribution : str
    limit : float
        Polls a second, in any second; 0: no limit.
    faulty : float
        The share of polls that get no proper answer.
    """

    audio: bytes
    distribution: str
    limit: float = 0.0
    faulty: float = 0.0
    address: str = ""
    ready: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    polls: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    recent: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._times = random.Random(SEED)
        self._chance = random.Random(SEED + 1)

    def measures(self) -> dict[str, Any]:
        """What was requested, for whoever measures."""
        return {"ready": self.ready, "tags": self.tags, "polls": self.polls, "events": self.events}

    def submit(self, body: bytes) -> str:
        """Take a song on; its tag stands in the lyrics."""
        number = f"song-{len(self.ready)}"
        found = re.search(rb"take (\d+)", body)
        self.ready[number] = time.monotonic() + DISTRIBUTIONS[self.distribution](self._times)
        self.tags[number] = found[1].decode() if found else ""
        return number

    def refuses(self) -> bool:
        """Whether a poll is one too many."""
        now = time.monotonic()
        self.recent = [moment for moment in self.recent if moment > now - 1]
        if self.limit and len(self.recent) >= self.limit:
            self.events["limited"] += 1
            return True
        self.recent.append(now)
        return False

    def fault(self) -> str:
        """What goes wrong with a poll; mostly nothing."""
        if self._chance.random() >= self.faulty:
            return ""
        self.events["faulty"] += 1
        return self._chance.choice(_FAULTS)

    def is_ready(self, number: str) -> bool:
        """Whether a song is made."""
        return time.monotonic() >= self.ready[number]


class Connection(asyncio.Protocol):
    """One connection, kept alive; requests are answered in order."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = b""
        self._polled = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            self._buffer = rest[size:]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self._answer(method, target, rest[:size])

    def _answer(self, method: str, target: str, body: bytes) -> None:
        url = urlsplit(target)
        if url.path == "/measures":
            self._send(200, json.dumps(self._service.measures()).encode())
        elif method == "POST":
            self._submit(url.path, body)
        else:
            if not self._polled:
                self._service.events["connections"] += 1
                self._polled = True
            if url.path.startswith("/files/"):
                self._send(200, self._service.audio, "audio/mpeg")
            else:
                self._poll(url.path, parse_qs(url.query))

    def _submit(self, path: str, body: bytes) -> None:
        number = self._service.submit(body)
        if path.startswith("/v1/predictions"):
            self._send(201, json.dumps(self._prediction(number)).encode())
        else:
            answer = {"id": f"{number}:minimax-music", "status": "queued"}
            self._send(200, json.dumps(answer).encode())

    def _poll(self, path: str, query: dict[str, list[str]]) -> None:
        predicted = path.startswith("/v1/predictions/")
        number = path.rpartition("/")[2] if predicted else query["generation_id"][0].partition(":")[0]
        self._service.polls[number] += 1
        if self._service.refuses():
            self._send(
                429, b'{"message": "Too many requests", "detail": "Too many requests"}', extra="Retry-After: 1\r\n"
            )
            return
        fault = self._service.fault()
        if fault == "drop":
            self._transport.abort()
        elif fault:
            self._send(*_ANSWERS[fault], "text/html")
        else:
            answer = self._prediction(number) if predicted else self._generation(number)
            self._send(200, json.dumps(answer).encode())

    def _link(self, number: str) -> str:
        return f"{self._service.address}/files/{number}.mp3"

    def _generation(self, number: str) -> dict[str, Any]:
        if not self._service.is_ready(number):
            return {"id": f"{number}:minimax-music", "status": "generating"}
        file = {"url": self._link(number), "file_size": len(self._service.audio)}
        return {"id": f"{number}:minimax-music", "status": "completed", "audio_file": file, "error": None}

    def _prediction(self, number: str) -> dict[str, Any]:
        done = self._service.is_ready(number)
        return {
            "id": number,
            "model": "minimax/music",
            "version": "1",
            "status": "succeeded" if done else "processing",
            "input": {},
            "output": self._link(number) if done else None,
            "logs": "",
            "error": None,
            "urls": {"get": f"{self._service.address}/v1/predictions/{number}", "cancel": ""},
        }

    def _send(self, status: int, body: bytes, kind: str = "application/json", extra: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        self._transport.write(head.encode() + body)


@contextmanager
def running(distribution: str, *, limit: float = 0.0, faulty: float = 0.0) -> Iterator[str]:
    """Run a service as a process of its own, and yield its address."""
    command = [sys.executable, "-m", __name__, distribution, str(limit), str(faulty)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def _serve(service: Service) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=500)
    service.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(service.address, flush=True)
    await server.serve_forever()


def main() -> None:
    """Be the service."""
    from tests.support.service import audio_bytes

    parser = argparse.ArgumentParser()
    parser.add_argument("distribution", choices=DISTRIBUTIONS)
    parser.add_argument("limit", type=float)
    parser.add_argument("faulty", type=float)
    given = parser.parse_args()
    asyncio.run(_serve(Service(audio_bytes(20), given.distribution, given.limit, given.faulty)))


if __name__ == "__main__":
    main()
