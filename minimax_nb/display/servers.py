"""A notebook server as a process of ours, which ends with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psutil

_OUR_DEFAULTS = Path(__file__).parents[1]
"""Has a folder ``labconfig``: JupyterLab without the pop-up that asks about news. What a person set comes first."""

_LAST_SECONDS = 5.0
_START_SECONDS = 60.0


_NOTHING: Mapping[str, str] = MappingProxyType({})


def serve(module: str, arguments: Sequence[str], environment: Mapping[str, str] = _NOTHING) -> int:
    """Run a server until it ends; told to end (SIGTERM, a terminal that closes), it ends with its kernels.

    A Ctrl-C is the server's own, which may ask whether it is meant.

    Parameters
    ----------
    module : str
        As ``python -m`` takes it.
    arguments : sequence of str
    environment : mapping
        What it has besides ours.

    Returns
    -------
    int
        Its exit status.
    """
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], env={**_environment(), **environment})
    kernels: list[psutil.Process] = []

    def end(*_: object) -> None:
        if not kernels:
            kernels.extend(_kernels_of(process.pid))
        process.terminate()

    ends = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, end) for number in ends}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        # As a rule the server has ended them.
        for kernel in psutil.wait_procs(kernels, timeout=_LAST_SECONDS)[1]:
            kernel.kill()


def _kernels_of(server: int) -> list[psutil.Process]:
    """The processes that a server started, and theirs; but for a rehearsal service, which others may use."""
    try:
        found = psutil.Process(server).children(recursive=True)
    except psutil.Error:
        return []
    return [process for process in found if not _is_rehearsal(process)]


def _is_rehearsal(process: psutil.Process) -> bool:
    try:
        return "minimax_nb.rehearsal" in process.cmdline()
    except psutil.Error:
        return False


def _environment() -> Mapping[str, str]:
    paths = filter(None, [os.environ.get("JUPYTER_CONFIG_PATH"), str(_OUR_DEFAULTS)])
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def free_port() -> int:
    """A port of this computer that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def open_when_up(address: str, port: int) -> None:
    """Open a page in the browser, once somebody listens at its port; returns at once."""

    def work() -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                webbrowser.open(address)
                return
            time.sleep(0.2)

    threading.Thread(target=work, daemon=True).start()
