"""The last ten minutes: all songs of a class on one page, played one after the other, with stars, blind if wished."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..api.download import download
from ..api.key import Key
from ..api.timeouts import Timeouts
from ..api.transport import NoResponse, Transport
from ..audio.tags import Tags, read_tags
from ..display import page
from ..errors import InvalidInput, LibraryError, Refused, Unreachable
from .access import room_of_teacher

MOST_STARS = 5
_PATIENCE = 20.0
_START = 1 << 20  # bytes; where the tags are


@dataclass(frozen=True)
class GallerySong:
    """One song of a gallery.

    Attributes
    ----------
    name : str
        Whose it is.
    title, words : str
    path : pathlib.Path
        The mp3.
    """

    name: str
    title: str
    words: str
    path: Path


class Gallery:
    """The songs of a class; a cell shows them on one page.

    Parameters
    ----------
    songs : iterable of GallerySong
    blind : bool
        Whether names are hidden, here and in what is exported, until somebody shows them.
    keep : object
        Lives as long as this: the folder in which the songs lie.

    Attributes
    ----------
    songs : tuple of GallerySong
    blind : bool
    stars : dict of int to int
        How many stars the class gave, by the number of the song.
    """

    def __init__(self, songs: Iterable[GallerySong], *, blind: bool = False, keep: object = None) -> None:
        self.songs = tuple(songs)
        self.blind = blind
        self.stars: dict[int, int] = {}
        self._keep = keep

    def export(self, folder: str | os.PathLike[str], *, title: str = "Our songs", overwrite: bool = False) -> Path:
        """Write all songs and a page that plays them, which needs no network.

        Parameters
        ----------
        folder : path
            Is made where it is not there.
        title : str
            Of the page.
        overwrite : bool
            Whether files of the same names may be replaced.

        Returns
        -------
        pathlib.Path
            The page, ``index.html``.

        Raises
        ------
        InvalidInput
            When nothing was handed in.
        LibraryError
            When it cannot be written.

        Examples
        --------
        >>> gallery().export("songs of 7b")  # doctest: +SKIP
        PosixPath('songs of 7b/index.html')
        """
        entries = [self._entry(number, song) for number, song in enumerate(self.songs)]
        return page.export(entries, Path(folder).expanduser(), title=title, overwrite=overwrite)

    def _entry(self, number: int, song: GallerySong) -> page.Entry:
        stars = "★" * self.stars.get(number, 0)
        name = "" if self.blind else song.name
        return page.Entry(song.title, song.path, by=name, facts=stars, lyrics=song.words)

    def __repr__(self) -> str:
        rows = (f"{song.title}{'' if self.blind else f', by {song.name}'}" for song in self.songs)
        many = "One song" if len(self.songs) == 1 else f"{len(self.songs)} songs"
        return "\n".join([f"{many} handed in.", *rows])

    def _ipython_display_(self) -> None:
        from ..studio.gallery import show

        show(self)


def gallery(folder: str | os.PathLike[str] | None = None, *, blind: bool = False) -> Gallery:
    """Show what the class has handed in: in the room, or as files in a folder.

    Parameters
    ----------
    folder : path, optional
        With the files that `Song.hand_in` wrote where there was no room; else the room.
    blind : bool
        Whether names are hidden until you show them.

    Returns
    -------
    Gallery
        Which a cell shows as a page: play one song or all, give stars.

    Raises
    ------
    InvalidInput
        When there is neither a room nor a folder.
    Refused
        When this person is not the teacher.
    Unreachable, DownloadFailed, LibraryError

    Examples
    --------
    >>> from minimax_nb import classroom
    >>> classroom.gallery(blind=True)  # doctest: +SKIP
    """
    if folder is not None:
        return Gallery(_in_folder(Path(folder).expanduser()), blind=blind)
    base_url, key = room_of_teacher()
    place = TemporaryDirectory(prefix="minimax-nb-gallery-")
    return Gallery(_fetched(base_url, key, Path(place.name)), blind=blind, keep=place)


def clear_gallery() -> int:
    """Delete all that was handed in to the room; what was exported stays.

    Returns
    -------
    int
        How many songs there were.

    Raises
    ------
    InvalidInput, Refused, Unreachable

    Examples
    --------
    >>> clear_gallery()  # doctest: +SKIP
    12
    """
    base_url, key = room_of_teacher()
    return int(
        _answer(Transport(base_url, key, Timeouts()).delete("/rehearsal/gallery", patience=_PATIENCE))["deleted"]
    )


def _fetched(base_url: str, key: Key, place: Path) -> Iterator[GallerySong]:
    rows = _answer(Transport(base_url, key, Timeouts()).get("/rehearsal/gallery", {}, patience=_PATIENCE))["data"]
    for number, row in enumerate(rows):
        path = place / f"{number}.mp3"
        path.write_bytes(b"".join(download(row["url"], hide=key.hide, timeouts=Timeouts())))
        yield _read(path, by=row["by"])


def _answer(outcome: Any) -> Mapping[str, Any]:
    if isinstance(outcome, NoResponse):
        raise Unreachable(f"The room does not answer ({outcome.why}).", do="Is `minimax-nb room` still running?")
    if outcome.status != 200:
        raise Refused(
            f"The room shows its gallery to the teacher alone (HTTP {outcome.status}).",
            do="Run this in the account that opened the room; on JupyterHub, MINIMAX_NB_TEACHERS names the teachers.",
        )
    fields: Mapping[str, Any] = outcome.fields
    return fields


def _in_folder(folder: Path) -> list[GallerySong]:
    if not folder.is_dir():
        raise InvalidInput(
            f"There is no folder {folder}.", do="Put the files of the class into one, and give its path."
        )
    return [_read(path) for path in sorted(folder.glob("*.mp3"), key=lambda path: path.name.casefold())]


def _read(path: Path, by: str = "") -> GallerySong:
    try:
        with path.open("rb") as file:
            tags: Tags = read_tags(file.read(_START))
    except OSError as error:
        raise LibraryError(f"{path} cannot be read: {error.strerror}.") from None
    return GallerySong(tags.name or by or path.stem, tags.title or path.stem, tags.words, path)
