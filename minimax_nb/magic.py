"""``%%song``: a cell whose body is the lyrics, and ``%song``: the last one, after ``%load_ext minimax_nb``."""

from __future__ import annotations

import argparse
import keyword
import os
from pathlib import Path
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import MagicArgumentParser
from IPython.utils.process import arg_split  # type: ignore[attr-defined]

from . import catalogue
from .errors import InvalidInput, MusicError
from .options import REFERENCE, add_song_options, add_timeout, check_folder, song_options, unrecognized
from .session import Session, default_session
from .song import Song

_EXAMPLE = """\
example:
  %%song reference.mp3 --name my_song -o my_song.mp3
  Side by side, through thick and thin,

  With a laugh, we always win.

{name} on that line stands for what is in the variable, "{name}" for a path with spaces in it.
Afterwards the song is in the variable my_song; %song shows the last song, or waits for it.
"""


class _Helped(Exception):
    """The help was requested and shown."""


class _Parser(MagicArgumentParser):
    """IPython's parser for magics, with ``--help`` and a reminder of the usage in each error."""

    def __init__(self, prog: str, description: str, epilog: str) -> None:
        super().__init__(prog, None, description, epilog, None, argparse.RawDescriptionHelpFormatter, add_help=True)
        self.allow_abbrev = False

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage()}%song --help says more.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _Helped  # never the process, which is the kernel


@magics_class
class SongMagics(Magics):
    """The magics of this package; the song of a cell lands in a variable of the notebook."""

    shell: Any

    @line_cell_magic
    def song(self, line: str, cell: str | None = None) -> Song | None:
        """Make a song from the lyrics below; as a line, show the last song or wait for it.

        Such as ``%%song reference.mp3 --name my_song``; ``%song --help`` lists the options.
        """
        try:
            return self._last(line) if cell is None else self._new(line, cell)
        except _Helped:
            return None
        except MusicError as error:
            # The way it took through IPython and this package is of no use to whoever wrote lyrics.
            words = [f"{type(error).__name__}: {error}"]
            vars(error)["_render_traceback_"] = lambda: words
            raise

    def _new(self, line: str, lyrics: str) -> Song:
        parser = _cell_parser()
        options = _parsed(parser, line)
        if options.reference is None and catalogue.find_model(options.model).reference is not None:
            parser.error("the following arguments are required: reference")
        check_folder(options.output)
        session = Session(rehearse=True) if options.rehearse else default_session()
        song = session.submit(lyrics, options.reference, **song_options(options))
        # From here on it is paid for: whatever ends the wait, the variable has its id.
        self._put(options.name, song)
        made = session.wait(song, timeout=options.timeout)
        if options.output is not None:
            made.save(options.output)
        return self._put(options.name, made)

    def _last(self, line: str) -> Song:
        options = _parsed(_line_parser(), line)
        session = default_session()
        newest = next(iter(session.songs()), None)
        if newest is None:
            raise InvalidInput("There is no song in your library yet.", do="%song --help says how to make one.")
        made = newest if newest.status.final else session.wait(newest, timeout=options.timeout)
        return self._put(options.name, made)

    def _put(self, name: str, song: Song) -> Song:
        self.shell.push({name: song})
        return song


def _parsed(parser: _Parser, line: str) -> argparse.Namespace:
    try:
        options, rest = parser.parse_known_args(arg_split(line, posix=os.name == "posix"))
    except ValueError as error:  # a quotation that does not end
        parser.error(f"{str(error).lower()} in: {line}")
    if rest:
        parser.error(unrecognized(rest))
    return options


def _cell_parser() -> _Parser:
    parser = _Parser(
        prog="%%song",
        description="Make a song: the lyrics are the lines below this one, a blank line is a pause.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("reference", nargs="?", help=REFERENCE)
    _add_name(parser)
    parser.add_argument("-o", "--output", type=Path, help="also save it in this file, to play without a kernel")
    add_song_options(parser)
    add_timeout(parser)
    return parser


def _line_parser() -> _Parser:
    parser = _Parser(
        prog="%song",
        description="Show the newest song of your library, or wait for it.",
        epilog=f"To make one, as a cell of its own:\n\n{_cell_parser().format_help()}",
    )
    _add_name(parser)
    add_timeout(parser)
    return parser


def _add_name(parser: _Parser) -> None:
    parser.add_argument("--name", type=_variable, default="song", help="the variable that holds it (default: song)")


def _variable(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise argparse.ArgumentTypeError(
            f"{name!r} is not a valid variable name: use letters, digits and _ only, as in my_song"
        )
    return name
