"""What a song can be requested with on one line of text: the options that `%%song` and the command line share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from . import catalogue
from .errors import InvalidInput

REFERENCE = "a wav or mp3 file longer than 15 s, or a link to one"

_OF_THE_BAND = ("tempo", "key", "language", "seed")


def add_song_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what song is wanted, and from whom."""
    parser.add_argument(
        "--model", default=catalogue.DEFAULT_MODEL, help=f"which model makes it (default: {catalogue.DEFAULT_MODEL})"
    )
    parser.add_argument("--unaccompanied", action="store_true", help="the voice alone, no instruments")
    parser.add_argument(
        "--rehearse", action="store_true", help="use the free band on this computer, even if there is a key"
    )
    parser.add_argument("--tempo", type=float, help="rehearsal only: beats per minute, such as 92")
    parser.add_argument("--key", help='rehearsal only: such as "A minor"')
    parser.add_argument("--language", help='rehearsal only: the language of the words, such as "en"')
    parser.add_argument("--seed", type=int, help="rehearsal only: the same seed, the same song")


def song_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `Session.submit` takes besides lyrics and reference."""
    given = {name: getattr(options, name) for name in _OF_THE_BAND if getattr(options, name) is not None}
    return {"model": options.model, "accompaniment": not options.unaccompanied, **given}


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Add how long to wait."""
    parser.add_argument("--timeout", type=float, default=600, help="seconds to wait (default: 600)")


def check_folder(output: Path | None) -> None:
    """Find out that a song could not be saved there before it is requested.

    Raises
    ------
    InvalidInput
    """
    if output is not None and not output.expanduser().parent.is_dir():
        raise InvalidInput(f"There is no folder {output.parent} to save the song in.", do="Choose another with -o.")
