"""A band that plays elsewhere: in processes of this computer, or on a Dask cluster, through `concurrent.futures`.

A song is made by `render`, from values alone, so that it does not matter where, nor how often: whoever dies over one
costs nobody a song, for another one makes it again.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import connection
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import RehearsalError, install
from .band.request import Band, BandRequest

ATTEMPTS = 3
"""How often a song is begun whose process dies over it."""

CLUSTER_SECONDS = 180.0
"""How long a cluster may take for a song before it is made here."""

_LOOK_SECONDS = 3.0
REJOIN_SECONDS = 10.0
"""How long a cluster whose scheduler is gone is left alone."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rendered:
    """A song as values.

    Attributes
    ----------
    audio : bytes
        The file; empty when there is none.
    timeline : mapping or None
        When what is sung.
    problem : str
        What of the request cannot be used.
    """

    audio: bytes = b""
    timeline: Mapping[str, Any] | None = None
    problem: str = ""


def render(band: Band, request: BandRequest, reference: bytes | None) -> Rendered:
    """Make a song from values alone; nothing is left behind where it is made.

    Parameters
    ----------
    band : Band
        Importable by its name, wherever the song is made.
    request : BandRequest
        Its `reference` is not looked at.
    reference : bytes or None
    """
    with TemporaryDirectory(prefix="minimax-nb-") as folder:
        path, song = Path(folder) / "reference.audio", Path(folder) / f"song.{request.format}"
        if reference is not None:
            path.write_bytes(reference)
        try:
            performance = band(replace(request, reference=None if reference is None else path), song)
        except ValueError as problem:
            return Rendered(problem=str(problem))
        audio = song.read_bytes() if song.is_file() else b""
        return Rendered(audio, getattr(performance, "timeline", None))


class ProcessBand:
    """A band in processes of its own, as many as play at once.

    Each process is a pool of its own: when one dies, no other song is touched.

    Parameters
    ----------
    band : Band
        Importable by its name.
    processes : int
    warm : bool
        Whether they are started at once, so that the first song need not wait for them.
    """

    def __init__(self, band: Band, processes: int, *, warm: bool = True) -> None:
        self.at_once = processes
        self._band = band
        self._closed = False
        self._idle: SimpleQueue[Executor] = SimpleQueue()
        for _ in range(processes):
            pool = _new_pool()
            if warm:
                with _left_alone():
                    pool.submit(_warm_up, band)
            self._idle.put(pool)

    def __call__(self, request: BandRequest, destination: Path) -> Rendered:
        """Play the request into a file."""
        reference = request.reference.read_bytes() if request.reference else None
        return written(self._made(request, reference), destination)

    def close(self) -> None:
        """End all processes now; songs that are not finished are made again by whoever opens the job store next."""
        self._closed = True
        for process in multiprocessing.active_children():
            process.terminate()

    def _made(self, request: BandRequest, reference: bytes | None) -> Rendered:
        for attempt in range(1, ATTEMPTS + 1):
            pool = self._idle.get()
            try:
                with _left_alone():
                    made = pool.submit(render, self._band, request, reference)
                return made.result()
            except BrokenProcessPool:
                if self._closed:
                    threading.Event().wait()  # until this process ends: the song is left to the next room
                if attempt == ATTEMPTS:
                    raise
                logger.warning("a process ended while it made a song, which is made again")
                pool.shutdown(wait=False)
                pool = _new_pool()
            finally:
                self._idle.put(pool)
        raise AssertionError


class ClusterBand:
    """A band on a Dask cluster; what the cluster loses is made here.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://scheduler:8786``.
    band : Band
        Importable by its name.
    version : str
        Of this package; the workers must have the same.
    here : ProcessBand
        Who plays what the cluster has lost.

    Attributes
    ----------
    at_once : int
        How many songs the cluster made at the same time when it was joined.

    Raises
    ------
    RehearsalError
        When Dask is not installed, the scheduler cannot be reached or has no worker, or the versions differ.
    """

    def __init__(self, address: str, band: Band, version: str, here: ProcessBand) -> None:
        self._address, self._band, self._version, self._here = address, band, version, here
        self._lock = threading.Lock()
        self._client, self._tried = self._join(10), 0.0
        self.at_once = sum(self._client.nthreads().values())

    def __call__(self, request: BandRequest, destination: Path) -> object:
        """Play the request into a file."""
        reference = request.reference.read_bytes() if request.reference else None
        try:
            song = self._made_there(replace(request, reference=None), reference)
        except Exception as problem:  # whatever Dask says when workers or scheduler are gone
            logger.warning("the cluster has lost a song (%s), which is made here", type(problem).__name__)
            return self._here(request, destination)
        return written(song, destination)

    def close(self) -> None:
        """Leave the cluster, which goes on without us."""
        self._here.close()
        with suppress(Exception):
            self._client.close(timeout=2)

    def _made_there(self, request: BandRequest, reference: bytes | None) -> Rendered:
        client, deadline = self._joined(), time.monotonic() + CLUSTER_SECONDS
        executor: Executor = client.get_executor(pure=False, retries=ATTEMPTS)
        job = executor.submit(render_there, self._version, self._band, request, reference)
        while True:
            try:
                return job.result(_LOOK_SECONDS)
            except TimeoutError:
                if time.monotonic() > deadline or not client.nthreads():  # Dask itself waits for new workers for ever
                    job.cancel()
                    raise

    def _joined(self) -> Any:
        """The client; a new one from time to time while the scheduler is gone."""
        with self._lock:
            if self._client.status != "running" and time.monotonic() - self._tried > REJOIN_SECONDS:
                self._tried = time.monotonic()
                with suppress(Exception):
                    self._client.close(timeout=2)
                self._client = self._join(3)
            return self._client

    def _join(self, seconds: float) -> Any:
        try:
            import distributed
        except ImportError:
            raise RehearsalError("Dask is not installed.", do=f"Install it with: {install('cluster')}") from None
        try:
            make: Any = distributed.Client
            client = make(self._address, timeout=seconds, set_as_default=False)
        except (OSError, ValueError) as problem:
            raise RehearsalError(
                f"No Dask scheduler answers at {self._address} ({type(problem).__name__})."
            ) from None
        self._check_workers(client)
        return client

    def _check_workers(self, client: Any) -> None:
        try:
            found = set(client.run(version_there).values())
        except ImportError:
            found = {"none"}
        if found != {self._version}:
            client.close(timeout=2)
            have = f"have minimax_nb: {', '.join(sorted(found))}" if found else "are none"
            raise RehearsalError(
                f"The workers at {self._address} {have}. This room has {self._version}.",
                do="Start workers with the same version of minimax_nb.",
            )


def written(song: Rendered, destination: Path) -> Rendered:
    """Write a song to a file.

    Raises
    ------
    ValueError
        With what the band has to say about the request.
    """
    if song.problem:
        raise ValueError(song.problem)
    destination.write_bytes(song.audio)
    return song


def render_there(version: str, band: Band, request: BandRequest, reference: bytes | None) -> Rendered:
    """Do the same as `render`, on a worker of a cluster.

    Raises
    ------
    RuntimeError
        When another version is installed there: a worker may have come later.
    """
    if version_there() != version:
        raise RuntimeError(f"minimax_nb {version_there()} is not {version}")
    return render(band, request, reference)


def version_there() -> str:
    """Return the version of this package, wherever this is called."""
    from .launcher import installed_version

    return installed_version()


def _new_pool() -> ProcessPoolExecutor:
    # Forking a process that has threads and an event loop is not safe.
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=_end_with_parent)


@contextmanager
def _left_alone() -> Iterator[None]:
    """Have a process that starts in here not hear Ctrl-C, which a terminal sends to all: the room ends it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """End this process when the room does, also by a kill: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch(sentinel: Any, end: Callable[[int], None] = os._exit) -> None:
            connection.wait([sentinel])
            end(1)

        threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


def _warm_up(band: Band) -> None:
    """Import what the built-in band needs."""
    if getattr(band, "__name__", "") == "play_with_the_band":
        from .launcher import warm_up

        warm_up()
