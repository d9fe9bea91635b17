"""Keys for a class: one for each student with a cap of its own, who has spent what, and the end of all of them.

The service knows a class by the names of its keys, ``<class>: <student>``. Nothing else of it is kept anywhere but
the two files that `mint` writes where the teacher says: a list of the keys, and the same as strips of paper to hand
out. Everything here can be run again at any time: `mint` keeps what is there and adds what is missing, `close`
revokes what is left.
"""

from __future__ import annotations

from .minting import mint
from .report import ClassStatus, StudentStatus, close, status, watch
from .sheet import NOTEBOOK, Seat, Sheet

__all__ = ["NOTEBOOK", "ClassStatus", "Seat", "Sheet", "StudentStatus", "close", "mint", "status", "watch"]
