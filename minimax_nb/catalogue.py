"""The models as data: what each takes, its limits and defaults, and what comes out.

Source: the provider's model pages (state: August 2026). A model is one row of `MODELS`; nothing else in the package
knows a model's name. One thing has one name here on every model; `Option.field` says how the model calls it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from .errors import InvalidInput, InvalidLyrics, InvalidOption, InvalidReference

DEFAULT_MODEL = "minimax-music"

_LONG = 400
"""From so many characters on there is more to sing than a song of a minute usually holds."""


def characters(text: str) -> int:
    """Count the characters of a text as the service may do: in UTF-16, in which an emoji counts as two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True)
class Option:
    """One thing that can be asked of a model.

    Attributes
    ----------
    field : str
        Where it goes in the request; a dot leads into an object, as in ``"audio_setting.format"``.
    kind : type
        What its value must be: str, bool, int, or float, which takes whole numbers as well.
    least, most : float
        The limits of a number, or of the length of a text in characters.
    choices : tuple
        The only values it may have; empty when there is no such list.
    required : bool
        Whether the model refuses a request without it.
    default : object
        What the model takes when nothing is said; None where that is not documented.
    pattern : str
        The only form a text may have, as a regular expression, whatever its case; empty for any.
    example : str
        A value that has it.
    scale : int
        What a value is multiplied by on its way into the request, such as 1000 for s that are sent as ms.
    """

    field: str
    kind: type
    least: float = 0
    most: float = math.inf
    choices: tuple[Any, ...] = ()
    required: bool = False
    default: Any = None
    pattern: str = ""
    example: str = ""
    scale: int = 1

    @property
    def path(self) -> tuple[str, ...]:
        """Where it goes in the request, a name for each level."""
        return tuple(self.field.split("."))

    @property
    def expected(self) -> str:
        """What its value must be, in words."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        if self.kind is bool:
            return "true or false"
        limits = f"{self.least:.10g} {'or more' if math.isinf(self.most) else f'to {self.most:.10g}'}"
        if self.kind is str:
            return f"a text of {limits} characters" + (f', such as "{self.example}"' if self.example else "")
        number = "whole number" if self.kind is int else "number"
        return f"a {number} {'of' if math.isinf(self.most) else 'from'} {limits}"

    def accepts(self, value: Any) -> bool:
        """Whether a value is of the right kind and within the limits."""
        if isinstance(value, bool) or self.kind is bool:
            return isinstance(value, bool) and self.kind is bool
        if not isinstance(value, int | float if self.kind is float else self.kind):
            return False
        if self.choices:
            return value in self.choices
        if self.pattern and not re.fullmatch(self.pattern, str(value), re.IGNORECASE):
            return False
        size: Any = characters(value) if isinstance(value, str) else value
        return bool(self.least <= size <= self.most)

    def in_request(self) -> Option:
        """Return the same as the request has it: with the numbers that are sent, for whoever reads requests."""
        if self.scale == 1:
            return self
        return replace(self, kind=int, least=self.least * self.scale, most=self.most * self.scale, scale=1)

    def to_request(self, value: Any) -> Any:
        """Turn a value into what is sent."""
        return value if self.scale == 1 else round(value * self.scale)


@dataclass(frozen=True)
class ReferenceRule:
    """What a model wants of a reference track.

    Attributes
    ----------
    longer_than : float
        In seconds.
    excerpt : float
        How much of it is sent at most, in seconds.
    """

    longer_than: float
    excerpt: float = 60.0


@dataclass(frozen=True)
class Model:
    """What one model takes, and what comes out.

    Attributes
    ----------
    name : str
        The name the service knows it by.
    options : mapping of str to Option
        What can be given besides the reference, `lyrics` and `style` among them, by our names.
    reference : ReferenceRule or None
        None where it takes no reference; every model that takes one needs it.
    most_seconds : float
        About how long its songs get; infinite where that is not documented.
    formats : tuple of str
        What its songs can be, the usual one first.
    marks_accompaniment : bool
        Whether ``##`` around the lyrics asks for instruments; elsewhere they always play.
    keeps_form : bool
        Whether a song keeps melody, form and length of its reference.
    has_voice : bool
        Whether it sings at all.
    """

    name: str
    options: Mapping[str, Option]
    reference: ReferenceRule | None = None
    most_seconds: float = math.inf
    formats: tuple[str, ...] = ("mp3",)
    marks_accompaniment: bool = False
    keeps_form: bool = False
    has_voice: bool = True

    @property
    def sings(self) -> bool:
        """Whether lyrics can be given; else its songs are instrumental, or the words stand in the style."""
        return "lyrics" in self.options

    def needs(self, name: str) -> str:
        """Whether lyrics, style or another option is needed: "needed", "optional" or "–"."""
        if name == "reference":
            return "needed" if self.reference else "–"
        option = self.options.get(name)
        return "–" if option is None else "needed" if option.required else "optional"

    def advice(self, lyrics: str) -> str:
        """Say what could be better about lyrics, given as they are sent; empty when nothing could."""
        if self.most_seconds > 60 or characters(lyrics) < _LONG:
            return ""
        return "Songs end at about a minute: the last lines may not be sung."

    def takes(self) -> str:
        """Everything it takes, as a list for a person."""
        return _listed([*self.options, *(["reference"] if self.reference else [])])


def _rows(*models: Model) -> Mapping[str, Model]:
    return MappingProxyType({model.name: model for model in models})


def _options(**options: Option) -> Mapping[str, Option]:
    return MappingProxyType(options)


def _sound(rate_field: str) -> dict[str, Option]:
    """The settings of the file. Models differ in one name; pcm is left out, as nobody could check such a file."""
    return {
        "format": Option("audio_setting.format", str, choices=("mp3", "wav"), default="mp3"),
        "sample_rate": Option(
            f"audio_setting.{rate_field}", int, choices=(16_000, 24_000, 32_000, 44_100), default=44_100
        ),
        "bitrate": Option("audio_setting.bitrate", int, choices=(32_000, 64_000, 128_000, 256_000), default=256_000),
    }


_FILES = ("mp3", "wav")

MODELS = _rows(
    # Here `prompt` carries the lyrics; with all others, the style.
    Model(
        "minimax-music",
        _options(lyrics=Option("prompt", str, 1, 600, required=True)),
        ReferenceRule(longer_than=15),
        most_seconds=60,
        marks_accompaniment=True,
    ),
    Model(
        "minimax/music-2.6",
        _options(
            lyrics=Option("lyrics", str, 1, 3000),
            style=Option("prompt", str, 1, 2000),
            instrumental=Option("is_instrumental", bool, default=False),
            write_lyrics=Option("lyrics_optimizer", bool, default=False),
            **_sound("audio_sample_rate"),
        ),
        most_seconds=300,
        formats=_FILES,
    ),
    Model(
        "minimax/music-cover",
        _options(
            lyrics=Option("lyrics", str, 10, 3000),
            style=Option("prompt", str, 10, 2000, required=True),
            **_sound("sample_rate"),
        ),
        # 6 s to 6 min; an mp3 is a little longer than what was put into it.
        ReferenceRule(longer_than=math.nextafter(6, 0), excerpt=359),
        most_seconds=360,
        keeps_form=True,
        formats=_FILES,
    ),
    Model(
        "minimax/music-2.0",
        _options(
            lyrics=Option("lyrics", str, 10, 3000, required=True),
            style=Option("prompt", str, 10, 2000, required=True),
            **_sound("audio_sample_rate"),
        ),
        most_seconds=240,
        formats=_FILES,
    ),
    Model(
        "minimax/music-1.5",
        _options(
            lyrics=Option("lyrics", str, 10, 3000, required=True),
            style=Option("prompt", str, 10, 300, required=True),
            **_sound("audio_sample_rate"),
        ),
        most_seconds=240,
        formats=_FILES,
    ),
    Model(
        "google/lyria2",
        _options(
            style=Option("prompt", str, 1, required=True),
            negative_style=Option("negative_prompt", str, 1),
            seed=Option("seed", int),
        ),
        formats=("wav",),
        has_voice=False,
    ),
    Model(
        "stable-audio",
        _options(
            style=Option("prompt", str, 1, required=True),
            seconds=Option("seconds_total", int, 1, 47, default=30),
            seconds_start=Option("seconds_start", int, 1, 47),
            steps=Option("steps", int, 1, 1000, default=100),
        ),
        most_seconds=47,
        formats=("wav",),
        has_voice=False,
    ),
    Model(
        "elevenlabs/eleven_music",
        _options(
            style=Option("prompt", str, 1, 2000, required=True),
            seconds=Option("music_length_ms", float, 10, 300, default=10, scale=1000),
        ),
        most_seconds=300,
    ),
)

MUSIC_MODELS = frozenset({*MODELS, "music-01"})
"""All models of the service that make or made music, whoever asked for it: what counts as a song in its logs."""

_KEY = r"\s*[A-G]\s*[#♯b♭]?\s*(?:major|maj|minor|min|m|)\s*"
# Those that the band's voice speaks, in the codes of ISO 639; a region may follow, as in en-gb.
_LANGUAGE = (
    r"(?:af|am|an|ar|as|az|ba|be|bg|bn|bpy|bs|ca|chr|cmn|cs|cv|cy|da|de|el|en|eo|es|et|eu|fa|fi|fo|fr|ga|gd|gn|grc|gu|"
    r"hak|haw|hbs|he|hi|hr|ht|hu|hy|hyw|ia|id|io|is|it|ja|jbo|ka|kaa|kk|kl|kn|ko|kok|ku|ky|la|lb|lfn|lt|ltg|lv|mi|mk|"
    r"ml|mr|ms|mt|mto|my|nb|nci|ne|nl|no|nog|om|or|pa|pap|piqd|pl|pt|py|qdb|qu|quc|qya|ro|ru|sd|shn|si|sjn|sk|sl|smj|"
    r"sq|sr|sv|sw|ta|te|th|ti|tk|tn|tr|tt|ug|uk|ur|uz|vi|xex|yue|zh)(?:-[\w-]+)?"
)

REHEARSAL_OPTIONS = _options(
    tempo=Option("tempo", float, 40, 240),
    key=Option("key", str, 1, 20, pattern=_KEY, example="A minor"),
    language=Option("language", str, 2, 20, pattern=_LANGUAGE, example="en"),
    seed=Option("seed", int, 0, 2**32 - 1),
)
"""What the rehearsal band takes as well, whichever model it rehearses."""

ABOUT = MappingProxyType(
    {
        "lyrics": "the words that are sung",
        "style": "what it should sound like, in words",
        "reference": "a song whose style it follows",
        "format": "mp3 or wav",
        "sample_rate": "of the file, in Hz",
        "bitrate": "of an mp3, in bits per second",
        "instrumental": "no voice, so no words are needed",
        "write_lyrics": "the model writes the words, from the style",
        "seconds": "how long it is to be",
        "seconds_start": "where in the model's own timeline it begins, in seconds",
        "negative_style": "what it should not sound like",
        "seed": "the same seed, the same song",
        "steps": "how many steps are spent on it",
        "tempo": "in beats per minute, such as 92",
        "key": "such as A minor",
        "language": "of the words, such as en",
    }
)
"""Each option in a few words."""


@dataclass(frozen=True)
class Offer:
    """A model as it is offered.

    Attributes
    ----------
    name : str
        The name the service knows it by.
    model : Model or None
        Its row; None for one that is new to this package, which takes raw ``fields=``.
    served : bool or None
        Whether the service has it; None when it was not asked.
    price_usd : float or None
        Of one song; None when the service was not asked or names no fixed price.
    """

    name: str
    model: Model | None
    served: bool | None = None
    price_usd: float | None = None

    @property
    def note(self) -> str:
        """What is unusual about it, in words; else empty."""
        if self.model is None:
            return "new: give its own fields=..."
        return "no longer served" if self.served is False else ""


def offers(served: Mapping[str, float | None] | None = None) -> list[Offer]:
    """List the models, and what of them is served.

    Parameters
    ----------
    served : mapping of str to float or None, optional
        The music models that the service has, with their price in US dollars; without it, what this package knows.
    """
    if served is None:
        return [Offer(name, model) for name, model in MODELS.items()]
    served = {music_model(name) or name: price for name, price in served.items()}
    known = [Offer(name, model, name in served, served.get(name)) for name, model in MODELS.items()]
    return known + [Offer(name, None, True, price) for name, price in served.items() if name not in MODELS]


def music_model(name: str) -> str:
    """Return our name of a music model that the logs call source/alias, such as minimax/minimax-music; else ""."""
    alias = name.rpartition("/")[2]
    return next((known for known in MUSIC_MODELS if alias == known.rpartition("/")[2]), "")


def names_of_fields(model: str) -> Mapping[str, str]:
    """Return our name of each field of a request, for messages; a model without a row has none."""
    row = MODELS.get(model)
    options = row.options if row else {}
    return {"reference_audio_url": "reference"} | {option.field: name for name, option in options.items()}


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
        known = f"Choose one of: {_listed(MODELS)}."
        raw = f'If the service has it, give its own fields: submit(model={name!r}, fields={{"prompt": ...}}).'
        raise InvalidOption(f"There is no model {name!r} here.", do=f"{known} {raw}") from None


def check_lyrics(model: Model, prompt: str) -> None:
    """Check the length of the lyrics as sent.

    Raises
    ------
    InvalidLyrics
        When they are shorter or longer than the model takes, or it takes none.
    """
    if not model.sings:
        elsewhere = "Write the words into style" if model.name == "elevenlabs/eleven_music" else "Leave them out"
        raise InvalidLyrics(f"{model.name} takes no lyrics.", do=f"{elsewhere}. It takes: {model.takes()}.")
    option = model.options["lyrics"]
    length = characters(prompt)
    if length > option.most:
        raise InvalidLyrics(
            f"The lyrics are {length} characters long as sent, and {model.name} takes {option.most}.",
            do=f"Shorten them by {length - int(option.most)}.",
        )
    if length < option.least:
        raise InvalidLyrics(
            f"The lyrics are {length} characters long as sent, and {model.name} needs at least {option.least}.",
            do="Write a little more.",
        )


def check_reference(model: Model, *, given: bool) -> None:
    """Check that there is a reference where the model needs one, and none where it takes none.

    Raises
    ------
    InvalidReference
    """
    if given and model.reference is None:
        raise InvalidReference(f"{model.name} takes no reference.", do=f"Leave it out. It takes: {model.takes()}.")
    if not given and model.reference is not None:
        raise InvalidReference(f"A reference is missing: {model.name} needs one.")


def to_fields(
    model: Model, options: Mapping[str, Any], *, lyrics: str | None = None, rehearsal: bool = False
) -> dict[str, Any]:
    """Check what is asked for and give it the names it is sent under.

    Parameters
    ----------
    model : Model
    options : mapping of str to object
        As the person gave them, without those that are None.
    lyrics : str
        As they are sent; empty for none, None where they go their own way.
    rehearsal : bool
        Whether the rehearsal band is asked, which takes `REHEARSAL_OPTIONS` as well.

    Returns
    -------
    dict
        The fields of the request, but for the model's name and the reference.

    Raises
    ------
    InvalidLyrics
        When there are none where they are needed, or their length does not fit.
    InvalidOption
        For an option the model does not know, a missing one, a value of the wrong kind or outside its limits.
    """
    known = {name: option for name, option in model.options.items() if name != "lyrics"}
    known |= REHEARSAL_OPTIONS if rehearsal else {}
    for name in options:
        if name not in known:
            raise InvalidOption(f"{model.name} has no option {name!r}.", do=_advice(model, name, known))
    for name, option in known.items():
        if option.required and name not in options:
            raise InvalidOption(
                f"{model.name} needs the option {name!r}, {ABOUT[name]}.", do=f"Add {name}=..., {option.expected}."
            )
    if lyrics is not None:
        _check_words(model, options, lyrics)
    fields: dict[str, Any] = {}
    for name, value in options.items():
        _put(fields, known[name].path, _checked(name, known[name], value))
    return {model.options["lyrics"].field: lyrics, **fields} if lyrics else fields


def from_fields(model: Model, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Read a request as the model does: what is asked for, by our names."""
    asked = {}
    for name, option in {**model.options, **REHEARSAL_OPTIONS}.items():
        value: Any = fields
        for part in option.path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            asked[name] = value if option.scale == 1 else value / option.scale
    return asked


def _check_words(model: Model, options: Mapping[str, Any], lyrics: str) -> None:
    """Check that there are words where they are needed, and not where nobody would sing them."""
    if lyrics:
        check_lyrics(model, lyrics)
        for name in ("instrumental", "write_lyrics"):
            if options.get(name):
                raise InvalidOption(f"{name}=True means {ABOUT[name]}.", do="Leave out that or the lyrics.")
    elif model.sings and model.options["lyrics"].required:
        raise InvalidLyrics(f"{model.name} needs lyrics.", do="Write at least one line of lyrics.")
    elif options.get("write_lyrics") and not options.get("style"):
        raise InvalidOption("write_lyrics=True means the words come from the style.", do="Add style=...")
    elif not options.get("style"):
        raise InvalidInput(f"{model.name} needs lyrics or a style.", do="Give lyrics, or style=... in words.")


def _checked(name: str, option: Option, value: Any) -> Any:
    if option.accepts(value):
        return option.to_request(value)
    if isinstance(value, str) and option.kind is str and not option.choices and not option.pattern:
        length = characters(value)
        raise InvalidOption(f"{name} is {length} characters long.", do=f"It must be {option.expected}.")
    raise InvalidOption(f"{name}={value!r} cannot be used.", do=f"It must be {option.expected}.")


def _put(fields: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        fields = fields.setdefault(part, {})
    fields[path[-1]] = value


def _advice(model: Model, name: str, known: Mapping[str, Option]) -> str:
    if name in REHEARSAL_OPTIONS:
        return "Only the rehearsal band takes it; leave it out, or rehearse with Session(rehearse=True)."
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return f"{f'Did you mean {close[0]!r}? ' if close else ''}It takes: {model.takes()}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
