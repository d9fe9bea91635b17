"""Where a library lies: its songs, its references, and its database, which must be on a local disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import psutil

_LEFT_BEHIND_SECONDS = 3600.0

COLAB_DRIVE = Path("/content/drive")
_NETWORK_TYPES = ("nfs", "cifs", "smb", "9p", "afs", "afpfs", "webdav", "davfs", "fuse.", "drvfs", "vboxsf")


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
        computer, and a JSON file beside each song lets another computer take it up.
    """

    home: Path
    database: Path
    remote: bool = False

    def note(self, row: Mapping[str, Any]) -> None:
        """Write what is known of one song beside the songs, if this library is on a network mount."""
        if self.remote:
            path = self.home / "songs" / f"{row['request_id']}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, json.dumps(dict(row), ensure_ascii=False, indent=1).encode())

    def notes(self) -> Iterator[dict[str, Any]]:
        """What lies beside the songs; a file that cannot be read is passed over."""
        for path in sorted(self.home.glob("songs/*.json")) if self.remote else []:
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
    local = Path(platformdirs.user_data_dir("minimax_nb", appauthor=False))
    folder = Path(home).expanduser().absolute() if home else local
    if not on_network(folder):
        return Library(folder, folder)
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Library(folder, local / "databases" / name, remote=True)


def on_network(folder: Path) -> bool:
    """Whether a folder is on a network mount, Google Drive in Colab among them."""
    if folder.is_relative_to(COLAB_DRIVE) or str(folder).startswith(("\\\\", "//")):
        return True
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    nearest = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return nearest is not None and (nearest.fstype.lower().startswith(_NETWORK_TYPES) or "remote" in nearest.opts)


def write_durably(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file whole or not at all; on disk when this returns.

    Parameters
    ----------
    path : pathlib.Path
    content : bytes
    mode : int
        Who may read it, from its first byte on, less what the process's umask takes away.
    """
    partial = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        with open(partial, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove the halves of files that a process which was killed left behind; nobody writes that slowly."""
    for partial in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                partial.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the platform can."""
    with contextlib.suppress(OSError):  # Windows cannot open folders, some mounts cannot sync them
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
