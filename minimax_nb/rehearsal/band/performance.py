"""The whole way from a reference and a prompt to a song: analyse, compose, play, sing, mix.

The lead is a `voice.Voice`: the singer where the extra `[voice]` is installed, else the hum, or any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from .analysis import NOTE_NAMES, Analysis, analyse
from .composer import Score, compose, rng_for
from .encoder import write_mp3
from .instruments import RATE, play
from .mixer import faded, mix
from .syllables import WORDLESS
from .voice import Hummer, Voice, hum

TEMPI = (40.0, 240.0)  # BPM that can be requested
KEY = re.compile(r"\s*([A-G])\s*([#♯b♭]?)\s*(major|maj|minor|min|m|)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Performance:
    """A song that was played: `duration` in s, `tempo` in BPM, `key` such as "A minor", and what it was made of."""

    path: Path
    duration: float
    tempo: float
    key: str
    seed: int
    analysis: Analysis | None
    score: Score
    timeline: dict[str, Any]


def perform(
    reference: Path | None,
    prompt: str,
    destination: Path,
    *,
    seed: int,
    tempo: float | None = None,
    key: str | None = None,
    language: str | None = None,
    voice: Voice | None = None,
) -> Performance:
    """Play a song in the tempo, key and colour of a reference and write it to an mp3 file.

    Parameters
    ----------
    reference : an audio file; None leaves tempo, key and colour to the seed
    prompt : the lyrics as they are sent: lines, an empty line for a pause, ## at both ends for accompaniment
    destination : the mp3 file to write
    seed : the same inputs and seed give the same samples
    tempo : BPM from 40 to 240, instead of that of the reference
    key : such as "A minor" or "C# major", instead of that of the reference
    language : of the words, such as "en", instead of the guessed one
    voice : has the lead; the best there is when it is not given

    Raises
    ------
    ValueError
        when the tempo, the key or the language cannot be used.
    soundfile.LibsndfileError
        when the reference is not audio.
    """
    wanted = parse_key(key) if key is not None else None
    if tempo is not None:
        tempo = check_tempo(tempo)
    analysis = analyse(reference) if reference is not None else None
    own_tempo, own_key, brightness = _from_seed(seed) if analysis is None else _from_analysis(analysis)
    tonic, mode = wanted or own_key
    voice = voice or best_voice()
    style: dict[str, Any] = {"tempo": tempo or own_tempo, "tonic": tonic, "mode": mode, "brightness": brightness}
    score = compose(prompt, **style, seed=seed, language=language, cut=voice.cut)
    sound = mix(voice.sing(score), play(score))
    name = f"{NOTE_NAMES[tonic]} {mode}"
    comment = f"Rehearsal band, {score.tempo:.2f} BPM, {name}, seed {seed}"
    write_mp3(sound, Path(destination), title=song_title(score), comment=comment)
    return Performance(
        Path(destination),
        len(sound) / RATE,
        score.tempo,
        name,
        seed,
        analysis,
        score,
        to_timeline(score, voice.remarks(score)),
    )


def to_timeline(score: Score, notes: Sequence[str] = ()) -> dict[str, Any]:
    """When what is sung, as plain data for `minimax_nb.timeline`.

    Parameters
    ----------
    score : Score
    notes : sequence of str
        What the voice has to say about the song.

    Returns
    -------
    dict
        ``language``; ``lines``, each with its syllables as ``[text, start, end]`` in s, whose texts joined are the
        line as it was written; ``pauses``, the numbers of the lines before which a pause stands; ``notes``.
    """
    lines = []
    for _, line in groupby(score.syllables, key=lambda syllable: syllable.line):
        sung = list(line)
        ends = [one.word != two.word for one, two in pairwise(sung)] + [False]
        lines.append(
            [
                [s.text + " " * ends_word, round(s.start, 3), round(s.end, 3)]
                for s, ends_word in zip(sung, ends, strict=True)
            ]
        )
    return {"language": score.language, "lines": lines, "pauses": _pauses(score), "notes": list(notes)}


def _pauses(score: Score) -> list[int]:
    """The numbers of the lines before which a pause stands."""
    nexts = [(section.kind, after.line) for section, after in pairwise(score.sections)]
    return [line for kind, line in nexts if kind == "reply" and line >= 0]


def play_sample(
    destination: Path, *, seed: int = 5, seconds: float = 24.0, tempo: float | None = None, key: str | None = None
) -> Path:
    """Play a reference with a hummed lead, at most so long and over 20 s, as .wav, .mp3 or .flac by its suffix."""
    own_tempo, own_key, brightness = _from_seed(seed)
    tempo, (tonic, mode) = tempo or own_tempo, parse_key(key) if key else own_key
    score = compose(f"##{WORDLESS}##", tempo=tempo, tonic=tonic, mode=mode, brightness=brightness, seed=seed)
    sound = faded(mix(hum(score), play(score))[: int(seconds * RATE)])
    destination = Path(destination)
    if destination.suffix.lower() == ".mp3":
        write_mp3(sound, destination, title="A sample reference", comment="Played by the rehearsal band")
    else:
        soundfile.write(destination, sound, RATE)
    return destination


def parse_key(text: str) -> tuple[int, str]:
    """Tonic (0 = C) and mode from a key as a musician writes it: "A minor", "C# major", "Bb minor", "F#m", "G"."""
    found = KEY.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f'key must read like "A minor" or "C# major", not {text!r}')
    letter, sign, mode = found.groups()
    tonic = NOTE_NAMES.index(letter.upper()) + {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(sign.lower(), 0)
    # A capital M alone means major to many who write it.
    minor = mode.lower().startswith("min") or mode == "m"
    return tonic % 12, "minor" if minor else "major"


def check_tempo(tempo: float) -> float:
    """A tempo that can be played, in BPM."""
    try:
        checked = float(tempo)
    except (TypeError, ValueError, OverflowError):
        checked = np.nan
    if not TEMPI[0] <= checked <= TEMPI[1]:
        raise ValueError(f"tempo must be a number from {TEMPI[0]:.0f} to {TEMPI[1]:.0f} BPM, not {tempo!r:.40}")
    return checked


def _from_analysis(found: Analysis) -> tuple[float, tuple[int, str], float]:
    return found.tempo, (found.tonic, found.mode), found.brightness


def _from_seed(seed: int) -> tuple[float, tuple[int, str], float]:
    """Tempo, key and brightness when there is no reference."""
    rng = rng_for(seed, "reference")
    tempo = float(rng.integers(84, 129))
    mode = "major" if rng.random() < 0.6 else "minor"
    return tempo, (int(rng.integers(12)), mode), float(rng.uniform(1200, 3500))


def song_title(score: Score) -> str:
    """The first words of the lyrics."""
    words: dict[int, str] = {}
    for syllable in score.syllables:
        if syllable.line == 0:
            words[syllable.word] = words.get(syllable.word, "") + syllable.text
    title = "".join(char for char in " ".join(words.values()) if char.isprintable())
    return title[:60] or "Instrumental"


def best_voice() -> Voice:
    """The singer, where the extra `[voice]` is installed; else the hum."""
    try:
        import espeakng_loader  # noqa: F401
        import pyworld  # noqa: F401
    except ImportError:
        return Hummer()
    from .singer import Singer

    return Singer()
