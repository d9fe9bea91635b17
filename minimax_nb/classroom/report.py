"""Who has spent what, and the end of a class."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..api.keys import KeyClient, KeyInfo
from ..errors import MusicError
from .access import ATTEMPTS, keys_of, open_client, revoke

if TYPE_CHECKING:
    from ipywidgets import HTML


@dataclass(frozen=True)
class StudentStatus:
    """What one student did.

    Attributes
    ----------
    student : str
    spent_usd : float
    limit_usd : float or None
        None where there is no limit.
    asked, made, failed : int
        Songs.
    last : datetime.datetime or None
        When a song was asked for last, in UTC.
    disabled : bool
        Whether the key is switched off.
    """

    student: str
    spent_usd: float
    limit_usd: float | None
    asked: int = 0
    made: int = 0
    failed: int = 0
    last: datetime | None = None
    disabled: bool = False


_TITLES = ("student", "spent", "of", "asked", "made", "failed", "last (UTC)")


@dataclass(frozen=True)
class ClassStatus:
    """What a class did, student by student; a notebook shows it as a table.

    Attributes
    ----------
    name : str
    students : tuple of StudentStatus
        By name.
    closed : bool
        Whether all keys are revoked.
    """

    name: str
    students: tuple[StudentStatus, ...]
    closed: bool = False

    @property
    def spent_usd(self) -> float:
        """What all of them spent."""
        return sum(student.spent_usd for student in self.students)

    @property
    def summary(self) -> str:
        """The class in one sentence."""
        made = sum(student.made for student in self.students)
        state = "all keys are revoked, " if self.closed else ""
        return f"{self.name}: {state}{len(self.students)} students, {made} songs, ${self.spent_usd:.2f} spent."

    def __str__(self) -> str:
        rows = [_TITLES, *map(_cells, self.students)] if self.students else []
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
        return "\n".join([self.summary, *("  ".join(line).rstrip() for line in lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr>{_tagged('td', _cells(student))}</tr>" for student in self.students)
        return f"<p>{html.escape(self.summary)}</p><table><tr>{_tagged('th', _TITLES)}</tr>{rows}</table>"


def _cells(student: StudentStatus) -> tuple[str, ...]:
    name = f"{student.student} (switched off)" if student.disabled else student.student
    limit = "–" if student.limit_usd is None else f"${student.limit_usd:.2f}"
    last = student.last.strftime("%d %b %H:%M") if student.last else "–"
    counts = (str(count) for count in (student.asked, student.made, student.failed))
    return (name, f"${student.spent_usd:.2f}", limit, *counts, last)


def _tagged(tag: str, cells: Iterable[str]) -> str:
    return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)


def status(
    name: str, *, api_key: str | None = None, base_url: str | None = None, rehearse: bool | None = None
) -> ClassStatus:
    """Say who has spent what: songs asked for, made and failed, and when the last one was.

    Parameters
    ----------
    name : str
        Of the class, as it was minted.
    api_key, base_url, rehearse : optional
        As for `mint`.

    Raises
    ------
    ServiceError, Unreachable

    Examples
    --------
    >>> status("7b", rehearse=True)  # doctest: +SKIP
    """
    client = open_client(api_key, base_url, rehearse)
    return status_of(client, name, keys_of(client, name))


def watch(
    name: str,
    *,
    every: float = 15.0,
    api_key: str | None = None,
    base_url: str | None = None,
    rehearse: bool | None = None,
) -> HTML:
    """Show `status` as a table that keeps itself up to date, for a teacher to leave open.

    Parameters
    ----------
    name : str
        Of the class, as it was minted.
    every : float
        Seconds between two readings of the logs.
    api_key, base_url, rehearse : optional
        As for `mint`.

    Returns
    -------
    ipywidgets.HTML
        Its ``close()`` ends it.

    Raises
    ------
    ServiceError, Unreachable
        When the first reading fails; a later failure is shown below the table.

    Examples
    --------
    >>> watch("7b", rehearse=True)  # doctest: +SKIP
    """
    from ipywidgets import HTML

    client = open_client(api_key, base_url, rehearse)
    board = HTML(_board(client, name))
    threading.Thread(
        target=_refresh, args=(board, client, name, every), name="minimax_nb class board", daemon=True
    ).start()
    return board


def _board(client: KeyClient, name: str) -> str:
    return f"{status_of(client, name, keys_of(client, name))._repr_html_()}<small>{datetime.now():%H:%M:%S}</small>"


def _refresh(board: HTML, client: KeyClient, name: str, every: float) -> None:
    """Set the board's text and nothing else, until it is closed."""
    table = board.value
    while True:
        time.sleep(every)
        if board.comm is None:
            return
        try:
            table = board.value = _board(client, name)
        except MusicError as error:
            board.value = f"{table}<p>{html.escape(str(error))}</p>"


def close(
    name: str, *, api_key: str | None = None, base_url: str | None = None, rehearse: bool | None = None
) -> ClassStatus:
    """Revoke all keys of a class and say what it cost; run again, it revokes what is left.

    Parameters
    ----------
    name : str
        Of the class, as it was minted.
    api_key, base_url, rehearse : optional
        As for `mint`.

    Returns
    -------
    ClassStatus
        As it was just before.

    Raises
    ------
    ServiceError, Unreachable
        Some keys may still be open; run it again.

    Examples
    --------
    >>> close("7b", rehearse=True)  # doctest: +SKIP
    """
    client = open_client(api_key, base_url, rehearse)
    keys = keys_of(client, name)
    last = status_of(client, name, keys)
    for _ in range(ATTEMPTS):
        revoke(client, keys)
        keys = keys_of(client, name)
        if not keys:
            return ClassStatus(name, last.students, closed=True)
    raise MusicError(f"{len(keys)} keys of {name} are still open.", do="Close the class again.")


def status_of(client: KeyClient, name: str, keys: Iterable[KeyInfo]) -> ClassStatus:
    """Return what a class did with these keys.

    Raises
    ------
    ServiceError, Unreachable
    """
    students = (status_of_one(client, info) for info in keys)
    return ClassStatus(name, tuple(sorted(students, key=lambda student: student.student.lower())))


def status_of_one(client: KeyClient, info: KeyInfo) -> StudentStatus:
    """Return what a student did with a key.

    Raises
    ------
    ServiceError, Unreachable
    """
    entries = list(client.logs_of(info.prefix))
    made = sum(entry.succeeded for entry in entries)
    return StudentStatus(
        info.name.partition(": ")[2],
        round(sum(entry.cost_usd or 0 for entry in entries), 6),
        info.limit_usd,
        asked=len(entries),
        made=made,
        failed=len(entries) - made,
        last=max((entry.created for entry in entries), default=None),
        disabled=info.disabled,
    )
