"""A list that a cell shows as a table and a terminal as columns."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

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
    """

    def __init__(
        self, items: Iterable[T], columns: Mapping[str, Callable[[T], str]], empty: str = "Nothing here yet."
    ) -> None:
        super().__init__(items)
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
            "".join(f'<td style="text-align:left">{html.escape(text)}</td>' for text in row) for row in self._cells()
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
