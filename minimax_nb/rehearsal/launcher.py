"""The rehearsal service of a home: one process on this computer, found or started here.

A home's service keeps everything in `<home>/rehearsal/`: `service.lock`, which it holds as long as it lives;
`service.json`, which says where it listens and what its key is, and which only its owner may read;
`service.log`; and `jobs/`, a folder for each song.
"""

from __future__ import annotations

import contextlib
import hmac
import http.client
import json
import os
import re
import secrets
import site
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..display.progress import say
from ..errors import InvalidOption, RehearsalError
from ..library.storage import locate, write_durably
from .band.request import Band, BandRequest
from .server.responses import proof

if TYPE_CHECKING:
    from .server.faults import Rule

IDLE_SECONDS = 1800.0
_RECORD, _LOG = "service.json", "service.log"
_ANSWER_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_MOST_LOG_BYTES = 1_000_000
_KEY_CHARACTERS = 43

# Windows has no sessions; there, these flags keep a console's Ctrl-C and end away. Elsewhere they are 0. It is not
# DETACHED_PROCESS: the python.exe of a virtual environment starts another one, which would open a window of its own.
_DETACHED = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)

# One start at a time in this process; between processes the service's lock decides.
_starting = threading.Lock()
# Those that were started and not yet waited for, each with where its lines of the log begin.
_ahead: dict[Path, tuple[subprocess.Popen[bytes], int]] = {}


@dataclass(frozen=True)
class Address:
    """Where a rehearsal service is.

    Attributes
    ----------
    base_url : str
        Such as `http://127.0.0.1:40123`.
    key : str
        What it wants as its bearer key.
    """

    base_url: str
    key: str = field(repr=False)


def address(home: Path | None = None, *, timeout: float = 30) -> Address:
    """Return the running service of a home; start one when there is none.

    Parameters
    ----------
    home : Path, optional
        Else the one of the sessions that are told nothing else: ``MINIMAX_NB_HOME``, then the platform's folder
        for user data.
    timeout : float
        Seconds to wait for a service to come up.

    Returns
    -------
    Address
        It outlives this process and ends after half an hour without requests.

    Raises
    ------
    RehearsalError
        When it cannot be started; the message has the last lines of its log.

    Examples
    --------
    >>> service = address(Path("my songs"))  # doctest: +SKIP
    >>> requests.get(f"{service.base_url}/v1/models").json()  # doctest: +SKIP
    """
    folder = _folder(locate(os.environ.get("MINIMAX_NB_HOME")).database if home is None else home)
    running = _running(folder)
    if running is not None and not _stopped_as_outdated(running):
        _ahead.pop(folder, None)
        return running.address
    try:
        with _starting:
            return _start(folder, timeout)
    except OSError as problem:
        raise RehearsalError(f"The folder {folder} cannot be used: {problem.strerror}.") from problem


def start_ahead(home: Path) -> None:
    """Start the service of a home, if there is none, without waiting for it; `address` says what failed."""
    folder = Path(home) / "rehearsal"
    with contextlib.suppress(OSError, RehearsalError), _starting:
        is_starting = folder in _ahead and _ahead[folder][0].poll() is None
        if not is_starting and _running(folder) is None:
            _ahead[folder] = _spawn(_folder(home))


def is_running(home: Path) -> bool:
    """Whether a home has a service now; starts none."""
    return _running(Path(home) / "rehearsal") is not None


def stop(home: Path) -> None:
    """End the service of a home, unless it is making a song; whoever needs it again starts it."""
    record = _running(Path(home) / "rehearsal")
    if record is not None:
        _stopped(record)


def serve(
    home: Path,
    port: int = 0,
    *,
    idle: float | None = IDLE_SECONDS,
    faults: Sequence[object] = (),
    price: float = 0.0,
    band: Band | None = None,
    ready: Callable[[Address], None] | None = None,
) -> bool:
    """Run the service of a home in this process, until idle, stopped or interrupted.

    Parameters
    ----------
    home : Path
        The library's folder; everything is kept in ``<home>/rehearsal/``.
    port : int
        0: the one it had before, or any free one.
    idle : float or None
        Seconds with nothing to do after which it ends; None: never.
    faults : sequence of dict or str
        The faults to commit, each an object or its JSON; `rehearsal/server/faults.py` has their table.
    price : float
        Play money in USD for each song.
    band : callable, optional
        Who plays instead of the built-in band (`rehearsal/band/request.py` says how it is called).
    ready : callable, optional
        Told the address as soon as calls are answered.

    Returns
    -------
    bool
        False when this home has a service already; then nothing was done.

    Raises
    ------
    InvalidOption
        For a fault that does not exist.
    RehearsalError
        When the port is taken or the folder cannot be used.

    Examples
    --------
    >>> serve(Path("my songs"), faults=[{"fault": "bad_gateway", "times": 2}])  # doctest: +SKIP
    """
    from filelock import FileLock, Timeout

    from .server.rules import parse

    folder = _folder(home)
    try:
        rules = parse(faults)
    except ValueError as problem:
        raise InvalidOption(str(problem)) from None
    try:
        with FileLock(folder / "service.lock", timeout=0):
            _serve(folder, port, idle=idle, rules=rules, price=price, band=band, ready=ready)
    except Timeout:
        return False
    except OSError as problem:
        raise RehearsalError(f"The rehearsal service cannot run: {problem}.") from problem
    return True


def play_with_the_band(request: BandRequest, destination: Path) -> object:
    """Play with the built-in band, which is imported only when it is needed."""
    from .band.performance import perform

    return perform(request, destination)


def warm_up() -> None:
    """Import what the built-in band needs, so that its first song need not wait for that."""
    from .band.performance import best_voice

    best_voice()


def _serve(
    folder: Path,
    port: int,
    *,
    idle: float | None,
    rules: Sequence[Rule],
    price: float,
    band: Band | None,
    ready: Callable[[Address], None] | None,
) -> None:
    from .server.app import run

    # After a crash the same port and key, if they are free: clients that hold the address just carry on.
    before = _read(folder)
    key = before.key if before else secrets.token_urlsafe(32)
    ports = [port] if port else [before.port, 0] if before else [0]
    version = installed_version()

    def announce(taken: int) -> None:
        record = _Record(taken, key, version, os.getpid())
        write_durably(folder / _RECORD, json.dumps(vars(record)).encode(), mode=0o600)
        if ready:
            ready(record.address)
        if band is None:
            threading.Thread(target=warm_up).start()

    run(
        folder / "jobs",
        record=folder / _RECORD,
        ports=ports,
        key=key,
        version=version,
        idle=idle,
        rules=rules,
        price_usd=price,
        band=band or play_with_the_band,
        announce=announce,
    )


@dataclass(frozen=True)
class _Record:
    """What `service.json` says."""

    port: int
    key: str = field(repr=False)
    version: str
    pid: int

    @property
    def address(self) -> Address:
        return Address(f"http://127.0.0.1:{self.port}", self.key)


def _folder(home: Path) -> Path:
    return own_folder(home, "rehearsal")


def own_folder(home: Path, name: str) -> Path:
    """Return a folder of a home that only its owner may read; it is made where there is none.

    Raises
    ------
    RehearsalError
        When it cannot be made.
    """
    folder = Path(home) / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise RehearsalError(f"The folder {folder} cannot be created: {problem.strerror}.") from problem
    return folder


def installed_version() -> str:
    """Return the version of this package; 0 where it is not installed."""
    from importlib import metadata

    try:
        return metadata.version("minimax_nb")
    except metadata.PackageNotFoundError:
        return "0"


def _read(folder: Path) -> _Record | None:
    try:
        record = _Record(**json.loads((folder / _RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    texts = isinstance(record.key, str) and isinstance(record.version, str)
    usable = texts and len(record.key) == _KEY_CHARACTERS and isinstance(record.port, int)
    return record if usable and 0 < record.port < 65536 else None


def _running(folder: Path) -> _Record | None:
    """Return the record of a service that is there and is ours.

    After a crash anybody may listen at its port. So the key is not sent to find out: the service proves
    that it holds the key.
    """
    record = _read(folder)
    if record is None:
        return None
    nonce = secrets.token_hex(16)
    found = _request(record, "GET", f"/rehearsal/proof?nonce={nonce}").get("proof")
    genuine = isinstance(found, str) and hmac.compare_digest(found.encode(), proof(record.key, nonce).encode())
    return record if genuine else None


def _request(record: _Record, method: str, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the service's answer; empty when there is none. `http.client` knows no proxies."""
    connection = http.client.HTTPConnection("127.0.0.1", record.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        found = json.loads(response.read(10_000)) if response.status == 200 else {}
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return found if isinstance(found, dict) else {}


def _stopped_as_outdated(record: _Record) -> bool:
    """Whether a service of an older version has ended for us.

    It is replaced when it has nothing to do, so that an update takes effect at once, and kept while it makes
    songs, which must not be lost. Only a newer one replaces an older one: two kernels with two versions
    would replace each other's for ever.
    """
    if _numbers(record.version) >= _numbers(installed_version()):
        return False
    return _stopped(record)


def _stopped(record: _Record) -> bool:
    return bool(_request(record, "POST", "/rehearsal/stop", {"Authorization": f"Bearer {record.key}"}))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _start(folder: Path, timeout: float) -> Address:
    deadline, spawned = time.monotonic() + timeout, time.monotonic()
    process, begin = _ahead.pop(folder, (None, 0))
    said = False
    while time.monotonic() < deadline:
        running = _running(folder)
        if running is not None:
            return running.address
        said = said or say("Starting the rehearsal service…")
        # A process that exits with 0 has found another service, which is starting or just ending.
        if process is None or (process.poll() == 0 and time.monotonic() - spawned > _RETRY_SECONDS):
            (process, begin), spawned = _spawn(folder), time.monotonic()
        elif process.poll():
            raise RehearsalError(
                f"The rehearsal service stopped right after it started. {_last_lines(folder, begin)}"
            )
        time.sleep(0.02)
    raise RehearsalError(f"The rehearsal service did not start in {timeout:g} s. {_last_lines(folder, begin)}")


def _spawn(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a service that outlives this process and is not reached by its interrupts; where its log begins."""
    log, command = folder / _LOG, [sys.executable, "-m", __package__, "--home", str(folder.parent.resolve())]
    if log.exists() and log.stat().st_size > _MOST_LOG_BYTES:
        with contextlib.suppress(PermissionError):  # on Windows a process that is just ending may have it open
            log.unlink(missing_ok=True)
    begin = log.stat().st_size if log.exists() else 0
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            env=environment(),
            cwd=folder,
            start_new_session=True,
            creationflags=_DETACHED,
        )
    except OSError as problem:
        raise RehearsalError(f"Python could not be started for the rehearsal service: {problem}.") from problem
    finally:
        os.close(handle)
    # Waited for, so that it leaves no zombie when it ends before this process does.
    threading.Thread(target=process.wait, daemon=True).start()
    return process, begin


def environment() -> dict[str, str]:
    """Return our environment for a process of our own: without any key, with the place of this package."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("API_KEY")}
    # The band's songs are made side by side already; more threads for a small product would spin while they wait.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, "1")
    # Each step of a song takes as much memory as the last one gave back; glibc would clear all of it anew each time.
    environment.setdefault("MALLOC_MMAP_THRESHOLD_", "1000000000")
    environment.setdefault("MALLOC_TRIM_THRESHOLD_", "64000000")
    place = str(Path(__file__).resolve().parents[2])
    if place not in [*site.getsitepackages(), site.getusersitepackages()]:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [place, environment.get("PYTHONPATH")]))
    return environment


def _last_lines(folder: Path, begin: int) -> str:
    try:
        with open(folder / _LOG, "rb") as file:
            file.seek(begin)
            lines = file.read()[-4000:].decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return "Its log ends with: " + " / ".join(lines[-5:]) if lines else "Its log is empty."
