"""The keys on paper: a list for the computer, and strips to cut and hand out."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import LibraryError, Spent, install
from ..library.storage import write_durably
from ..settings import DEFAULT_BASE_URL

NOTEBOOK = "https://colab.research.google.com/github/minimax-nb/minimax_nb/blob/main/notebooks/01_first_song.ipynb"
"""Where the strips lead to, unless another link is given."""


@dataclass(frozen=True)
class Seat:
    """One student and their key.

    Attributes
    ----------
    student : str
    key : str
        Not shown by `repr`.
    """

    student: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Sheet:
    """The keys of a class, on disk.

    Attributes
    ----------
    name : str
        Of the class.
    seats : tuple of Seat
    usd_each : float
        What each may spend.
    minted : int
        How many are new.
    csv, html : pathlib.Path
        The list, and the strips to print.
    """

    name: str
    seats: tuple[Seat, ...]
    usd_each: float
    minted: int
    csv: Path
    html: Path

    def __str__(self) -> str:
        return (
            f"{self.name}: {len(self.seats)} keys for up to ${self.usd_each:.2f} each, {self.minted} of them new.\n"
            f"To print: {self.html}\nAs a list: {self.csv}\n"
            "Both files hold the keys: whoever has one can spend what is on it. Delete them after the lesson."
        )

    __repr__ = __str__


class KeyFiles:
    """The two files of a class, which only their owner may read."""

    def __init__(self, folder: Path, name: str, base_url: str) -> None:
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "class"
        self.name = name
        self.list = folder / f"keys-{stem}.csv"
        self.strips = folder / f"keys-{stem}.html"
        self._base_url = "" if base_url == DEFAULT_BASE_URL else base_url
        with told(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def read(self) -> dict[str, str]:
        """The keys by student; empty where there is no list yet."""
        with told(self.list):
            text = self.list.read_text(encoding="utf-8-sig") if self.list.exists() else ""
        rows = csv.DictReader(io.StringIO(text))
        return {row["student"]: row["key"] for row in rows if row.get("student") and row.get("key")}

    def write(self, keys: Mapping[str, str]) -> None:
        """Write the list, completely or not at all."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows([("student", "key", "address"), *((*row, self._base_url) for row in keys.items())])
        with told(self.list):
            write_durably(self.list, text.getvalue().encode("utf-8-sig"), mode=0o600)

    def print(self, seats: Iterable[Seat], usd_each: float, notebook: str) -> None:
        """Write the strips."""
        code = _qr_code(notebook)
        strips = "".join(self._strip(seat, usd_each, notebook, code) for seat in seats)
        page = _PAGE.format(title=html.escape(f"Keys for {self.name}"), strips=strips)
        with told(self.strips):
            write_durably(self.strips, page.encode(), mode=0o600)

    def _strip(self, seat: Seat, usd_each: float, notebook: str, code: str) -> str:
        address = f"<br>MINIMAX_NB_BASE_URL={html.escape(self._base_url)}" if self._base_url else ""
        return _STRIP.format(
            student=html.escape(seat.student),
            key=html.escape(seat.key),
            address=address,
            usd=f"{usd_each:.2f}",
            link=html.escape(notebook),
            code=code,
        )


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 12pt sans-serif; margin: 1cm }}
section {{ display: flex; align-items: center; gap: 1cm; border-bottom: 1px dashed #555; padding: 5mm 0;
  break-inside: avoid }}
section div {{ flex: 1 }} code {{ font-size: 11pt; overflow-wrap: anywhere }} svg {{ width: 24mm; height: 24mm }}
</style></head><body>{strips}</body></html>
"""
_STRIP = """<section><div><strong>{student}</strong><br>Your key, for up to ${usd}: <code>{key}</code>{address}<br>
Open <code>{link}</code> and paste the key where it asks for one. Show it to nobody.</div>{code}</section>
"""


def _qr_code(link: str) -> str:
    try:
        import segno
    except ImportError:
        return f"<small>With a QR code here: {html.escape(install('classroom'))}</small>"
    return str(segno.make(link, micro=False).svg_inline(border=2, omitsize=True))


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Say it in our words when a file cannot be used."""
    try:
        yield
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is not a list of keys"
        raise LibraryError(
            f"{path} cannot be used: {reason}.", spent=Spent.NO, do="Give another folder, then run it again."
        ) from None
