"""The whole way from a reference and a prompt to a song: listen, compose, play, mix.

The lead is a `sing.Voice`, a callable from a score to a stem, so that a singer can take the place of the hum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from .band import RATE, play
from .compose import Score, chance, compose
from .listen import NOTE_NAMES, Heard, listen
from .mix import faded, mix, write_mp3
from .sing import Voice, hum
from .words import WORDLESS

TEMPI = (40.0, 240.0)  # BPM that can be asked for
KEY = re.compile(r"\s*([A-G])\s*([#♯b♭]?)\s*(major|maj|minor|min|m|)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Performance:
    """A song that was played: `duration` in s, `tempo` in BPM, `key` such as "A minor", and what it was made of."""

    path: Path
    duration: float
    tempo: float
    key: str
    seed: int
    heard: Heard | None
    score: Score


def perform(
    reference: Path | None,
    prompt: str,
    destination: Path,
    *,
    seed: int,
    tempo: float | None = None,
    key: str | None = None,
    voice: Voice = hum,
) -> Performance:
    """Play a song in the tempo, key and colour of a reference and write it to an mp3 file.

    Parameters
    ----------
    reference : an audio file; None leaves tempo, key and colour to the seed
    prompt : the lyrics as they are sent: lines, an empty line for a pause, ## at both ends for accompaniment
    destination : the mp3 file to write
    seed : the same inputs and seed give the same samples
    tempo : BPM from 40 to 240, instead of the heard one
    key : such as "A minor" or "C# major", instead of the heard one
    voice : makes the lead from the score

    Raises
    ------
    ValueError
        when the tempo or the key cannot be used.
    soundfile.LibsndfileError
        when the reference is no audio.
    """
    wanted = parse_key(key) if key is not None else None
    if tempo is not None:
        tempo = check_tempo(tempo)
    heard = listen(reference) if reference is not None else None
    own_tempo, own_key, brightness = _from_seed(seed) if heard is None else _from_heard(heard)
    tonic, mode = wanted or own_key
    score = compose(prompt, tempo=tempo or own_tempo, tonic=tonic, mode=mode, brightness=brightness, seed=seed)
    sound = mix(voice(score), play(score))
    name = f"{NOTE_NAMES[tonic]} {mode}"
    comment = f"Rehearsal band, {score.tempo:.2f} BPM, {name}, seed {seed}"
    write_mp3(sound, Path(destination), title=song_title(score), comment=comment)
    return Performance(Path(destination), len(sound) / RATE, score.tempo, name, seed, heard, score)


def play_sample(destination: Path, *, seed: int = 5, seconds: float = 24.0) -> Path:
    """Play a reference with a hummed lead, at most so long and over 20 s, as .wav, .mp3 or .flac by its suffix."""
    tempo, (tonic, mode), brightness = _from_seed(seed)
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


def _from_heard(heard: Heard) -> tuple[float, tuple[int, str], float]:
    return heard.tempo, (heard.tonic, heard.mode), heard.brightness


def _from_seed(seed: int) -> tuple[float, tuple[int, str], float]:
    """Tempo, key and brightness when there is nothing to hear."""
    rng = chance(seed, "reference")
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
