"""Which process is at work on a song, and whether it still lives."""

from __future__ import annotations

import socket
import threading

import psutil


def this_worker() -> str:
    """The name of this thread of this process; another process that gets the same number later has another name."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f} {threading.get_ident()}"


def is_alive(worker: str) -> bool:
    """Whether the process of a worker still runs.

    One on another computer cannot be seen from here and counts as alive: its deadline decides.
    """
    try:
        host, number, born, _ = worker.rsplit(" ", 3)
        if host != socket.gethostname():
            return True
        return bool(abs(psutil.Process(int(number)).create_time() - float(born)) < 1)
    except (ValueError, psutil.Error):
        return False
