"""A file in cloud storage, behind a signed link: S3, Google Cloud, Azure, or what else fsspec can sign for."""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from ..api.transport import bounded
from ..errors import InvalidOption, MusicError, Unreachable, install
from ..library.storage import is_alive, this_worker

LINK_SECONDS = 3600
"""How long the signed link is good for."""

PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
}

_NOTE = ".shared.json"


class Bucket:
    """Puts the file under a name that cannot be guessed, signs a link of one hour, and deletes the object afterwards.

    Credentials come from where the storage's own tools find them; none is kept or shown. Before the object is
    written, a note of it is put beside the file. What a process that broke off left behind, or could not delete, is
    deleted by `sweep`, which `Session.recover` calls; until then it is private, and its link is dead after the hour.

    Parameters
    ----------
    target : str
        Such as ``s3://bucket/prefix``.

    Raises
    ------
    InvalidOption
        When it is not such an address; nothing is contacted.
    """

    ends = True

    def __init__(self, target: str) -> None:
        scheme, _, place = target.partition("://")
        if not re.fullmatch(r"[a-z][a-z0-9+]*", scheme) or not place or re.search(r"[\s?#]|:[^/]*@", place):
            raise InvalidOption(
                "reference_host is not the address of a cloud storage.",
                do='Give one like "s3://bucket/folder"; keys belong where the storage\'s own tools look for them.',
            )
        self.target = target.rstrip("/")

    @property
    def name(self) -> str:
        """The address that was given."""
        return self.target

    @contextmanager
    def share(self, file: Path) -> Iterator[str]:
        """A signed link to the file.

        Raises
        ------
        InvalidOption
            When the package for this storage is missing, or it cannot sign links.
        Unreachable
            When the storage does not take the file.
        """
        uri = f"{self.target}/minimax_nb-{secrets.token_urlsafe(16)}{file.suffix}"
        storage, key = _storage(uri)
        note = file.with_name(f".{uri.rpartition('/')[2]}{_NOTE}")
        _write(note, uri, this_worker())
        try:
            yield self._signed(storage, key, file)
        finally:
            _remove(storage, key, note, uri)

    def _signed(self, storage: Any, key: str, file: Path) -> str:
        try:
            storage.put_file(str(file), key)
            return str(storage.sign(key, expiration=LINK_SECONDS))
        except NotImplementedError:
            raise InvalidOption(f"{self.target} cannot sign links to its files.", do="Choose another.") from None
        except Exception as error:  # each storage has a tree of errors of its own
            raise Unreachable(
                f"The reference could not be uploaded to {self.target}: {_why(error)}.",
                do="Check the address and its credentials, or choose another reference_host.",
            ) from None


def sweep(folder: Path) -> list[str]:
    """Delete what earlier processes left behind in storages.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files lie that were shared.

    Returns
    -------
    list of str
        The objects that are still there.
    """
    left = []
    for note in folder.glob(f".*{_NOTE}"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            said = json.loads(note.read_text(encoding="utf-8"))
            young = time.time() - note.stat().st_mtime < LINK_SECONDS
            if young and is_alive(said["worker"]):
                continue
            with contextlib.suppress(MusicError):
                _remove(*_storage(said["uri"]), note, said["uri"])
            if note.exists():
                left.append(said["uri"])
    return left


def is_available(target: str) -> bool:
    """Whether the packages for a storage are here."""
    scheme = target.partition("://")[0]
    return all(importlib.util.find_spec(name) for name in ("fsspec", PACKAGES.get(scheme, "fsspec")))


def _storage(uri: str) -> tuple[Any, str]:
    """The storage of an object, and the object's name in it; no connection is made yet."""
    scheme = uri.partition("://")[0]
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(uri, skip_instance_cache=True)  # type: ignore[no-any-return]
    except ImportError:
        raise InvalidOption(f"{scheme}:// needs a package that is missing.", do=install_advice(scheme)) from None
    except Exception as error:
        raise InvalidOption(f"{scheme}:// cannot be used: {_why(error)}.", do="Choose another.") from None


def install_advice(scheme: str) -> str:
    """What to install: the release that belongs to an fsspec that is here already, as in Colab."""
    package = PACKAGES.get(scheme, "fsspec")
    try:
        return f'pip install "{package}=={metadata.version("fsspec")}"'
    except metadata.PackageNotFoundError:
        return install("hosts") if package == "s3fs" else f"pip install {package}"


def _write(note: Path, uri: str, worker: str) -> None:
    note.write_text(json.dumps({"uri": uri, "worker": worker}), encoding="utf-8")


def _remove(storage: Any, key: str, note: Path, uri: str) -> None:
    """Delete the object, then the note of it; where that fails, the note stays and says that nobody is at it."""
    try:
        with contextlib.suppress(FileNotFoundError):
            storage.rm_file(key)
        note.unlink(missing_ok=True)
    except Exception:  # each storage has a tree of errors of its own; `sweep` comes back to it
        with contextlib.suppress(OSError):
            _write(note, uri, "")


def _why(error: Exception) -> str:
    """What a storage says, without the query of an address, which may be a signature."""
    return bounded(re.sub(r"\?\S+", "?…", f"{type(error).__name__}: {error}")).rstrip(".")
