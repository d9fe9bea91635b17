"""The day before: everything that a lesson needs, tried, on one page to print."""

from __future__ import annotations

import html
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ..diagnosis import Finding, Report, State, examine
from ..errors import LibraryError, MusicError
from ..session import Session
from .report import status

SLOW_SECONDS = 30.0

_WORDS = "Testing, testing, one, two, three"
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Ready for the lesson?</title><style>
body {{ font: 11pt sans-serif; margin: 1.5cm; color: #000; background: #fff }} table {{ border-collapse: collapse }}
th, td {{ padding: 2mm; border: 1px solid #777; text-align: left; vertical-align: top; overflow-wrap: anywhere }}
</style></head><body><h1>Ready for the lesson?</h1><p><strong>{summary}</strong> {when}</p>
<table><tr><th>what</th><th>how it is</th><th>found</th><th>to do</th></tr>{rows}</table></body></html>
"""


def check(
    page: str | os.PathLike[str] | None = "check.html", *, class_name: str = "", rehearse: bool | None = None
) -> Report:
    """Try everything that a lesson needs: versions, key, room, network, and a song from beginning to end. Free.

    Parameters
    ----------
    page : path or None
        Where the page to print is written; it has no key in it, at most the last 4 characters of one.
    class_name : str
        Of a class whose keys are looked at as well, as it was minted.
    rehearse : bool, optional
        As for `mint`: where these keys are.

    Returns
    -------
    Report
        Which a cell shows as text.

    Raises
    ------
    LibraryError
        When the page cannot be written.

    Examples
    --------
    >>> check()  # doctest: +SKIP
    ok    Python      3.13.1, Linux-6.8, /usr/bin/python3
    ...
    Ready to rehearse.
    """
    keys = [_keys(class_name, rehearse)] if class_name else []
    report = Report([*examine(), *keys, _song()])
    if page is not None:
        path = Path(page).expanduser()
        try:
            path.write_text(_html(report), encoding="utf-8")
        except OSError as error:
            raise LibraryError(f"{path} cannot be written: {error.strerror}.", do="Give another path.") from None
    return report


def _keys(name: str, rehearse: bool | None) -> Finding:
    try:
        students = status(name, rehearse=rehearse).students
    except MusicError as error:
        return Finding("Class", State.NOTE, error.what, error.do)
    if not students:
        return Finding("Class", State.NOTE, f"{name} has no keys", "mint(...) makes them.")
    caps = sum(student.limit_usd or 0 for student in students)
    return Finding("Class", State.OK, f"{name} has {len(students)} keys, for up to ${caps:.2f} in all")


def _song() -> Finding:
    """A song by the band, from its reference to its file."""
    from ..rehearsal.band.performance import play_sample

    session, began = Session(rehearse=True), time.monotonic()
    try:
        with TemporaryDirectory() as folder:
            song = session.generate(_WORDS, play_sample(Path(folder) / "reference.mp3"))
    except MusicError as error:
        return Finding("Song", State.WRONG, error.what, error.do)
    seconds = time.monotonic() - began
    where = session.settings.service().name.partition(", ")[2]
    made = f"made {where} in {seconds:.0f} s, {song.duration:.0f} s long"
    if seconds > SLOW_SECONDS:
        return Finding("Song", State.NOTE, made, "Everything works; plan more time for each song.")
    return Finding("Song", State.OK, made)


def _html(report: Report) -> str:
    rows = "".join(map("".join, map(_cells, report)))
    when = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    return _PAGE.format(summary=html.escape(report.summary), when=when, rows=rows)


def _cells(finding: Finding) -> Iterator[str]:
    yield "<tr>"
    for text in (finding.about, finding.state, finding.what, finding.do):
        yield f"<td>{html.escape(str(text))}</td>"
    yield "</tr>"
