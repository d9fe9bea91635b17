"""A room: one rehearsal service for all kernels of a computer, or of a JupyterHub, in place of one for each home.

It keeps everything in `<home>/room/`: `service.lock`, which it holds as long as it lives; `service.json`, which says
where it is and has the teacher's key, and which only its owner may read; `keys.json`, the tokens it gave, as
fingerprints; `jobs/`, a folder for each song; `handed-in/`, what the students want the class to hear.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidOption, RehearsalError
from ..library.storage import write_durably
from .band.request import Band
from .executors import ClusterBand, ProcessBand
from .launcher import Address, installed_version, own_folder, play_with_the_band
from .server.room_rules import Hub, RoomRules

PORT = 8787
MOST_WAITING = 2

_RECORD = "service.json"
_CODE_BYTES = 6
_SAID_BY_HUB = ("JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_URL")


@dataclass(frozen=True)
class RoomOptions:
    """How a room is opened.

    Attributes
    ----------
    host : str
        The address to listen at. Beyond this computer only with a certificate; JupyterHub names its own.
    port : int
    processes : int
        How many songs are made at once; 0: one for each core.
    cluster : str
        The scheduler of a Dask cluster that makes the songs, such as ``tcp://scheduler:8786``.
    certfile, keyfile : str
        The certificate for TLS, and its key.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    processes: int = 0
    cluster: str = ""
    certfile: str = ""
    keyfile: str = ""


@dataclass(frozen=True)
class _Place:
    """Where a room listens, and under which address others find it, once its port is known."""

    host: str
    port: int
    rules: RoomRules
    base_url: str
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def serve_room(
    home: Path,
    options: RoomOptions = RoomOptions(),
    *,
    band: Band | None = None,
    ready: Callable[[Address], None] | None = None,
) -> None:
    """Run a room in this process, until it is interrupted.

    Parameters
    ----------
    home : pathlib.Path
        The library's folder; everything is kept in ``<home>/room/``.
    options : RoomOptions
        Where JupyterHub has started this process, it says where to listen.
    band : callable, optional
        Who plays instead of the built-in band.
    ready : callable, optional
        Told the address and the teacher's key as soon as calls are answered.

    Raises
    ------
    InvalidOption
        When it would be open to a network without TLS.
    RehearsalError
        When it is open already, or cannot be opened.

    Examples
    --------
    >>> serve_room(Path("my songs"), RoomOptions(port=8787))  # doctest: +SKIP
    """
    from filelock import FileLock, Timeout

    folder = own_folder(home, "room")
    try:
        with FileLock(folder / "service.lock", timeout=0):
            _serve(folder, options, band or play_with_the_band, ready)
    except Timeout:
        raise RehearsalError(f"The room in {home} is open already.", do="End the other one first.") from None
    except OSError as problem:
        raise RehearsalError(f"The room cannot be opened: {problem}.", do="Choose another port.") from problem


def opened_here(home: Path) -> tuple[str, str]:
    """Return the address and the teacher's key of the room that was opened with a home; empty where none was."""
    record = _read(Path(home) / "room")
    return str(record.get("base_url", "")), str(record.get("key", ""))


def _serve(folder: Path, options: RoomOptions, band: Band, ready: Callable[[Address], None] | None) -> None:
    from .server.app import run

    before = _read(folder)
    key = str(before.get("key") or secrets.token_urlsafe(32))
    code = str(before.get("code") or secrets.token_hex(_CODE_BYTES))
    place = _place_of_hub(options, os.environ) or _own_place(options, code)
    version = installed_version()
    # Several processes of several threads each would only wait for each other.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

    def announce(taken: int) -> None:
        base_url = place.base_url.format(port=taken)
        record = {"base_url": base_url, "key": key, "code": code, "version": version, "pid": os.getpid()}
        write_durably(folder / _RECORD, json.dumps(record).encode(), mode=0o600)
        if ready:
            ready(Address(base_url, key))

    with closing(_opened(options, band, version)) as made:
        run(
            folder / "jobs",
            record=folder / _RECORD,
            ports=[place.port],
            key=key,
            version=version,
            idle=None,
            rules=(),
            price_usd=0.0,
            band=made,
            announce=announce,
            room=_shared(place.rules, made),
            host=place.host,
            tls=place.tls,
        )


def _opened(options: RoomOptions, band: Band, version: str) -> ProcessBand | ClusterBand:
    processes = options.processes or os.cpu_count() or 1
    here = ProcessBand(band, processes, warm=not options.cluster)
    return ClusterBand(options.cluster, band, version, here) if options.cluster else here


def _shared(rules: RoomRules, band: ProcessBand | ClusterBand) -> RoomRules:
    return replace(rules, most_waiting=MOST_WAITING, at_once=band.at_once)


def _own_place(options: RoomOptions, code: str) -> _Place:
    """Where a room listens that a person has opened: on this computer, or in a network with TLS and a code."""
    shown = f"[{options.host}]" if ":" in options.host else options.host
    if _is_here(options.host):
        return _Place(options.host, options.port, RoomRules(open=True), f"http://{shown}:{{port}}")
    if not (options.certfile and options.keyfile):
        raise InvalidOption(
            "A room that others can reach needs TLS: tokens and voices would travel for all to read.",
            do="Give --certfile and --keyfile, or open it behind JupyterHub.",
        )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        tls.load_cert_chain(options.certfile, options.keyfile)
    except (OSError, ssl.SSLError) as problem:
        raise InvalidOption(f"The certificate cannot be used: {problem.strerror or problem}.") from None
    # Whoever does not know the address, code and all, gets no token.
    rules = RoomRules(prefix=f"/{code}", open=True, public=True)
    name = socket.getfqdn() if options.host in ("0.0.0.0", "::") else shown
    return _Place(options.host, options.port, rules, f"https://{name}:{{port}}/{code}", tls)


def _is_here(host: str) -> bool:
    """Whether only this computer can reach what listens at a host."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _place_of_hub(options: RoomOptions, environment: Mapping[str, str]) -> _Place | None:
    """Where JupyterHub wants the room to listen; None where it has not started this process."""
    prefix, token, api_url, url = (environment.get(name, "") for name in _SAID_BY_HUB)
    if not (prefix and token and api_url):
        return None
    listen = urlsplit(url or f"http://{options.host}:{options.port}")
    host, port = listen.hostname or options.host, listen.port or options.port
    teachers = frozenset(environment.get("MINIMAX_NB_TEACHERS", "").replace(",", " ").split())
    rules = RoomRules(prefix=prefix.rstrip("/"), public=True, hub=Hub(api_url), teachers=teachers)
    return _Place(host, port, rules, f"http://{host}:{{port}}{rules.prefix}")


def _read(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
