"""The whole way from a reference and a prompt to a song: analyse, compose, play, sing, mix.

The lead is a `voice.Voice`: the singer where the extra `[voice]` is installed, else the hum, or any other.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ...display.progress import say
from ...library.storage import locate, write_durably
from .analysis import NOTE_NAMES, Analysis, analyse
from .composer import Score, compose, rng_for
from .encoder import write_audio
from .instruments import RATE, TAIL, Audio, length, play
from .mixer import blend, faded, master, mix, with_lead
from .request import BandRequest
from .style import read_style
from .syllables import TAG, WORDLESS
from .voice import Hummer, Voice, hum

TEMPI = (40.0, 240.0)  # BPM that can be requested
KEY = re.compile(r"\s*([A-G])\s*([#♯b♭]?)\s*(major|maj|minor|min|m|)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Performance:
    """A song that was played.

    Attributes
    ----------
    path : pathlib.Path
    duration : float
        In s.
    tempo : float
        In BPM.
    key : str
        Such as "A minor".
    seed : int
    analysis : Analysis or None
        Of the reference.
    score : Score
    timeline : dict
        As `to_timeline` makes it.
    """

    path: Path
    duration: float
    tempo: float
    key: str
    seed: int
    analysis: Analysis | None
    score: Score
    timeline: dict[str, Any]


def perform(request: BandRequest, destination: Path, *, voice: Voice | None = None) -> Performance:
    """Play a song and write it to an audio file.

    Tempo, key and colour are those that are requested, else those of the reference, else what the style says, else
    by the seed.

    Parameters
    ----------
    request : BandRequest
    destination : pathlib.Path
        Overwritten.
    voice : Voice, optional
        Has the lead; the best there is when it is not given.

    Raises
    ------
    ValueError
        When the reference, the tempo, the key or the language cannot be used.
    """
    analysis = analyse(request.reference) if request.reference else None
    voice = voice or best_voice()
    score = _score(request, analysis, voice)
    sound = master(_cut(_mixed(score, None if request.instrumental else voice), _seconds(request)))
    write_audio(
        sound,
        destination,
        title=song_title(score),
        comment=f"Rehearsal band, {score.tempo:.2f} BPM, {_key_name(score)}, seed {request.seed}",
        format=request.format,
        sample_rate=request.sample_rate,
        bitrate=request.bitrate,
    )
    duration = len(sound) / RATE
    timeline = to_timeline(score, () if request.instrumental else voice.remarks(score), until=duration)
    return Performance(destination, duration, score.tempo, _key_name(score), request.seed, analysis, score, timeline)


def _mixed(score: Score, voice: Voice | None) -> Audio:
    """The song: the voice sings while the instruments play, each in a thread of its own."""
    with ThreadPoolExecutor(1) as beside:
        sung = beside.submit(voice.sing, score) if voice else None
        band = blend(play(score), length(score))
        return with_lead(band, sung.result() if sung else np.zeros(length(score), dtype=np.float32))


def _score(request: BandRequest, analysis: Analysis | None, voice: Voice) -> Score:
    """The song that is requested, as notes."""
    style = read_style(request.style, request.negative_style)
    tempo, (tonic, mode), brightness = _from_seed(request.seed)
    tempo, mode, brightness = style.tempo or tempo, style.mode or mode, style.brightness or brightness
    if analysis:
        tempo, tonic, mode, brightness = analysis.tempo, analysis.tonic, analysis.mode, analysis.brightness
    if request.tempo is not None:
        tempo = check_tempo(request.tempo)
    if request.key is not None:
        tonic, mode = parse_key(request.key)
    seconds = _seconds(request)
    score = compose(
        _words(request),
        tempo=tempo,
        tonic=tonic,
        mode=mode,
        accompanied=request.accompaniment or request.instrumental,
        brightness=brightness,
        seed=request.seed,
        seconds=max(1.0, seconds - TAIL) if seconds else None,
        language=request.language,
        cut=voice.cut,
        speaking=voice.rhythm,
    )
    return replace(score, groove=style.groove, without=style.without)


def _words(request: BandRequest) -> str:
    """What is sung; of an instrumental, the tags alone."""
    if request.instrumental:
        return "\n".join(TAG.findall(request.lyrics))
    return request.lyrics if request.lyrics.strip() else WORDLESS


def _seconds(request: BandRequest) -> float | None:
    """How long the song is to be: as requested, or as long as the reference of a cover; None where words decide."""
    if request.seconds is not None:
        return request.seconds
    if request.keep_form and request.reference:
        with soundfile.SoundFile(request.reference) as file:
            return float(min(file.frames / file.samplerate, request.most_seconds or np.inf))
    return None


def _cut(sound: Audio, seconds: float | None) -> Audio:
    """The sound, faded at a length that was requested."""
    return faded(sound[: round(seconds * RATE)] if seconds else sound)


def _key_name(score: Score) -> str:
    return f"{NOTE_NAMES[score.tonic]} {score.mode}"


def to_timeline(score: Score, notes: Sequence[str] = (), *, until: float = np.inf) -> dict[str, Any]:
    """When what is sung, as plain data for `minimax_nb.audio.timeline`.

    Parameters
    ----------
    score : Score
    notes : sequence of str
        What the voice has to say about the song.
    until : float
        The end of the song in s; lines that begin later are left out, and the notes say so.

    Returns
    -------
    dict
        ``language``; ``lines``, each with its syllables as ``[text, start, end]`` in s, whose texts joined are the
        line as it was written; ``pauses``, the numbers of the lines before which a pause stands; ``notes``.
    """
    lines = []
    sung_lines = [list(line) for _, line in groupby(score.syllables, key=lambda syllable: syllable.line)]
    late = sum(line[0].start >= until for line in sung_lines)
    if late:
        notes = [*notes, f"The last {late} of {len(sung_lines)} lines do not fit into {until:.0f} s."]
    for sung in sung_lines[: len(sung_lines) - late]:
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
    return [line for kind, line in nexts if kind in ("reply", "solo") and line >= 0]


def play_sample(
    destination: str | os.PathLike[str],
    *,
    seed: int = 5,
    seconds: float = 24.0,
    tempo: float | None = None,
    key: str | None = None,
) -> Path:
    """Play a short piece with a hummed lead into a file, to try songs with as their reference.

    It takes a few seconds, once: the library keeps what was played, and the same piece is copied from there.

    Parameters
    ----------
    destination : path
        The file to write: ``.mp3``, ``.wav`` or ``.flac``.
    seed : int
        Another one gives another piece.
    seconds : float
        How long it is at most, in s; it is longer than 20 s unless this says otherwise.
    tempo : float, optional
        In BPM, 40 to 240; else the seed's.
    key : str, optional
        Such as ``"A minor"``; else the seed's.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError
        When tempo or key cannot be played.

    Examples
    --------
    >>> from minimax_nb import play_sample
    >>> play_sample("reference.mp3", tempo=92, key="A minor")  # doctest: +SKIP
    PosixPath('reference.mp3')
    """
    destination = Path(destination)
    tempo = tempo and float(tempo)
    recipe = hashlib.sha256(f"{_own_code()} {seed} {float(seconds)} {tempo} {key}".encode()).hexdigest()
    samples = locate(os.environ.get("MINIMAX_NB_HOME")).database / "samples"
    kept = samples / f"{recipe[:32]}{destination.suffix.lower()}"
    if not _copied(kept, destination):
        say("The band plays a sample: a few seconds.")
        _play_sample(destination, seed, seconds, tempo, key)
        with contextlib.suppress(OSError):
            samples.mkdir(parents=True, exist_ok=True)
            write_durably(kept, destination.read_bytes())
    return destination


def _copied(source: Path, destination: Path) -> bool:
    with contextlib.suppress(OSError):
        shutil.copyfile(source, destination)
        return True
    return False


@functools.cache
def _own_code() -> str:
    """What the band plays by: another release of it plays something else."""
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
    return code.hexdigest()


def _play_sample(destination: Path, seed: int, seconds: float, tempo: float | None, key: str | None) -> None:
    own_tempo, own_key, brightness = _from_seed(seed)
    tempo, (tonic, mode) = tempo or own_tempo, parse_key(key) if key else own_key
    score = compose(WORDLESS, tempo=tempo, tonic=tonic, mode=mode, brightness=brightness, seed=seed)
    sound = master(faded(mix(hum(score), play(score))[: int(seconds * RATE)]))
    if destination.suffix.lower() == ".mp3":
        write_audio(sound, destination, title="A sample reference", comment="Played by the rehearsal band")
    else:
        soundfile.write(destination, sound, RATE)


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
