"""Where a library is, files that appear only when they are complete, and which process works on what."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_LEFT_BEHIND_SECONDS = 3600.0

COLAB_DRIVE = Path("/content/drive")
_NETWORK_TYPES = (
    *("nfs", "cifs", "smb", "9p", "afs", "afpfs", "webdav", "davfs", "fuse.", "drvfs", "vboxsf", "vmhgfs"),
    *("lustre", "gpfs", "beegfs", "ceph", "virtiofs", "gluster", "ocfs2", "gfs2", "orangefs", "pvfs", "wekafs"),
)
_REMOTE_OPTIONS = {"remote", "_netdev"}
_REMOTE_DEVICE = re.compile(r"//|\\\\|[^/\\\s]{2,}:/")  # //server/share, server:/folder; not C:/


@dataclass(frozen=True)
class Library:
    """The places of one library.

    Attributes
    ----------
    home : pathlib.Path
        The folder of the songs and references.
    database : pathlib.Path
        The folder of the SQLite file.
    remote : bool
        Whether `home` is on a network mount: SQLite's locks fail there, so that the database is kept on this
        computer, and a JSON file beside each song lets another computer continue it.
    """

    home: Path
    database: Path
    remote: bool = False

    @property
    def references(self) -> Path:
        """The folder of the reference tracks."""
        return self.home / "references"

    @property
    def songs(self) -> Path:
        """The folder of the finished songs."""
        return self.home / "songs"

    def draft(self, studio: str) -> object:
        """What was written down as the draft of a studio, whatever it is; None where there is nothing readable."""
        try:
            return json.loads(self._draft_file(studio).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None

    def keep_draft(self, studio: str, content: Mapping[str, Any] | None) -> None:
        """Write down the draft of a studio; None removes it.

        A file of its own, and no row: on a network mount too it is there in the next session.
        """
        path = self._draft_file(studio)
        if content is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, json.dumps(content, ensure_ascii=False, indent=1).encode(errors="replace"), mode=0o600)

    def _draft_file(self, studio: str) -> Path:
        return self.home / "drafts" / f"{hashlib.sha256(studio.encode(errors='replace')).hexdigest()[:16]}.json"

    def find_audio(self, request_id: str) -> Path | None:
        """The file of a finished song, if it is here: it has its name only once it is complete."""
        paths = self.songs.glob(f"{request_id}.*")
        return next((path for path in paths if path.suffix not in (".json", ".part")), None)

    def note(self, row: Mapping[str, Any]) -> None:
        """Write what is known of one song beside the songs, if this library is on a network mount."""
        if self.remote:
            path = self.songs / f"{row['request_id']}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, json.dumps(dict(row), ensure_ascii=False, indent=1).encode())

    def notes(self) -> Iterator[dict[str, Any]]:
        """What is beside the songs; a file that cannot be read is skipped."""
        for path in sorted(self.songs.glob("*.json")) if self.remote else []:
            with contextlib.suppress(OSError, ValueError):
                row = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(row, dict) and row.get("request_id") == path.stem:
                    yield row


def locate(home: str | os.PathLike[str] | None = None) -> Library:
    """Find the places of a library.

    Parameters
    ----------
    home : path, optional
        Else the platform's folder for user data.
    """
    folder = Path(home).expanduser().absolute() if home else _user_data()
    if not on_network(folder):
        return Library(folder, folder)
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Library(folder, _local_data() / "databases" / name, remote=True)


def _local_data() -> Path:
    """Where a database can be: a person's own folder may be on the network as well, as on most clusters."""
    own = _user_data()
    if on_network(own):
        with contextlib.suppress(OSError):
            folder = _own_temporary_folder()
            return own if on_network(folder) else folder
    return own


def _own_temporary_folder() -> Path:
    """A folder that nobody else gets into, lost with the computer: what is beside the songs brings it all back.

    Raises
    ------
    PermissionError
        When somebody else made it.
    """
    number = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"minimax_nb-{number}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    others = found.st_mode & 0o077 or found.st_uid != number
    if not stat.S_ISDIR(found.st_mode) or (os.name == "posix" and others):
        raise PermissionError(f"{folder} is somebody else's")
    return folder


def _user_data() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("minimax_nb", appauthor=False))


def on_network(folder: Path) -> bool:
    """Whether a folder is on a network mount, Google Drive in Colab among them."""
    with contextlib.suppress(OSError, RuntimeError):  # a home is often a link to where it really is
        folder = folder.resolve()
    if folder.is_relative_to(COLAB_DRIVE) or str(folder).startswith(("\\\\", "//")):
        return True
    import psutil

    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    # Of two at the same place, the later one covers the earlier: an automounter's, as a rule.
    nearest = max(reversed(mounts), key=lambda part: len(part.mountpoint), default=None)
    return nearest is not None and _is_remote(nearest)


def _is_remote(mount: Any) -> bool:
    options = {option.strip() for option in mount.opts.split(",")}
    kind = mount.fstype.lower()
    # A bare "fuse" says nothing of what is behind it; "fuseblk" is a disk.
    return (
        kind == "fuse"
        or kind.startswith(_NETWORK_TYPES)
        or bool(options & _REMOTE_OPTIONS or _REMOTE_DEVICE.match(mount.device))
    )


@dataclass
class NewFile:
    """A file that is being written.

    Attributes
    ----------
    path : pathlib.Path
        The name that it gets in the end; may be changed until then.
    partial : pathlib.Path
        Where it is until then.
    file : binary file
    """

    path: Path
    partial: Path
    file: BinaryIO

    def write(self, block: bytes) -> None:
        """Write the next bytes of it."""
        self.file.write(block)


@contextlib.contextmanager
def durable_file(path: Path, *, mode: int = 0o666) -> Iterator[NewFile]:
    """Write a file that gets its name only when it is complete and on disk.

    Nothing of it is left when the block raises.

    Parameters
    ----------
    path : pathlib.Path
    mode : int
        Who may read it, from its first byte on, less what the process's umask takes away.
    """
    partial = path.with_name(f".{path.stem}-{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        with open(partial, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            new = NewFile(path, partial, file)
            yield new
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, new.path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_durably(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file completely or not at all; on disk when this returns. See `durable_file`."""
    with durable_file(path, mode=mode) as new:
        new.file.write(content)


def sweep(folder: Path, stem: str = "") -> None:
    """Remove partial files that a killed process left behind.

    Parameters
    ----------
    folder : pathlib.Path
    stem : str
        Remove all of the file with this stem, to which nobody else writes now; of others the ones that are an
        hour old, as nobody writes that slowly.
    """
    for partial in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            own = bool(stem) and partial.name.startswith(f".{stem}-")
            if own or time.time() - partial.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                partial.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the platform can."""
    with contextlib.suppress(OSError):  # Windows cannot open folders, some mounts cannot sync them
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def this_worker() -> str:
    """The name of this thread of this process; another process that gets the same number later has another name."""
    return f"{_this_process(os.getpid())} {threading.get_ident()}"


@functools.lru_cache(maxsize=1)
def _this_process(number: int) -> str:
    import psutil

    return f"{socket.gethostname()} {number} {psutil.Process(number).create_time():.2f}"


def is_alive(worker: str) -> bool:
    """Whether the process of a worker still runs.

    One on another computer cannot be seen from here and counts as alive: its deadline decides.
    """
    import psutil

    try:
        host, number, born, _ = worker.rsplit(" ", 3)
        if host != socket.gethostname():
            return True
        return bool(abs(psutil.Process(int(number)).create_time() - float(born)) < 1)
    except (ValueError, psutil.Error):
        return False
