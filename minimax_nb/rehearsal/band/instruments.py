"""Play a score: drums, bass, keys, pad and hook, to a lead that a `voice` sings.

Every sound is made here, from sines, wavetables and shaped noise. A stem is float32, shape (samples, 2), at `RATE`,
with `TAIL` s after the last beat for what still rings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import cos, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from .composer import Chord, Score, Section, rng_for
from .grooves import STEPS, Groove, choose_groove

Audio = NDArray[np.float32]

RATE = 44_100  # Hz
TAIL = 1.5  # s
KEYS_KEPT = 48  # notes of one or two seconds, 12 MB


ENERGY = {"intro": 0.65, "line": 0.85, "reply": 1.0, "solo": 1.0, "ending": 0.9}


def play(score: Score) -> Iterator[tuple[str, Audio]]:
    """The band's stems by name, one at a time so that only one need be in memory; none when unaccompanied."""
    if not score.accompanied:
        return
    groove = choose_groove(score)
    voicings = _voicings(score.chords)
    players: dict[str, Callable[[], Audio]] = {
        "drums": lambda: _drums(score, groove),
        "bass": lambda: _bass(score, groove),
        "keys": lambda: _keys(score, groove, voicings),
        "pad": lambda: _pad(score, voicings),
        "hook": lambda: _hook(score),
    }
    yield from ((name, played()) for name, played in players.items() if name not in score.without)


def silence(samples: int) -> Audio:
    """Stereo sound of zeros, shape (samples, 2), each side in one piece of memory."""
    return np.zeros((2, samples), dtype=np.float32).T


def length(score: Score) -> int:
    """How many samples a stem of a score has."""
    return int((score.duration + TAIL) * RATE)


def _silence(score: Score) -> Audio:
    return silence(length(score))


def _add(stem: Audio, start: float, sound: Audio, gain: float, pan: float = 0.0) -> None:
    """Mix a mono sound into a stem at a second; pan from -1, left, to 1."""
    first = max(0, round(start * RATE))
    sound = sound[: max(0, len(stem) - first)]
    for side, sign in zip(stem.T, (1, -1), strict=True):
        level = gain * sqrt(2) * cos(pi / 4 * (1 + sign * pan))
        side[first : first + len(sound)] += sound * np.float32(level)


def _seconds(length: float) -> NDArray[np.float64]:
    return np.arange(int(length * RATE)) / RATE


def _hertz(pitch: float) -> float:
    return float(440 * 2 ** ((pitch - 69) / 12))


def _ends(length: int, attack: float, release: float) -> Audio:
    """A rise and a fall without clicks, in s."""
    shape = np.ones(length, dtype=np.float32)
    for side, seconds in ((shape, attack), (shape[::-1], release)):
        samples = min(length, int(seconds * RATE) + 1)
        side[:samples] *= np.arange(samples, dtype=np.float32) / np.float32(seconds * RATE)
    return shape


# --- the drums ---


def _sweep(high: float, low: float, fall: float, decay: float, length: float) -> NDArray[np.float64]:
    """A sine that falls from one frequency to another, as a struck skin does."""
    t = _seconds(length)
    phase = 2 * np.pi * np.cumsum(low + (high - low) * np.exp(-t / fall)) / RATE
    return np.asarray(np.sin(phase) * np.exp(-t / decay) * _ends(len(t), 0.001, 0.01))


def _hiss(low: float, high: float, decay: float, length: float, attack: float = 0.001) -> NDArray[np.float64]:
    """Noise between two frequencies that dies away; the same every time."""
    t = _seconds(length)
    spectrum = np.fft.rfft(np.random.default_rng(len(t)).standard_normal(len(t)))
    hertz = np.fft.rfftfreq(len(t), 1 / RATE)
    spectrum *= 1 / np.sqrt((1 + (low / np.maximum(hertz, 1)) ** 6) * (1 + (hertz / high) ** 6))
    noise = np.fft.irfft(spectrum, len(t))
    return np.asarray(noise / np.abs(noise).max() * np.exp(-t / decay) * _ends(len(t), attack, 0.01))


def _upon(long: NDArray[np.float64], short: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two sounds that start together, as one."""
    return long + np.pad(short, (0, len(long) - len(short)))


@functools.cache
def _drum(name: str) -> Audio:
    """One stroke of a drum."""
    sounds: dict[str, Callable[[], NDArray[np.float64]]] = {
        "kick": lambda: _upon(_sweep(150, 48, 0.03, 0.16, 0.4), 0.15 * _hiss(1500, 6000, 0.006, 0.03)),
        "snare": lambda: 0.5 * _sweep(260, 185, 0.02, 0.07, 0.3) + 0.8 * _hiss(900, 9000, 0.075, 0.3),
        "rim": lambda: 0.5 * _sweep(900, 820, 0.01, 0.02, 0.12) + 0.5 * _hiss(1800, 7000, 0.02, 0.12),
        "clap": lambda: _hiss(900, 5000, 0.09, 0.3) * (1 + 0.8 * np.sin(2 * np.pi * 90 * _seconds(0.3))),
        "hat": lambda: 0.6 * _hiss(7000, 15000, 0.03, 0.12),
        "open hat": lambda: 0.5 * _hiss(6500, 15000, 0.16, 0.5),
        "shaker": lambda: 0.5 * _hiss(4500, 11000, 0.035, 0.14, attack=0.02),
        "tom high": lambda: 0.9 * _sweep(230, 165, 0.05, 0.16, 0.4),
        "tom low": lambda: 0.9 * _sweep(160, 105, 0.05, 0.2, 0.5),
        "crash": lambda: 0.6 * _hiss(3500, 14000, 0.6, 2.0),
    }
    return sounds[name]().astype(np.float32)


def _drums(score: Score, groove: Groove) -> Audio:
    """The drums: the groove in every bar, a fill into each new part, a crash on its first beat."""
    stem, rng = _silence(score), rng_for(score.seed, "drums")
    new_parts = _new_parts(score)
    drums = (
        ("kick", groove.kick, 0.0, 0.9),
        (groove.snare_sound, groove.snare, 0.05, 0.6),
        (groove.hat_sound, groove.hat, -0.25, 0.6),
    )
    for section, beat, step in _steps(score):
        if any(start - 1 <= beat < start for start in new_parts):
            continue  # a fill has the drums
        energy = ENERGY[section.kind]
        for name, pattern, pan, level in drums:
            strength = _strength(pattern, step)
            if strength:
                late = 0.0 if name == "kick" else float(rng.normal(0.003, 0.003))
                touch = strength * level * energy * float(rng.uniform(0.9, 1.05))
                _add(stem, score.at(beat) + late, _drum(name), touch, pan)
    for start in new_parts:
        _fill(stem, score, start, rng)
    return stem


def _steps(score: Score) -> Iterator[tuple[Section, float, int]]:
    """Each sixteenth up to the ending, with its section, beat and place in the bar."""
    for section in score.sections[:-1]:
        first = int(np.ceil(section.beat * 4 - 1e-6))
        for sixteenth in range(first, int(np.ceil((section.beat + section.beats) * 4 - 1e-6))):
            yield section, sixteenth / 4, sixteenth % STEPS


def _strength(pattern: str, step: int) -> float:
    mark = pattern[step]
    return int(mark) / 9 if mark.isdigit() else 0.0


def _new_parts(score: Score) -> list[float]:
    """The beats on which another part of the song begins, the tight ones left out."""
    return [b.beat for a, b in pairwise(score.sections) if a.kind != b.kind and a.beats >= 2 and b.beats >= 2]


def _fill(stem: Audio, score: Score, start: float, rng: np.random.Generator) -> None:
    """A beat of strokes down the drums, and a crash with the kick where the new part begins."""
    drums = [("snare", 0.1), ("snare", 0.1), ("tom high", -0.3), ("tom low", 0.35)]
    strokes = (0, 0.25, 0.5, 0.75) if rng.random() < 0.6 else (0, 0.5, 0.75)
    for (name, pan), place in zip(drums[-len(strokes) :], strokes, strict=True):
        _add(stem, score.at(start - 1 + place), _drum(name), 0.35 + 0.2 * place, pan)
    _add(stem, score.at(start), _drum("crash"), 0.4, 0.3)
    _add(stem, score.at(start), _drum("kick"), 0.8)


# --- the harmony ---


def _voicings(chords: tuple[Chord, ...]) -> list[tuple[int, ...]]:
    """MIDI pitches of each chord between D3 and B4, each voice moving as little as it can."""
    voicings: list[tuple[int, ...]] = []
    before = np.array((57, 60, 64))
    for chord in chords:
        spread = [sorted(lowest + (pitch - lowest) % 12 for pitch in chord.pitches) for lowest in range(50, 61)]
        moves = [np.abs(np.array(v)[:, None] - before).min(axis=1).sum() + 0.3 * abs(np.mean(v) - 60) for v in spread]
        voicings.append(tuple(spread[int(np.argmin(moves))]))
        before = np.array(voicings[-1])
    return voicings


def _key(sound: str, pitch: int, samples: int) -> Audio:
    """A note of the keys or the guitar."""
    return _struck(sound, pitch, -(-samples // RATE))[:samples] * _ends(samples, 0.004, 0.06)


@functools.lru_cache(maxsize=KEYS_KEPT)
def _struck(sound: str, pitch: int, seconds: int) -> Audio:
    """A key that is never let go."""
    t = _seconds(seconds)
    turn = (2 * np.pi * (_hertz(pitch) * t % 1)).astype(np.float32)
    t = t.astype(np.float32)
    if sound == "electric piano":
        bite, tine = 1.7 * np.exp(-t / 0.4), 0.12 * np.exp(-t / 0.06)
        tone = np.sin(turn + bite * np.sin(turn)) + tine * np.sin(7 * turn)
        tone *= np.exp(-t / 1.1)
    elif sound == "guitar":
        # Plucked at 22 % of the string; the high harmonics die first.
        plucked = [np.sin(np.pi * k * 0.22) / k for k in range(1, 11)]
        tone = np.zeros_like(t)
        for k, level in enumerate(plucked, 1):
            tone += np.float32(level) * np.sin(k * turn) * np.exp(-t * np.float32(1.2 + 0.9 * k))
    else:
        tone = np.zeros_like(t)
        for k, level in ((1, 0.4), (2, 0.28), (3, 0.14), (4, 0.12), (6, 0.05)):
            tone += level * np.sin(k * turn)
    return np.asarray(tone, dtype=np.float32)


def _keys(score: Score, groove: Groove, voicings: list[tuple[int, ...]]) -> Audio:
    """The chords in the groove's rhythm; strong steps play the chord, light ones a single note of it."""
    stem, rng = _silence(score), rng_for(score.seed, "keys")
    strokes = [(beat, step) for _, beat, step in _steps(score) if _strength(groove.keys, step)]
    ending = score.sections[-1].beat
    for (beat, step), (stop, _) in pairwise([*strokes, (ending, 0)]):
        strength = _strength(groove.keys, step)
        voicing = voicings[score.chord_at(beat)]
        notes = voicing if strength > 0.4 else (voicing[int(rng.integers(len(voicing)))] + 12,)
        length = min(score.at(min(stop, beat + 2)) - score.at(beat) + 0.08, 2.0)
        for i, pitch in enumerate(notes):
            roll = i * 0.012 if groove.keys_sound == "guitar" else float(rng.uniform(0, 0.006))
            sound = _key(groove.keys_sound, pitch, int(length * RATE))
            _add(stem, score.at(beat) + roll, sound, 0.16 * strength, -0.4 + 0.25 * i)
    for i, pitch in enumerate((*voicings[-1], voicings[-1][0] + 12)):
        sound = _key(groove.keys_sound, pitch, int((score.duration - score.at(ending) + TAIL / 2) * RATE))
        _add(stem, score.at(ending) + 0.02 * i, sound, 0.14, -0.4 + 0.25 * i)
    return stem


@functools.cache
def _table(kind: str) -> Audio:
    """One period of a sound, 4096 samples."""
    levels = {
        "bass": [1, 0.6, 0.35, 0.2, 0.12, 0.07, 0.04],
        "pad": [1 / k**1.5 for k in range(1, 13)],
        "flute": [1, 0.35, 0.12, 0.05, 0.02],
    }[kind]
    turn = 2 * np.pi * np.arange(4096) / 4096
    return np.asarray(sum(level * np.sin(k * turn) for k, level in enumerate(levels, 1)), dtype=np.float32)


def _wave(kind: str, hertz: float | NDArray[np.float64], samples: int, phase: float = 0.0) -> Audio:
    """A wavetable read at one frequency, or at a frequency per sample."""
    if isinstance(hertz, np.ndarray):
        places = ((phase + np.cumsum(hertz) / RATE) * 4096).astype(np.int64) & 4095
    else:
        # A turn is 2^32, at which whole numbers begin again by themselves.
        places = np.arange(samples, dtype=np.uint32)
        places *= np.uint32(hertz / RATE * 2**32)
        places += np.uint32(phase * 2**32)
        places >>= np.uint32(20)
    return np.asarray(_table(kind).take(places))


def _bass(score: Score, groove: Groove) -> Audio:
    """The bass: roots, fifths and octaves in the groove's rhythm, from A1 up."""
    stem, rng = _silence(score), rng_for(score.seed, "bass")
    strokes = [(beat, groove.bass[step]) for _, beat, step in _steps(score) if groove.bass[step] != "."]
    ending = score.sections[-1].beat
    for (beat, mark), (stop, _) in pairwise([*strokes, (ending, "r"), (ending + 8, ".")]):
        root = 33 + (score.chords[score.chord_at(beat)].pitches[0] - 33) % 12
        pitch = root + {"r": 0, "5": 7 if root < 40 else -5, "o": 12}[mark]
        samples = int(0.92 * RATE * (min(score.at(stop), score.duration) - score.at(beat)))
        shape = 0.35 + 0.65 * np.exp(-np.arange(samples, dtype=np.float32) / np.float32(0.4 * RATE))
        sound = _wave("bass", _hertz(pitch), samples) * shape * _ends(samples, 0.006, 0.04)
        _add(stem, score.at(beat) + float(rng.uniform(0, 0.004)), sound, 0.4)
    return stem


def _pad(score: Score, voicings: list[tuple[int, ...]]) -> Audio:
    """Held chords, each note detuned by 5 cents to the left and to the right."""
    stem, rng = _silence(score), rng_for(score.seed, "pad")
    for chord, voicing in zip(score.chords, voicings, strict=True):
        start, stop = score.at(chord.beat), score.at(chord.beat + chord.beats)
        samples = int((stop - start + 0.35) * RATE)
        shape = np.float32(0.06) * _ends(samples, min(0.4, (stop - start) / 2), 0.4)
        phases = rng.random((len(voicing), 2))
        for cents, pan, side in ((-5, -0.8, 0), (5, 0.8, 1)):
            hertz = [_hertz(pitch + cents / 100) for pitch in voicing]
            sound = sum(
                _wave("pad", each, samples, phase) for each, phase in zip(hertz, phases[:, side], strict=True)
            )
            _add(stem, start, sound * shape, 1.0, pan)
    return stem


def _hook(score: Score) -> Audio:
    """The instrument that opens the song and answers in the pauses: a flute or a bell-like piano, by the seed."""
    stem = _silence(score)
    flute = rng_for(score.seed, "hook").random() < 0.5
    for note in score.hook:
        samples = int((note.length + 0.1) * RATE)
        if flute:
            t = np.arange(samples) / RATE
            hertz = _hertz(note.pitch) * (1 + 0.004 * np.minimum(1, t / 0.4) * np.sin(2 * np.pi * 5.2 * t))
            sound = _wave("flute", hertz, samples) * _ends(samples, 0.05, 0.1)
        else:
            sound = _key("electric piano", note.pitch, samples)
        _add(stem, note.start, sound, 0.3 * note.strength, 0.2)
    return stem
