"""A class: a key for each student with a cap of its own, who has spent what, the end of all keys, and the songs.

The service knows a class by the names of its keys, ``<class>: <student>``. Nothing else of it is kept anywhere but
the two files that `mint` writes where the teacher says: a list of the keys, and the same as strips of paper to hand
out. Everything here can be run again at any time: `mint` keeps what is there and adds what is missing, `close`
revokes what is left. `gallery` has what the students handed in.
"""

from __future__ import annotations

from .listening import Gallery, GallerySong, clear_gallery, gallery
from .minting import mint
from .readiness import check
from .report import ClassStatus, StudentStatus, close, status, watch
from .sheet import NOTEBOOK, Seat, Sheet

__all__ = [
    "NOTEBOOK",
    "ClassStatus",
    "Gallery",
    "GallerySong",
    "Seat",
    "Sheet",
    "StudentStatus",
    "check",
    "clear_gallery",
    "close",
    "gallery",
    "mint",
    "status",
    "watch",
]
