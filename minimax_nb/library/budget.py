"""How much may be spent from one library, checked in the transaction that writes a song down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import BudgetExceeded

if TYPE_CHECKING:
    import sqlite3

PERIOD = timedelta(hours=24)
"""A budget counts the songs of this time, by whichever kernel they were submitted."""


@dataclass(frozen=True)
class Spending:
    """What was spent in `PERIOD`: a song whose cost the service has not said counts with its price."""

    usd: float
    songs: int


@dataclass(frozen=True)
class Budget:
    """How much may be spent in `PERIOD`; None: no limit."""

    usd: float | None = None
    songs: int | None = None

    def check(self, connection: sqlite3.Connection, price: float) -> None:
        """Refuse a song that would go beyond it.

        Parameters
        ----------
        connection : sqlite3.Connection
            Inside the transaction that adds the song.
        price : float
            In US dollars.

        Raises
        ------
        BudgetExceeded
        """
        spent = read_spending(connection)
        if self.songs is not None and spent.songs + 1 > self.songs:
            raise BudgetExceeded(f"The budget is {self.songs} songs in 24 hours, and {spent.songs} were submitted.")
        # A thousandth of a cent is the error of adding prices, and no money.
        if self.usd is not None and spent.usd + price > self.usd + 1e-5:
            raise BudgetExceeded(
                f"The budget is ${self.usd:.2f} in 24 hours, ${spent.usd:.3f} is spent, a song costs ${price:.3f}."
            )


def read_spending(connection: sqlite3.Connection) -> Spending:
    """Add up what the songs of the last 24 hours cost; rejected and failed ones are free."""
    since = (datetime.now(UTC) - PERIOD).isoformat()
    usd, songs = connection.execute(
        "SELECT COALESCE(SUM(COALESCE(cost_usd, price_usd, 0)), 0), COUNT(*) FROM songs "
        "WHERE rehearsal = 0 AND created > ? AND status NOT IN ('refused', 'failed')",
        [since],
    ).fetchone()
    return Spending(float(usd), int(songs))
