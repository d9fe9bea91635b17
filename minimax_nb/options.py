"""What a song can be requested with: as arguments of a function, and as text on one line.

`compose` turns the arguments into a request; `%%song` and the command line share the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from . import catalogue
from .catalogue import Model, Option
from .display.progress import say
from .errors import InvalidInput, InvalidOption
from .lyrics import given_lyrics, read_prompt, to_prompt
from .reference import Reference, prepare
from .song import SongRequest

if TYPE_CHECKING:
    import argparse

_PATIENCE = 0.3  # s

AnyReference = str | os.PathLike[str] | bytes | Reference
"""What can be given as a reference: a path, the bytes of a file, a link, a ``data:`` URI, or one that is prepared."""


class SongOptions(TypedDict, total=False):
    """What can be given besides lyrics, reference and model; each model takes some of it.

    The first rows are the models' own, see `minimax_nb.catalogue`; the last three the rehearsal band takes, and
    ``seed`` as well.
    """

    style: str
    negative_style: str
    seconds: float
    seconds_start: int
    steps: int
    seed: int
    instrumental: bool
    write_lyrics: bool
    format: Literal["mp3", "wav"]
    sample_rate: int
    bitrate: int
    tempo: float
    key: str
    language: str


@dataclass(frozen=True)
class Composed:
    """A request that its model takes.

    Attributes
    ----------
    request : SongRequest
        What is requested, to be kept.
    body : mapping
        The fields that are sent, but for the reference.
    reference : Reference or None
        Checked and ready to be handed over.
    """

    request: SongRequest
    body: Mapping[str, Any]
    reference: Reference | None = None

    @property
    def note(self) -> str:
        """What is sung, where that is not what was written; else empty."""
        words, _ = read_prompt(self.request.prompt)
        if not words or words.split() == self.request.lyrics.split():
            return ""
        return f"The lyrics were tidied. This is what is sent:\n{words}"

    @property
    def advice(self) -> str:
        """What could be better about the lyrics; else empty."""
        model = catalogue.MODELS.get(self.request.model)
        return model.advice(self.request.prompt) if model else ""


def compose(
    lyrics: str | os.PathLike[str] | None,
    reference: AnyReference | None,
    *,
    model: str,
    accompaniment: bool,
    fields: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    references: Path,
    rehearsal: bool,
) -> Composed:
    """Check everything that is requested, and give it the form in which it is sent.

    Parameters
    ----------
    lyrics, reference, model, accompaniment, fields
        As `Session.submit` takes them.
    options : mapping
        As in `SongOptions`; None stands for nothing.
    references : pathlib.Path
        Where the excerpt of a reference goes.
    rehearsal : bool
        Whether the rehearsal band makes the song.

    Raises
    ------
    InvalidInput
    LibraryError
        When the excerpt cannot be written.
    """
    options = {name: value for name, value in options.items() if value is not None}
    if fields is not None:
        return _raw(model, fields, others=[lyrics, reference, *options.values()])
    row = catalogue.find_model(model)
    catalogue.check_reference(row, given=reference is not None)
    words = "" if lyrics is None else given_lyrics(lyrics)
    prompt = _prompt(row, words, accompaniment, given=lyrics is not None)
    body = {"model": model, **catalogue.to_fields(row, options, lyrics=prompt, rehearsal=rehearsal)}
    track = None
    if row.reference is not None and reference is not None:
        rule = row.reference
        track = prepare(
            reference, references, longer_than=rule.longer_than, seconds=rule.excerpt, on_progress=_say_reading()
        )
    request = SongRequest(model, words, prompt, track.description if track else "", options, accompaniment)
    return Composed(request, body, track)


def _say_reading() -> Callable[[float], None]:
    """Say what takes so long, once it does."""
    late, said = time.monotonic() + _PATIENCE, False

    def progress(share: float) -> None:
        nonlocal said
        if not said and time.monotonic() > late:
            said = say("Reading the reference…")

    return progress


def _prompt(row: Model, words: str, accompaniment: bool, *, given: bool) -> str:
    """The lyrics as they are sent; empty where there are none and need not be any."""
    if not (accompaniment or row.marks_accompaniment):
        raise InvalidOption(f"{row.name} cannot leave the instruments out.", do="Leave out accompaniment=False.")
    needed = given and row.sings and row.options["lyrics"].required
    if not words.strip() and not needed:
        return ""
    marked = row.marks_accompaniment
    return to_prompt(words, accompaniment=accompaniment and marked, keep_tags=not marked)


def _raw(model: str, fields: Mapping[str, Any], others: list[object]) -> Composed:
    """A request in the service's own words, for a model that is not in the catalogue or has learned something new."""
    if any(other is not None for other in others):
        raise InvalidOption(
            "fields=... is the whole request, and other options were given as well.", do="Put them into fields."
        )
    if not isinstance(fields, Mapping) or not all(isinstance(name, str) for name in fields):
        raise InvalidOption('fields must be a dict of names, such as {"prompt": "..."}.')
    lyrics = str(fields.get("lyrics") or "")
    request = SongRequest(model, lyrics, lyrics, str(fields.get("reference_audio_url") or "")[:200], dict(fields))
    return Composed(request, {"model": model, **fields})


REFERENCE = "an audio file, for most models longer than 15 s, or a link to a wav or mp3"

# What any model or the rehearsal band takes, once; lyrics are text and have a place of their own.
_OPTIONS: Mapping[str, Option] = {
    name: option
    for options in (*(model.options for model in catalogue.MODELS.values()), catalogue.REHEARSAL_OPTIONS)
    for name, option in options.items()
    if name != "lyrics"
}


def add_song_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what song is wanted, and from whom."""
    parser.add_argument(
        "--model", default=catalogue.DEFAULT_MODEL, help=f"which model makes it (default: {catalogue.DEFAULT_MODEL})"
    )
    parser.add_argument("--unaccompanied", action="store_true", help="the voice alone, no instruments")
    parser.add_argument(
        "--rehearse", action="store_true", help="use the free band on this computer, even if there is a key"
    )
    for name, option in _OPTIONS.items():
        _add_option(parser, name, option)


def _add_option(parser: argparse.ArgumentParser, name: str, option: Option) -> None:
    only = "rehearsal only: " if name in ("tempo", "key", "language") else ""
    flag, about = f"--{name.replace('_', '-')}", only + catalogue.ABOUT[name]
    if option.kind is bool:
        parser.add_argument(flag, action="store_true", default=None, help=about)
    else:
        parser.add_argument(flag, type=option.kind, help=about)


def song_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `Session.submit` takes besides lyrics and reference."""
    given = {name: getattr(options, name) for name in _OPTIONS if getattr(options, name) is not None}
    # Text says 20 where one model wants a whole number of seconds and another takes any.
    given |= {name: int(value) for name, value in given.items() if isinstance(value, float) and value.is_integer()}
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


def unrecognized(words: list[str]) -> str:
    """Say what could not be understood on a line, and how a value with spaces is written."""
    text = f"unrecognized arguments: {' '.join(words)}"
    return (
        text
        if words[0].startswith("-")
        else f'{text} (a name or value with spaces needs quotes, as in "my song.mp3")'
    )
