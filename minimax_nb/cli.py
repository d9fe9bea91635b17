"""The command line: the same verbs as in a notebook."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from . import __version__, catalogue, lyrics
from .classroom.commands import add_class, add_room
from .errors import InvalidInput, LibraryError, MusicError, RehearsalError, install
from .options import REFERENCE, add_song_options, add_timeout, check_folder, song_options
from .session import Session
from .song import Song, Status

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]
    Command = Callable[[argparse.Namespace], int | None]

_FIRST_NOTEBOOK = "01_first_song.ipynb"
_SAMPLE = "Bright and quick"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        The exit status: 0, or 1 after one line that says what is wrong, 130 after an interrupt.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # Redirected on Windows, it knows the characters of one code page only; titles have others.
        sys.stdout.reconfigure(errors="backslashreplace")
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command not in (lab, studio):
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        return options.command(options) or 0
    except MusicError as error:
        print(f"minimax-nb: {error}", file=sys.stderr)
        if getattr(options, "json", False):
            _print_json({"error": _error_data(error)})
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has had enough; a second complaint at exit would help nobody.
        sys.stdout = None
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="minimax-nb",
        description="Make songs from a reference track and some lyrics.",
        epilog="minimax-nb COMMAND --help shows an example of each.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"minimax-nb {__version__}")
    verbs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_verb(
        verbs,
        lab,
        "open the notebooks in JupyterLab, the first one in front; further arguments go to JupyterLab",
        ["", "--no-browser --port 8890"],
    )
    help = "open the studio alone in the browser, without cells; further arguments go to Voila"
    verb = _add_verb(verbs, studio, help, ["", "--no-browser --port 8890"])
    verb.add_argument("--port", type=int, default=0, help="default: any free one")
    verb.add_argument("--no-browser", action="store_true", help="open no window, only say where it is")
    _add_making(verbs)
    _add_keeping(verbs)
    _add_verb(verbs, doctor, "check what is installed and missing, and say what to do", [""], "what was found")
    faulty = """--fault '{"fault": "bad_gateway", "call": "retrieve", "times": 2}'"""
    verb = _add_verb(verbs, rehearse, "run the rehearsal service in the foreground", ["--port 8787", faulty])
    verb.add_argument("--port", type=int, default=0, help="default: any free one")
    verb.add_argument("--fault", action="append", default=[], metavar="JSON", help="a fault to commit; repeatable")
    add_class(verbs)
    add_room(verbs)
    return parser


def _add_making(verbs: Verbs) -> None:
    examples = ["", "lyrics.txt reference.mp3 -o my_song.mp3"]
    verb = _add_verb(verbs, song, "make a song; without files, a sample one", examples, "the song")
    _add_request(verb)
    verb.add_argument("-o", "--output", type=Path, default=Path("song.mp3"), help="where to save it (song.mp3)")
    add_timeout(verb)
    examples = ["lyrics.txt reference.mp3", '- reference.mp3 --rehearse --key "A minor" < lyrics.txt']
    verb = _add_verb(verbs, submit, "step 1: request a song and print its id", examples, "the song")
    _add_request(verb)
    verb = _add_verb(verbs, retrieve, "step 2: poll a song once", ["ID -o my_song.mp3"], "the song")
    verb.add_argument("id", help="as printed by submit")
    verb.add_argument("-o", "--output", type=Path, help="where to save it once it is completed")


def _add_keeping(verbs: Verbs) -> None:
    _add_verb(verbs, songs, "list the library, newest first", ["", "--json"], "a list of songs")
    examples = ["", "--since 24h"]
    verb = _add_verb(verbs, recover, "finish what was left open", examples, "a list of the finished songs")
    verb.add_argument("--since", help='also search the logs of the service for songs missing here, such as "24h"')
    add_timeout(verb)


def _add_verb(
    verbs: Verbs, command: Command, help: str, examples: Sequence[str], printed: str = ""
) -> argparse.ArgumentParser:
    """Add a command with an example of it, and `--json` where `printed` can be that."""
    name = command.__name__
    lines = [f"  minimax-nb {name} {example}".rstrip() for example in examples]
    verb = verbs.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        epilog="\n".join([f"example{'s' * (len(lines) > 1)}:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb.set_defaults(command=command)
    if printed:
        verb.add_argument("--json", action="store_true", help=f"print {printed} as JSON; an error too")
    return verb


def _add_request(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("lyrics", nargs="?", help="a text file, or - for standard input")
    verb.add_argument("reference", nargs="?", help=REFERENCE)
    verb.add_argument("-r", "--reference", dest="track", help="the same, where there are no lyrics")
    add_song_options(verb)


def lab(options: argparse.Namespace) -> int:
    """Open copies of the notebooks in JupyterLab; a copy that is there already is left as it is."""
    if not importlib.util.find_spec("jupyterlab"):
        raise InvalidInput("JupyterLab is not installed.", do=f"Install it with: {install('lab')}")
    try:
        for shipped in _shipped_notebooks():
            if not Path(shipped.name).exists():
                shutil.copyfile(shipped, shipped.name)
    except OSError as error:
        raise LibraryError(
            f"The notebooks cannot be copied into this folder: {error.strerror}.",
            do="Change to a folder you can write to and run `minimax-nb lab` again.",
        ) from None
    print(f"The notebooks are in {Path.cwd()}. If no window opens, go to the address that follows.", flush=True)
    # As the default page, and not as the file to open, the first notebook is also where the printed address leads.
    arguments = [f"--LabApp.default_url=/lab/tree/{_FIRST_NOTEBOOK}", *options.rest]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # JupyterLab refuses to run as root by default; on loopback, where it listens by default, that is safe.
        arguments.append("--allow-root")
    return _serve("jupyterlab", arguments)


_STUDIO = """\
import os
os.chdir({here!r})
os.environ["JPY_SESSION_NAME"] = {name!r}
from minimax_nb import MusicStudio
MusicStudio({lyrics!r}, {sample!r})
"""


def studio(options: argparse.Namespace) -> int:
    """Show the studio alone, filled in; songs are saved in this folder."""
    if not importlib.util.find_spec("voila"):
        raise InvalidInput("Voila, which shows a page without cells, is not installed.", do=install("lab"))
    from .display import servers

    here = Path.cwd()
    code = _STUDIO.format(here=str(here), name=str(here / "studio.ipynb"), lyrics=lyrics.SAMPLE, sample=_SAMPLE)
    port, token = options.port or servers.free_port(), secrets.token_hex(16)
    address = f"http://127.0.0.1:{port}/?token={token}"
    print(f"The studio is at {address} (Ctrl-C ends it). Songs are saved in {here}.", flush=True)
    if not options.no_browser:
        servers.open_when_up(address, port)
    with TemporaryDirectory(prefix="minimax_nb-") as folder:
        page = Path(folder) / "studio.ipynb"
        page.write_text(_notebook(code), encoding="utf-8")
        arguments = ["--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}", "--token", "--Voila.log_level=ERROR"]
        # Not among the arguments, which everybody on this computer can read.
        return _serve("voila", [*arguments, *options.rest, str(page)], JUPYTER_TOKEN=token)


def _notebook(code: str) -> str:
    """A notebook of one cell."""
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "one",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "source": code,
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps(
        {"cells": [{**cell, "outputs": []}], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    )


def _serve(module: str, arguments: Sequence[str], **environment: str) -> int:
    """Run a notebook server, and end what it started, a rehearsal service of its kernels among it."""
    from .display import servers
    from .rehearsal import launcher

    home = Session().journal.library.database
    others = launcher.is_running(home)
    try:
        return servers.serve(module, arguments, environment)
    finally:
        if not others:
            launcher.stop(home)


def _shipped_notebooks() -> list[Path]:
    """In a wheel the notebooks lie inside the package, in a checkout beside it."""
    package = Path(__file__).parent
    inside = package / "notebooks"
    return sorted((inside if inside.exists() else package.parent / "notebooks").glob("*.ipynb"))


def song(options: argparse.Namespace) -> None:
    """Both steps, and the song in a file."""
    check_folder(options.output)
    if options.lyrics or options.model != catalogue.DEFAULT_MODEL:
        session = _session(options)
        asked = _submit(session, options)
    else:
        session = Session(rehearse=True)
        asked = _submit_sample(session, options)
    made = session.wait(asked, timeout=options.timeout)
    saved = made.save(options.output)
    _tell(options, str(saved), song_data(made, saved))
    print(made.facts, *made.notes, sep="\n", file=sys.stderr)


def submit(options: argparse.Namespace) -> None:
    """Step 1."""
    asked = _submit(_session(options), options)
    _tell(options, asked.id, song_data(asked))


def _session(options: argparse.Namespace) -> Session:
    return Session(rehearse=options.rehearse or None)


def _submit(session: Session, options: argparse.Namespace) -> Song:
    reference = options.reference or options.track
    if not reference and catalogue.find_model(options.model).reference:
        raise InvalidInput("A reference is missing.", do="Give both files, or neither for a sample song.")
    words = lyrics.read_file(None if options.lyrics == "-" else Path(options.lyrics)) if options.lyrics else None
    return session.submit(words, reference, **song_options(options))


def _submit_sample(session: Session, options: argparse.Namespace) -> Song:
    """A sample is always rehearsed: nobody pays for a song whose words they did not write."""
    from .rehearsal.band.performance import play_sample

    print("Rehearsing a sample song with a reference that the built-in band plays. Free.", file=sys.stderr)
    with TemporaryDirectory() as folder:
        reference = play_sample(Path(folder) / "sample.mp3")
        return session.submit(lyrics.SAMPLE, reference, **song_options(options))


def retrieve(options: argparse.Namespace) -> None:
    """Step 2, once."""
    found = Session().retrieve(options.id)
    saved = found.save(options.output) if options.output and found.status is Status.COMPLETED else None
    _tell(options, "\n".join([_line(found), *([str(saved)] if saved else [])]), song_data(found, saved))
    if not found.status.final:
        print("Not ready yet: retrieve it again in a moment, or wait with `minimax-nb recover`.", file=sys.stderr)


def songs(options: argparse.Namespace) -> None:
    """The library."""
    _tell_all(options, Session().songs())


def recover(options: argparse.Namespace) -> None:
    """Finish what was left open."""
    finished = Session().recover(since=options.since, timeout=options.timeout)
    _tell_all(options, finished)
    if not finished:
        print("Nothing to finish.", file=sys.stderr)


def doctor(options: argparse.Namespace) -> int:
    """What is here and what is missing; exit status 1 when a rehearsal is not possible."""
    from .diagnosis import Report, examine, versions

    findings = []
    for finding in examine():
        findings.append(finding)
        if not options.json:
            print(finding, flush=True)
    report = Report(findings)
    data = {"ok": report.ok, "versions": versions(), "findings": [finding.to_data() for finding in report]}
    _tell(options, report.summary, data)
    return int(not report.ok)


def song_data(song: Song, saved: Path | None = None) -> dict[str, Any]:
    """A song as plain data; these names stay.

    Parameters
    ----------
    song : Song
    saved : pathlib.Path, optional
        Where it was copied to just now.
    """
    return {
        "id": song.id,
        "request_id": song.request_id,
        "status": str(song.status),
        "final": song.status.final,
        "title": song.title,
        "model": song.model,
        "rehearsal": song.rehearsal,
        "created": song.created.isoformat(),
        "duration": song.duration,
        "cost_usd": song.cost_usd,
        "spent": str(song.spent),
        "seed": song.seed,
        "path": str(song.path) if song.path else None,
        "saved": str(saved) if saved else None,
        "error": song.error,
        "notes": list(song.notes),
    }


def _error_data(error: MusicError) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "what": error.what,
        "spent": str(error.spent),
        "do": error.do,
        "song_id": error.song_id,
        "retry_after": error.retry_after,
    }


def _tell(options: argparse.Namespace, text: str, data: object) -> None:
    if options.json:
        _print_json(data)
    else:
        print(text)


def _tell_all(options: argparse.Namespace, found: Sequence[Song]) -> None:
    if options.json:
        _print_json([song_data(each) for each in found])
        return
    for each in found:
        print(_line(each))


def _print_json(data: object) -> None:
    print(json.dumps(data, indent=2))


def _line(each: Song) -> str:
    """One song in columns for people: status, id, facts, title, file."""
    where = str(each.path) if each.path else each.error
    return "\t".join([str(each.status), each.id or each.request_id, each.facts, each.title, where])


def rehearse(options: argparse.Namespace) -> None:
    """Run the rehearsal service until interrupted."""
    from .rehearsal import launcher as rehearsal

    home = Session().journal.home

    def ready(address: rehearsal.Address) -> None:
        print(f"Rehearsal service at {address.base_url}, for the library in {home}.")
        print(f"Its key is in {home / 'rehearsal' / 'service.json'}. Ctrl-C ends it.", flush=True)

    if not rehearsal.serve(home, options.port, idle=None, faults=options.fault, ready=ready):
        raise RehearsalError(
            f"The library in {home} has a rehearsal service already.",
            do="Choose another folder with MINIMAX_NB_HOME, or wait: it ends after half an hour without use.",
        )


if __name__ == "__main__":
    sys.exit(main())
