"""The models as data: what each takes, its limits and defaults.

Source: the provider's model pages (state: August 2026). A model is one row here; nothing else in the
package knows a model's name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .errors import InvalidLyrics, InvalidOption

DEFAULT_MODEL = "minimax-music"


@dataclass(frozen=True)
class Option:
    """One option of a model.

    Attributes
    ----------
    field : str
        The name under which it is sent.
    kind : type or tuple of type
        What its value must be.
    least, most : float
        The limits of a number, or of the length of a text in characters.
    required : bool
        Whether the model refuses a request without it.
    """

    field: str
    kind: type | tuple[type, ...]
    least: float = 0
    most: float = float("inf")
    required: bool = False


@dataclass(frozen=True)
class Model:
    """What one model takes.

    Attributes
    ----------
    name : str
        The name the service knows it by.
    words_field : str
        The field of the request that carries the lyrics.
    words_limit : tuple of int
        The fewest and the most characters of the lyrics as sent.
    reference_seconds : float
        A reference must be longer than this.
    options : mapping of str to Option
        What may be given besides lyrics and reference.
    """

    name: str
    words_field: str
    words_limit: tuple[int, int]
    reference_seconds: float
    options: Mapping[str, Option] = field(default_factory=dict)


MODELS: Mapping[str, Model] = MappingProxyType(
    {
        model.name: model
        for model in (
            Model("minimax-music", "prompt", (1, 600), 15),
            Model(
                "minimax/music-cover",
                "lyrics",
                (10, 3000),
                6,
                MappingProxyType(
                    {
                        "style": Option("prompt", str, 10, 2000, required=True),
                        "audio_setting": Option("audio_setting", dict),
                    }
                ),
            ),
        )
    }
)

MUSIC_MODELS = frozenset(
    {
        *MODELS,
        "minimax/music-2.6",
        "minimax/music-2.0",
        "minimax/music-1.5",
        "google/lyria2",
        "stable-audio",
        "elevenlabs/eleven_music",
        "music-01",
    }
)
"""All models of the service that make music, whoever asked for it: what counts as a song in its logs."""

REHEARSAL_OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "tempo": Option("tempo", (int, float), 40, 240),
        "key": Option("key", str, 1, 20),
        "language": Option("language", str, 2, 20),
        "seed": Option("seed", int, 0, 2**32 - 1),
    }
)


def music_model(name: str) -> str:
    """Return our name of a music model that the logs call source/alias, such as minimax/minimax-music; else ""."""
    alias = name.rpartition("/")[2]
    return next((known for known in MUSIC_MODELS if alias == known.rpartition("/")[2]), "")


def find_model(name: str) -> Model:
    """Return the row of a model.

    Raises
    ------
    InvalidOption
        When there is no such model; the message lists the ones there are.
    """
    try:
        return MODELS[name]
    except (KeyError, TypeError):
        raise InvalidOption(f"There is no model {name!r}.", do=f"Choose one of: {_listed(MODELS)}.") from None


def check_words(model: Model, prompt: str) -> None:
    """Check the length of the lyrics as sent.

    Raises
    ------
    InvalidLyrics
        When they are shorter or longer than the model takes.
    """
    least, most = model.words_limit
    if len(prompt) > most:
        raise InvalidLyrics(
            f"The lyrics are {len(prompt)} characters long as sent, and {model.name} takes {most}.",
            do=f"Shorten them by {len(prompt) - most}.",
        )
    if len(prompt) < least:
        raise InvalidLyrics(
            f"The lyrics are {len(prompt)} characters long as sent, and {model.name} wants at least {least}.",
            do="Write a little more.",
        )


def to_fields(model: Model, options: Mapping[str, Any], *, rehearsal: bool) -> dict[str, Any]:
    """Check the options of a request and give them the names they are sent under.

    Parameters
    ----------
    model : Model
    options : mapping of str to object
        As the person gave them.
    rehearsal : bool
        Whether the rehearsal band is asked, which takes `REHEARSAL_OPTIONS` as well.

    Raises
    ------
    InvalidOption
        For an option the model does not know, a missing one, a value of the wrong kind or outside its limits.
    """
    known = {**model.options, **(REHEARSAL_OPTIONS if rehearsal else {})}
    for name in options:
        if name not in known:
            raise InvalidOption(f"{model.name} has no option {name!r}.", do=_advice(name, known))
    for name, option in known.items():
        if option.required and name not in options:
            raise InvalidOption(f"{model.name} needs the option {name!r}.", do=f"Add {name}=...")
    return {known[name].field: _checked(name, known[name], value) for name, value in options.items()}


def _checked(name: str, option: Option, value: Any) -> Any:
    if not isinstance(value, option.kind) or isinstance(value, bool):
        raise InvalidOption(f"{name}={value!r} is a {type(value).__name__}, which {name} cannot be.")
    size: Any = len(value) if isinstance(value, str | dict) else value
    if not option.least <= size <= option.most:
        unit = " characters" if isinstance(value, str) else ""
        raise InvalidOption(
            f"{name}={value!r} is out of range.", do=f"Give {option.least:g} to {option.most:g}{unit}."
        )
    return value


def _advice(name: str, known: Mapping[str, Option]) -> str:
    if name in REHEARSAL_OPTIONS:
        return "Only the rehearsal band takes it; leave it out, or rehearse with Session(rehearse=True)."
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"It takes: {_listed(known)}." if known else "Leave it out; it takes lyrics and a reference only."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
