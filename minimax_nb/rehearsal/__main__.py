"""`python -m minimax_nb.rehearsal`: the service of a home, as a process of its own."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import MusicError
from .launcher import IDLE_SECONDS, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service and return its exit status; a second one for the same home ends quietly with 0."""
    parser = argparse.ArgumentParser(prog="python -m minimax_nb.rehearsal", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the library's folder")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, metavar="SECONDS", help="end after so long")
    parser.add_argument("--fault", action="append", default=[], metavar="JSON", help="a fault rule")
    parser.add_argument("--price", type=float, default=0.0, metavar="USD", help="play money for each song")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        serve(given.home, given.port, idle=given.idle, faults=given.fault, price=given.price)
    except MusicError as problem:
        # Whoever started this process adds whether money was spent and what to do.
        print(problem.what, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
