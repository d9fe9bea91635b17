"""A list that a cell shows as a table and a terminal as columns."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ..catalogue import Model, Offer
from ..song import Song
from .progress import clock

T = TypeVar("T")


class Table(list[T]):
    """A list whose items are shown as rows.

    Parameters
    ----------
    items : iterable
    columns : mapping of str to callable
        The headings, and what gives the text of an item in each column.
    empty : str
        What is shown in place of a table without rows.
    folded : str
        The column whose texts a cell shows behind a click only; empty for none.
    """

    def __init__(
        self,
        items: Iterable[T],
        columns: Mapping[str, Callable[[T], str]],
        empty: str = "Nothing here yet.",
        *,
        folded: str = "",
    ) -> None:
        super().__init__(items)
        self._folded = folded
        self._columns = columns
        self._empty = empty

    def __reduce__(self) -> tuple[type[list[T]], tuple[list[T]]]:
        return list, (list(self),)  # what a column shows is code, which does not travel

    def _cells(self) -> list[list[str]]:
        return [[text(item) for text in self._columns.values()] for item in self]

    def __repr__(self) -> str:
        if not self:
            return self._empty
        rows = [list(self._columns), *self._cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{html.escape(self._empty)}</p>"
        head = "".join(f'<th style="text-align:left">{html.escape(name)}</th>' for name in self._columns)
        rows = (
            "".join(
                f'<td style="text-align:left">{self._shown(name, text)}</td>'
                for name, text in zip(self._columns, row, strict=True)
            )
            for row in self._cells()
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _shown(self, name: str, text: str) -> str:
        text = html.escape(text)
        return f"<details><summary>show</summary>{text}</details>" if text and name == self._folded else text


def models_table(offers: Iterable[Offer]) -> Table[Offer]:
    """Show models with what each takes, what comes out, and the price where it is known."""
    offers = list(offers)
    columns: dict[str, Callable[[Offer], str]] = {"model": lambda offer: offer.name}
    for name in ("lyrics", "style", "reference"):
        columns[name] = lambda offer, name=name: _needs(offer, name)  # type: ignore[misc]
    columns["length"] = lambda offer: _length(offer.model) if offer.model else ""
    columns["file"] = lambda offer: ", ".join(offer.model.formats) if offer.model else ""
    columns["also"] = lambda offer: _others(offer.model) if offer.model else offer.note
    if any(offer.served is not None for offer in offers):
        columns["price"] = lambda offer: "" if offer.price_usd is None else f"${offer.price_usd:.3f}"
        columns["today"] = lambda offer: offer.note or "served"
    return Table(offers, columns)


def _needs(offer: Offer, name: str) -> str:
    if offer.model is None:
        return ""
    if name == "reference" and offer.model.reference:
        return f"needed, longer than {offer.model.reference.longer_than:g} s"
    return offer.model.needs(name)


def _length(model: Model) -> str:
    return "" if math.isinf(model.most_seconds) else f"up to {clock(model.most_seconds)}"


def _others(model: Model) -> str:
    return ", ".join(name for name in model.options if name not in ("lyrics", "style"))


def songs_table(songs: Iterable[Song]) -> Table[Song]:
    """Show songs with title, status, length, who made them, cost and when."""
    columns: dict[str, Callable[[Song], str]] = {
        "title": lambda song: f"{'★ ' * song.starred}{song.title}",
        "status": lambda song: str(song.status),
        "length": lambda song: clock(song.duration) if song.duration else "",
        "made by": lambda song: song.made_by,
        "cost": lambda song: song.cost,
        "when": lambda song: f"{song.created.astimezone():%Y-%m-%d %H:%M}",
        "id": lambda song: song.id,
    }
    songs = list(songs)
    if any(song.note for song in songs):
        columns["note"] = lambda song: " ".join(song.note.split())
    return Table(songs, columns, "No songs yet.", folded="id")
