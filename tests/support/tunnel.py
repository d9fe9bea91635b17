"""A stand-in for cloudflared: it prints what the real program prints, and forwards a loopback port to the one given.

Its address is on loopback as well, so that what comes through it is real.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

_PROGRAM = """#!{python} -I
import os, socket, sys, threading, time

BEHAVIOUR = {behaviour!r}
options = dict(zip(sys.argv[2::1], sys.argv[3::1]))
assert sys.argv[1] == "tunnel" and "--no-autoupdate" in sys.argv, sys.argv
assert not any(name.startswith("TUNNEL_") for name in os.environ)
open({pids!r}, "a").write(f"{{os.getpid()}}\\n")


def say(text, level="INF"):
    print(f"2026-01-01T00:00:00Z {{level}} {{text}}", file=sys.stderr, flush=True)


def pipe(source, target):
    try:
        while block := source.recv(65536):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def forward(near):
    with near, socket.create_connection(("127.0.0.1", int(options["--url"].rpartition(":")[2]))) as far:
        there = threading.Thread(target=pipe, args=(near, far), daemon=True)
        there.start()
        pipe(far, near)


def accept(server):
    for number in range(100000):
        near = server.accept()[0]
        if BEHAVIOUR == "two" and number == 2:
            say("Serve tunnel error", "ERR")
            os._exit(1)
        threading.Thread(target=forward, args=(near,), daemon=True).start()


say("Thank you for trying Cloudflare Tunnel. Doing so, without a Cloudflare account, is a quick way to experiment.")
say("Requesting new quick Tunnel on trycloudflare.com...")
if BEHAVIOUR == "never":
    time.sleep(600)
if BEHAVIOUR == "refused":
    say('Error unmarshaling QuickTunnel response: error code: 1015 error="invalid character \\'e\\' looking for '
        'beginning of value" status_code="429 Too Many Requests"', "ERR")
    sys.exit("failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value")
server = socket.create_server(("127.0.0.1", 0))
lines = ["Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):",
         f"http://127.0.0.1:{{server.getsockname()[1]}}"]
border = "+" + "-" * (len(lines[0]) + 4) + "+"
for text in (border, *(f"|  {{line:<{{len(lines[0])}}}}  |" for line in lines), border):
    say(text)
say("Settings: map[config:/dev/null no-autoupdate:true url:" + options["--url"] + "]")
say("Starting metrics server on 127.0.0.1:1/metrics")
if BEHAVIOUR != "unreachable":
    threading.Thread(target=accept, args=(server,), daemon=True).start()
else:
    server.close()
say("Registered tunnel connection connIndex=0 connection=5c94b68c event=0 ip=198.41.192.67 protocol=http2")
if BEHAVIOUR == "dies":
    say("Serve tunnel error", "ERR")
    os._exit(1)
for number in range(100000):  # it goes on talking: a pipe that nobody reads would hold it up
    say("x" * 200)
    time.sleep(0.001 if number < 1000 else 0.2)
"""


@dataclass
class StandIn:
    """The program that was put on the PATH, and what became of each time it ran."""

    pids: Path

    @property
    def processes(self) -> list[psutil.Process]:
        """Those that are still there."""
        started = [int(line) for line in self.pids.read_text().split()] if self.pids.exists() else []
        return [psutil.Process(pid) for pid in started if psutil.pid_exists(pid)]

    @property
    def ran(self) -> int:
        """How often it was started."""
        return len(self.pids.read_text().split()) if self.pids.exists() else 0


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str = "works") -> StandIn:
    """Make the stand-in the first ``cloudflared`` of the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    stand_in = StandIn(folder / "pids")
    program = folder / "cloudflared"
    program.write_text(_PROGRAM.format(python=sys.executable, behaviour=behaviour, pids=str(stand_in.pids)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return stand_in


def eventually(there: Callable[[], object], seconds: float = 10.0) -> bool:
    """Whether something comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not there():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
