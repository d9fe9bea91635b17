"""The command line: the same verbs as in a notebook."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import lyrics
from .errors import InvalidInput, LibraryError, MusicError, RehearsalError
from .session import Session
from .song import Song, Status

_FIRST_NOTEBOOK = "01_first_song.ipynb"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        The exit status: 0, or 1 after one line that says what is wrong, 130 after an interrupt.
    """
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command is not lab:
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        return options.command(options) or 0
    except MusicError as error:
        print(f"minimax-nb: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has had enough; a second complaint at exit would help nobody.
        sys.stdout = None
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="minimax-nb", description="Make songs from a reference track and some lyrics.", allow_abbrev=False
    )
    verbs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    verb = verbs.add_parser(
        "lab",
        help="open the notebooks in JupyterLab, the first one in front; further arguments go to JupyterLab",
        allow_abbrev=False,
    )
    verb.set_defaults(command=lab)

    verb = verbs.add_parser("song", help="make a song; without files, a sample one")
    _add_request(verb, required=False)
    verb.add_argument("-o", "--output", type=Path, default=Path("song.mp3"), help="where to save it (song.mp3)")
    verb.add_argument("--timeout", type=float, default=600, help="seconds to wait (600)")
    verb.set_defaults(command=song)

    verb = verbs.add_parser("submit", help="step 1: ask for a song and print its id")
    _add_request(verb, required=True)
    verb.set_defaults(command=submit)

    verb = verbs.add_parser("retrieve", help="step 2: look once how a song is doing")
    verb.add_argument("id", help="as printed by submit")
    verb.add_argument("-o", "--output", type=Path, help="where to save it once it is completed")
    verb.set_defaults(command=retrieve)

    verb = verbs.add_parser("songs", help="list the library, newest first")
    verb.set_defaults(command=songs)

    verb = verbs.add_parser("recover", help="finish what was left open")
    verb.add_argument("--since", help='also look in the logs of the service for unknown songs, such as "24h"')
    verb.add_argument("--timeout", type=float, default=600, help="seconds to wait (600)")
    verb.set_defaults(command=recover)

    verb = verbs.add_parser("rehearse", help="run the rehearsal service in the foreground")
    verb.add_argument("--port", type=int, default=0, help="a free one unless told")
    verb.add_argument("--fault", action="append", default=[], metavar="JSON", help="a fault to commit; repeatable")
    verb.set_defaults(command=rehearse)
    return parser


def _add_request(verb: argparse.ArgumentParser, *, required: bool) -> None:
    many = None if required else "?"
    verb.add_argument("lyrics", nargs=many, help="a text file, or - for standard input")
    verb.add_argument("reference", nargs=many, help="a wav or mp3 file longer than 15 s, or a link to one")
    verb.add_argument("--model", default="minimax-music")
    verb.add_argument("--unaccompanied", action="store_true", help="the voice alone, no instruments")
    verb.add_argument("--tempo", type=float, help="rehearsal only: beats per minute")
    verb.add_argument("--key", help='rehearsal only: such as "A minor"')
    verb.add_argument("--language", help='rehearsal only: of the words, such as "en"')
    verb.add_argument("--seed", type=int, help="rehearsal only: the same seed, the same song")


def lab(options: argparse.Namespace) -> int:
    """Open copies of the notebooks in JupyterLab; a copy that is there already is left as it is."""
    if not importlib.util.find_spec("jupyterlab"):
        raise InvalidInput("JupyterLab is not installed.", do='Install it with: pip install "minimax_nb[lab]".')
    try:
        for shipped in _shipped_notebooks():
            if not Path(shipped.name).exists():
                shutil.copyfile(shipped, shipped.name)
    except OSError as error:
        raise LibraryError(
            f"The notebooks cannot be put into this folder: {error.strerror}.",
            do="Change to a folder you can write to and run `minimax-nb lab` again.",
        ) from None
    command = [sys.executable, "-m", "jupyterlab", _FIRST_NOTEBOOK, *options.rest]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # JupyterLab refuses to run as root unless told; on loopback, where it listens unless told, that is safe.
        command.append("--allow-root")
    return subprocess.call(command)


def _shipped_notebooks() -> list[Path]:
    """In a wheel the notebooks lie inside the package, in a checkout beside it."""
    package = Path(__file__).parent
    inside = package / "notebooks"
    return sorted((inside if inside.exists() else package.parent / "notebooks").glob("*.ipynb"))


def song(options: argparse.Namespace) -> None:
    """Both steps, and the song in a file."""
    output = options.output
    if not output.parent.is_dir():
        raise InvalidInput(f"There is no folder {output.parent} to save the song in.", do="Choose another with -o.")
    if options.lyrics:
        session = Session()
        asked = _submit(session, options)
    else:
        session = Session(rehearse=True)
        asked = _submit_sample(session, options)
    made = session.wait(asked, timeout=options.timeout)
    print(made.save(output))
    print(made.facts, *made.notes, sep="\n", file=sys.stderr)


def submit(options: argparse.Namespace) -> None:
    """Step 1."""
    print(_submit(Session(), options).id)


def _submit(session: Session, options: argparse.Namespace) -> Song:
    if not options.reference:
        raise InvalidInput("A reference is missing.", do="Give both files, or neither for a sample song.")
    return session.submit(_read_lyrics(options.lyrics), options.reference, **_request_options(options))


def _submit_sample(session: Session, options: argparse.Namespace) -> Song:
    """A sample is always rehearsed: nobody pays for a song whose words they did not write."""
    from .rehearsal.perform import play_sample

    print("Rehearsing a sample song, to a reference that the built-in band plays. Free.", file=sys.stderr)
    with TemporaryDirectory() as folder:
        reference = play_sample(Path(folder) / "sample.mp3")
        return session.submit(lyrics.SAMPLE, reference, **_request_options(options))


def _request_options(options: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(options, name) for name in ("tempo", "key", "language", "seed")}
    extra = {name: value for name, value in given.items() if value is not None}
    return {"model": options.model, "accompaniment": not options.unaccompanied, **extra}


def _read_lyrics(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{name} is not a text file in UTF-8.") from None
    except OSError as error:
        raise InvalidInput(f"The lyrics in {name} cannot be read: {error.strerror}.") from None


def retrieve(options: argparse.Namespace) -> None:
    """Step 2, once."""
    found = Session().retrieve(options.id)
    print(_line(found))
    if options.output and found.status is Status.COMPLETED:
        print(found.save(options.output))


def songs(options: argparse.Namespace) -> None:
    """The library."""
    for each in Session().songs():
        print(_line(each))


def recover(options: argparse.Namespace) -> None:
    """Finish what was left open."""
    finished = Session().recover(since=options.since, timeout=options.timeout)
    for each in finished:
        print(_line(each))
    if not finished:
        print("Nothing to finish.", file=sys.stderr)


def _line(each: Song) -> str:
    """One song in columns for people and scripts: status, id, facts, title, file."""
    where = str(each.path) if each.path else each.error
    return "\t".join([str(each.status), each.id or each.request_id, each.facts, each.title, where])


def rehearse(options: argparse.Namespace) -> None:
    """Run the rehearsal service until interrupted."""
    from . import rehearsal

    home = Session().journal.home

    def ready(address: rehearsal.Address) -> None:
        print(f"Rehearsal service at {address.base_url}, for the library in {home}.")
        print(f"Its key is in {home / 'rehearsal' / 'service.json'}. Ctrl-C ends it.", flush=True)

    if not rehearsal.serve(home, options.port, idle=None, faults=options.fault, ready=ready):
        raise RehearsalError(f"The library in {home} has a rehearsal service already.", do="End that one first.")


if __name__ == "__main__":
    sys.exit(main())
