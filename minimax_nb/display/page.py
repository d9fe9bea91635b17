"""Songs as a page to hand in or to put on a web server: a folder with the files and one ``index.html``."""

from __future__ import annotations

import contextlib
import html
import re
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..audio.timeline import Line, Timeline
from ..errors import InvalidInput, LibraryError
from ..lyrics import clean
from ..song import Song
from .progress import clock

_LONGEST = 60
# Nothing but the files beside the page is loaded, and nothing is sent, whoever opens it wherever.
_POLICY = (
    "default-src 'none'; media-src 'self' file:; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Entry:
    """One song of a page.

    Attributes
    ----------
    title : str
    path : pathlib.Path
        Its file, which is copied.
    by : str
        Whose song it is.
    facts, note : str
        What else is said about it.
    lyrics : str
        As written.
    timeline : Timeline or None
        When what is sung; the words light up then.
    """

    title: str
    path: Path
    by: str = ""
    facts: str = ""
    note: str = ""
    lyrics: str = ""
    timeline: Timeline | None = None


def entry_of(song: Song, *, by: str = "", note: bool = False) -> Entry:
    """A finished song as an entry, without ids, cost and seed.

    Raises
    ------
    MusicError
        When it is not completed yet.
    LibraryError
        When its file is gone.
    """
    length = clock(song.duration) if song.duration else ""
    day = f"{song.created.astimezone():%Y-%m-%d}"
    return Entry(
        song.title,
        song.existing_file(),
        by,
        " · ".join(filter(None, (length, song.made_by, day))),
        song.note if note else "",
        song.request.lyrics if song.request else "",
        song.timeline,
    )


def export(entries: Sequence[Entry], folder: Path, *, title: str = "Songs", overwrite: bool = False) -> Path:
    """Write the page and the files.

    Parameters
    ----------
    entries : sequence of Entry
        In the order in which they are shown.
    folder : pathlib.Path
        Is made where it is not there. What else lies in it stays.
    title : str
        Of the page.
    overwrite : bool
        Whether files of the same names may be replaced.

    Returns
    -------
    pathlib.Path
        The page, ``index.html``. It needs no network and no server.

    Raises
    ------
    InvalidInput
        When there is nothing to write.
    LibraryError
        When it cannot be written, or something of these names is there; then nothing has changed.
    """
    if not entries:
        raise InvalidInput("There is no song to export.", do="Give a song a star, or say which ones.")
    names = [_file_name(number, entry) for number, entry in enumerate(entries, 1)]
    page = folder / "index.html"
    targets = [*(folder / name for name in names), page]
    there = [target.name for target in targets if target.exists()]
    if there and not overwrite:
        raise LibraryError(
            f"{there[0]} is in {folder} already, and nothing was written.",
            do="Choose another folder, or say overwrite=True.",
        )
    content = page_html(entries, names, title)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for entry, target in zip(entries, targets, strict=False):
            shutil.copyfile(entry.path, target)
        page.write_text(content, encoding="utf-8")
    except OSError as error:
        for target in () if there else targets:
            with contextlib.suppress(OSError):
                target.unlink(missing_ok=True)
        why = error.strerror or str(error)
        raise LibraryError(f"The page cannot be written to {folder}: {why}.", do="Choose another place.") from None
    return page


def page_html(entries: Sequence[Entry], names: Sequence[str], title: str) -> str:
    """The page itself; `names` are those of the files beside it."""
    style, script = (Path(__file__).with_name(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    songs = "\n".join(_article(entry, name) for entry, name in zip(entries, names, strict=True))
    many = "One song" if len(entries) == 1 else f"{len(entries)} songs"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{html.escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1 dir="auto">{html.escape(title)}</h1>
<p>{many}</p>
<button type="button" id="all" hidden>Play all</button>
</header>
<main>
{songs}
</main>
<script>
{script}</script>
</body>
</html>
"""


def _article(entry: Entry, name: str) -> str:
    title = html.escape(entry.title)
    parts = [
        f'<h2 dir="auto">{title}</h2>',
        _said("by", entry.by),
        _said("facts", entry.facts),
        f'<audio controls preload="metadata" src="{name}" aria-label="{title}"></audio>',
        _said("note", entry.note),
        _words(entry, title),
    ]
    return "<article>\n{}\n</article>".format("\n".join(filter(None, parts)))


def _said(kind: str, text: str) -> str:
    return f'<p class="{kind}" dir="auto">{html.escape(text)}</p>' if text else ""


def _words(entry: Entry, title: str) -> str:
    timed = entry.timeline.lines if entry.timeline else ()
    lines = [_timed(line) for line in timed] or [_plain(line) for line in clean(entry.lyrics).strip().splitlines()]
    if not lines:
        return ""
    language = f' lang="{html.escape(entry.timeline.language)}"' if timed and entry.timeline else ""
    # It scrolls where it is long, so that the keyboard has to reach it.
    about = f'role="group" tabindex="0" aria-label="Lyrics of {title}"{language}'
    return f'<div class="words" {about}>{chr(10).join(lines)}</div>'


def _timed(line: Line) -> str:
    spans = "".join(
        f'<span data-start="{each.start:.2f}" data-end="{each.end:.2f}">{html.escape(each.text.rstrip())}</span>'
        f"{each.text[len(each.text.rstrip()) :]}"
        for each in line.syllables
    )
    return f'<p dir="auto"{" class=pause" * line.after_pause}>{spans}</p>'


def _plain(line: str) -> str:
    return f'<p dir="auto">{html.escape(line.strip()) or "&nbsp;"}</p>'


def _file_name(number: int, entry: Entry) -> str:
    """A name that every file system and every web server takes."""
    letters = unicodedata.normalize("NFKD", entry.title.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", letters.replace("'", ""))[:_LONGEST].strip("-")
    return f"{number:02d}-{words or 'song'}{entry.path.suffix}"
