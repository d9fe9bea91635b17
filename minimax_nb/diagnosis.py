"""What is installed, what is missing and what to do about it: ``minimax-nb doctor``, or ``doctor()`` in a cell."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from queue import Empty, SimpleQueue

from .api.client import Client
from .api.connection import proxy_name
from .api.transport import environment_settings
from .catalogue import DEFAULT_MODEL
from .display.environment import in_colab, in_notebook, place
from .errors import InvalidInput, LibraryError, MusicError, ServiceError, install
from .rehearsal.guest import room_key
from .rehearsal.launcher import environment
from .session import Session
from .settings import KEY_VARIABLES, Settings, find_key, room_from_environment

NEEDED = ("minimax_nb", "ipython", "ipykernel", "ipywidgets", "anywidget", "numpy", "soundfile", "requests")
FRONT_ENDS = ("jupyterlab", "notebook", "voila")
EXTRAS = ("espeakng-loader", "pyworld-prebuilt", "matplotlib")

_PATIENCE = 5.0  # s for the API
_VOICE_PATIENCE = 30.0  # s to say one word
_LEAST_BYTES, _FEW_BYTES = 50e6, 1e9


class State(StrEnum):
    """How bad it is: nothing to do, worth knowing, or in the way of the very first rehearsal."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes
    ----------
    about : str
        In a word or two.
    state : State
    what : str
        What was found; of a key at most its last 4 characters.
    do : str
        What to do about it; empty when there is nothing to do.
    """

    about: str
    state: State
    what: str
    do: str = ""

    def __str__(self) -> str:
        what = textwrap.wrap(self.what, 90, break_long_words=False, break_on_hyphens=False)
        do = [f"-> {self.do}"] if self.do else []
        return f"{self.state:6}{self.about:12}" + f"\n{'':18}".join(what + do)

    def to_data(self) -> dict[str, str]:
        """As plain data."""
        return {**asdict(self), "state": str(self.state)}


class Report(tuple[Finding, ...]):
    """All findings, which a cell shows as text.

    Attributes
    ----------
    ok : bool
        Whether a song can be rehearsed here.
    """

    @property
    def ok(self) -> bool:
        """Whether nothing is in the way of a rehearsal."""
        return all(finding.state is not State.WRONG for finding in self)

    @property
    def summary(self) -> str:
        """The same as a sentence."""
        return "Ready to rehearse." if self.ok else "Rehearsing is not possible yet: see what is wrong above."

    def __repr__(self) -> str:
        return "\n".join([*map(str, self), self.summary])


def doctor() -> Report:
    """Check everything that a song needs, and say what to do about what is missing.

    It costs nothing and takes a few seconds. ``minimax-nb doctor`` is the same in a terminal.

    Returns
    -------
    Report
        The findings, each with its ``about``, ``state`` (``ok``, ``note`` or ``wrong``), ``what`` and ``do``;
        ``.ok`` says whether a song can be rehearsed.

    Examples
    --------
    >>> from minimax_nb import doctor
    >>> doctor()  # doctest: +SKIP
    ok    Python      3.13.1, Linux-6.8, /usr/bin/python3
    ...
    Ready to rehearse.
    """
    return Report(examine())


def examine() -> Iterator[Finding]:
    """Check one thing after the other.

    Yields
    ------
    Finding
        Each as soon as it is known.
    """
    yield from (
        _python(),
        _packages(),
        _front_end(),
        _key(),
        *_room(),
        _library(),
        _disk(),
        _voice(),
        _loopback(),
        _api(),
    )


def _python() -> Finding:
    return Finding(
        "Python", State.OK, f"{platform.python_version()}, {platform.platform(terse=True)}, {sys.executable}"
    )


def _packages() -> Finding:
    there = versions()
    listed = ", ".join(f"{name} {version}" for name, version in there.items() if version)
    missing = [name for name in NEEDED if not there[name]]
    if missing:
        return Finding("Packages", State.WRONG, f"{listed}; without {', '.join(missing)}", install("lab,voice"))
    return Finding("Packages", State.OK, listed)


def versions() -> dict[str, str]:
    """What is installed of what matters here; empty for what is not."""
    return {name: _version(name) for name in (*NEEDED, *FRONT_ENDS, *EXTRAS)}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _front_end() -> Finding:
    if in_colab():
        return Finding("Front end", State.OK, place().name)
    here = " (this is one of its cells)" if in_notebook() or "JPY_PARENT_PID" in os.environ else ""
    there = [name for name in FRONT_ENDS if _version(name)]
    lab, widgets = (_version(name).partition(".")[0] for name in ("jupyterlab", "ipywidgets"))
    if lab.isdigit() and int(lab) >= 4 and widgets == "7":
        return Finding(
            "Front end",
            State.WRONG,
            f"JupyterLab {_version('jupyterlab')} shows no widget of ipywidgets {_version('ipywidgets')}",
            'pip install "ipywidgets>=8.1", then restart JupyterLab',
        )
    if not there and not here:
        return Finding(
            "Front end",
            State.NOTE,
            "JupyterLab is not installed for this Python; the command line works without it",
            install("lab"),
        )
    return Finding("Front end", State.OK, (", ".join(there) or "Jupyter") + here)


def _key() -> Finding:
    try:
        key = find_key()
        service = Settings(key).service()
    except InvalidInput as error:
        do = f"Correct or unset {', '.join(KEY_VARIABLES)} or MINIMAX_NB_BASE_URL, whichever is wrong."
        return Finding("Key", State.WRONG, error.what, do)
    if key is None:
        do = f"None is needed to rehearse. Real songs need one from aimlapi.com/app/keys, in {place().key}."
        if in_colab() and not in_notebook():
            do = "Colab's secrets can only be read from a cell: from minimax_nb import doctor; doctor()"
        return Finding("Key", State.NOTE, "none: songs are rehearsed, free", do)
    variable = next((name for name in KEY_VARIABLES if os.environ.get(name, "").strip()), "")
    where = f"in the environment variable {variable}" if variable else f"in Colab's secret {KEY_VARIABLES[0]}"
    made = "songs are rehearsed all the same, free" if service.rehearsal else f"songs are made at {service.base_url}"
    return Finding("Key", State.OK, f"ending {key.ending}, {where}; {made}")


def _room() -> Iterator[Finding]:
    """Whether the room that songs are rehearsed in lets this library in."""
    if not os.environ.get("MINIMAX_NB_ROOM", "").strip():
        return
    try:
        room = room_from_environment()
        room_key(room, Session().journal.library.database)
    except MusicError as error:
        yield Finding("Room", State.WRONG, error.what, error.do)
    else:
        yield Finding("Room", State.OK, f"{room} lets this library in")


def _library() -> Finding:
    session = Session()
    home, database = session.journal.home, session.journal.library.database
    try:
        with tempfile.TemporaryFile(dir=_nearest(home)):
            pass
        count = f"{len(session.songs())} songs" if (database / "library.db").exists() else "with no song yet"
    except LibraryError as error:
        return Finding("Library", State.WRONG, error.what, error.do)
    except OSError as error:
        return Finding("Library", State.WRONG, f"{home} cannot be written: {error.strerror}", LibraryError.do)
    forgets = "" if os.environ.get("MINIMAX_NB_HOME") else place().forgets
    return Finding("Library", State.NOTE if forgets else State.OK, f"{home}, {count}", forgets)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _disk() -> Finding:
    try:
        free = shutil.disk_usage(_nearest(Session().journal.home)).free
    except OSError as error:
        return Finding("Disk", State.NOTE, f"the free space cannot be determined: {error.strerror}")
    state = State.OK if free > _FEW_BYTES else State.NOTE if free > _LEAST_BYTES else State.WRONG
    do = "" if state is State.OK else "Free some space, or set MINIMAX_NB_HOME to a folder on another disk."
    return Finding("Disk", state, f"{free / 1e9:.1f} GB free for songs of 1 to 8 MB", do)


def _voice() -> Finding:
    if not all(_version(name) for name in EXTRAS[:2]):
        return Finding("Voice", State.NOTE, "none: the words are hummed", install("voice"))
    # In a process of its own: espeak-ng, which is GPL, is never loaded into this one.
    code = "import pyworld; from minimax_nb.rehearsal.band.speech import speak; speak(('la',), 'en')"
    command = [sys.executable, "-c", code]
    try:
        subprocess.run(command, env=environment(), capture_output=True, check=True, timeout=_VOICE_PATIENCE)
    except (subprocess.SubprocessError, OSError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        what = f"espeak-ng is installed but does not work ({said[-1] if said else type(error).__name__})"
        return Finding("Voice", State.WRONG, what, install("voice").replace("install", "install --force-reinstall"))
    return Finding("Voice", State.OK, "espeak-ng sings the words of a rehearsal")


def _loopback() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(_PATIENCE)
            with socket.create_connection(server.getsockname(), _PATIENCE) as caller, server.accept()[0] as called:
                caller.sendall(b"la")
                called.settimeout(_PATIENCE)
                received = called.recv(2)
    except OSError as error:
        what = f"this computer cannot connect to itself at 127.0.0.1 ({error.strerror or error})"
        return Finding("Loopback", State.WRONG, what, "Allow local connections for Python in the firewall.")
    if received != b"la":
        what = "something else answers at 127.0.0.1"
        return Finding("Loopback", State.WRONG, what, "Allow local connections for Python in the firewall.")
    return Finding("Loopback", State.OK, "a free port on 127.0.0.1 answers, as the rehearsal service needs it")


def _api() -> Finding:
    try:
        client = Client(Settings().hosted_url, find_key())
    except InvalidInput:
        return Finding("API", State.NOTE, "not tried, because the key or the address is wrong", "See above.")
    answer: SimpleQueue[Finding] = SimpleQueue()
    # In a thread, as names are looked up with no deadline.
    threading.Thread(target=lambda: answer.put(_asked(client)), daemon=True).start()
    try:
        return answer.get(timeout=_PATIENCE)
    except Empty:
        return _unreached(f"no answer from {client.base_url} in {_PATIENCE:.0f} s")


def _asked(client: Client) -> Finding:
    """Ask a question that costs nothing."""
    try:
        if client.key is None:
            client.price(DEFAULT_MODEL, patience=0)
            left = ""
        else:
            balance = client.balance(patience=0)
            left = "" if balance is None else f"; ${balance:.2f} left on the key"
    except ServiceError as error:
        if client.key is not None:
            return Finding("API", State.NOTE, error.what, error.do)
        left = ""  # without a key any response will do: the service can be reached
    except MusicError as error:
        return _unreached(error.what, error.do)
    return Finding("API", State.OK, f"{client.base_url} answers{_through()}{left}")


def _through() -> str:
    """By which proxy, where one is set."""
    proxies = environment_settings(Settings().hosted_url)["proxies"]
    return f" through {proxy_name()}" if proxies.keys() & {"https", "all"} else ""


def _unreached(what: str, do: str = "Check the network; behind a proxy, set HTTPS_PROXY.") -> Finding:
    return Finding("API", State.NOTE, what, f"Rehearsing works without it. For real songs: {do}")
