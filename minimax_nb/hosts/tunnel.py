"""A file on this computer behind a temporary public address: a Cloudflare quick tunnel, which needs no account."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from ..api.transport import bounded
from ..errors import InvalidOption, Unreachable, install
from . import guard
from .file_server import serve
from .links import answers

START_SECONDS = 30.0
"""For the program to say its address and that it is connected."""

REACH_SECONDS = 45.0
"""For a new address to be known everywhere."""

INSTALL = (
    "Install cloudflared (macOS: brew install cloudflared; Windows: winget install Cloudflare.cloudflared), "
    f"or: {install('tunnel')}"
)
_OTHERWISE = "Check the network and try again, give a link to the track, or choose another reference_host."

# The program draws a box around the address: `2026-01-01T00:00:00Z INF |  https://four-words.trycloudflare.com  |`.
_ADDRESS = re.compile(r"\|\s+(https?://\S+)\s+\|")
_CONNECTED = re.compile(r"(?<!n)registered (tunnel connection|connIndex)", re.IGNORECASE)


class Tunnel:
    """Serves one file from this computer through ``cloudflared``, under a path that cannot be guessed.

    The link is up from `share` on to the end of its context, and is gone after that; the program ends with this
    process, however that one ends. A file that the program's own settings name is not read.
    """

    name = "a temporary public address"
    ends = True

    @contextmanager
    def share(self, file: Path) -> Iterator[str]:
        """A public link to the file, once it can be fetched.

        Raises
        ------
        InvalidOption
            When there is no ``cloudflared``.
        Unreachable
            When the address does not come up.
        """
        program = find_program()
        with serve(file) as local, _Running(program, local) as running:
            url = running.address() + urlsplit(local).path
            running.wait_until_reachable(url)
            yield url


def is_available() -> bool:
    """Whether a tunnel could be opened on this computer; starts and fetches nothing."""
    return bool(shutil.which("cloudflared")) or importlib.util.find_spec("pycloudflared") is not None


def find_program() -> str:
    """The path of ``cloudflared``; the package ``pycloudflared`` fetches its own when it is first used.

    Raises
    ------
    InvalidOption
        When there is neither.
    Unreachable
        When it cannot be fetched.
    """
    program = shutil.which("cloudflared")
    if program:
        return program
    try:
        from pycloudflared.util import get_info
    except ImportError:
        raise InvalidOption("A tunnel needs the program cloudflared, which is not installed.", do=INSTALL) from None
    try:
        program = str(get_info().executable)
        if not Path(program).exists():  # it shows its progress, which is not for a worker thread to do
            subprocess.run([sys.executable, "-m", "pycloudflared", "--version"], capture_output=True, check=True)
        return program
    except Exception as error:  # whatever that package meets on its way
        raise Unreachable(f"pycloudflared could not fetch cloudflared: {bounded(str(error))}.", do=INSTALL) from None


class _Running:
    """The program while it runs, and what it says."""

    def __init__(self, program: str, url: str) -> None:
        split = urlsplit(url)
        self._command = [
            *(program, "tunnel", "--no-autoupdate", "--config", os.devnull, "--protocol", "http2"),
            *("--metrics", "127.0.0.1:0", "--url", f"{split.scheme}://{split.netloc}"),
        ]
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._last: deque[str] = deque(maxlen=2)
        self._ended = threading.Event()

    def __enter__(self) -> _Running:
        # -I: no module that lies beside the notebook is taken for one of Python's. A session of its own: an interrupt
        # of the cell is not for the program.
        self._process = subprocess.Popen(
            [sys.executable, "-I", guard.__file__, *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("TUNNEL_")},
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._reader = threading.Thread(target=self._read, name="minimax_nb tunnel", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # which the guard waits for
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._kill()
        self._reader.join(5)

    def address(self) -> str:
        """Where the file can be fetched from, once the program is connected.

        Raises
        ------
        Unreachable
        """
        found, deadline = "", time.monotonic() + START_SECONDS
        while (line := self._line(deadline)) is not None:
            match = _ADDRESS.search(line)
            found = match.group(1) if match else found
            if found and _CONNECTED.search(line):
                break
        if not found:
            raise self._failure("did not come up")
        return found

    def wait_until_reachable(self, url: str) -> None:
        """Ask for the link until it answers.

        Raises
        ------
        Unreachable
        """
        deadline = time.monotonic() + REACH_SECONDS
        while not answers(url):
            if self._ended.is_set() or time.monotonic() > deadline:
                raise self._failure("cannot be reached")
            self._ended.wait(0.5)

    def _line(self, deadline: float) -> str | None:
        try:
            return self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            return None

    def _read(self) -> None:
        """Take in all that the program says, so that it never waits for a reader."""
        assert self._process.stderr
        with self._process.stderr as output:
            for line in output:
                text = bounded(line.decode(errors="replace"))
                self._last.append(text)
                self._lines.put(text)
        self._ended.set()
        self._lines.put(None)

    def _failure(self, what: str) -> Unreachable:
        said = f" cloudflared ended and said: {' '.join(self._last)}" if self._ended.is_set() else ""
        return Unreachable(f"The temporary public address {what}.{said}", do=_OTHERWISE)

    def _kill(self) -> None:
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()
