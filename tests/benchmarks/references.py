"""Sixty references of known tempo and key: thirty like the ones the band was tuned with, thirty unlike them.

The second thirty share neither grooves nor sounds with the band: organ-like and plucked chords, arpeggios, a walking
bass, brushes and bells, swing and waltz time, other progressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 22_050  # Hz
SECONDS = 24.0

Sound = NDArray[np.float64]

# Progressions as (semitones above the tonic, third), a bar each.
TUNED = {
    "major": (((0, 4), (7, 4), (9, 3), (5, 4)), ((0, 4), (5, 4), (7, 4), (0, 4)), ((0, 4), (9, 3), (5, 4), (7, 4))),
    "minor": (((0, 3), (8, 4), (3, 4), (10, 4)), ((0, 3), (5, 3), (7, 4), (0, 3)), ((0, 3), (10, 4), (8, 4), (7, 4))),
}
UNTUNED = {
    "major": (((0, 4), (2, 3), (7, 4), (0, 4)), ((0, 4), (4, 3), (5, 4), (7, 4)), ((0, 4), (5, 4), (2, 3), (7, 4))),
    "minor": (((0, 3), (5, 3), (10, 4), (3, 4)), ((0, 3), (8, 4), (5, 3), (7, 4)), ((0, 3), (3, 4), (10, 4), (5, 3))),
}
# Drum strokes of a bar in fractions of a beat: kick, snare, cymbal.
GROOVES = {
    "rock": (4, (0, 2), (1, 3), tuple(i / 2 for i in range(8))),
    "four": (4, (0, 1, 2, 3), (1, 3), tuple(i + 0.5 for i in range(4))),
    "soul": (4, (0, 1.5, 2.5), (1, 3), tuple(i / 4 for i in range(16))),
    "waltz": (3, (0,), (1, 2), (0, 1, 2)),
    "shuffle": (4, (0, 2), (1, 3), tuple(i + part for i in range(4) for part in (0, 2 / 3))),
    "train": (4, (0, 2), tuple(i / 2 for i in range(8)), (1, 3)),
    "tresillo": (4, (0, 1.5, 3), (2,), (0, 1, 2, 3)),
    "none": (4, (), (), ()),
}


@dataclass(frozen=True)
class Reference:
    """What a reference is made of: tempo in BPM, tonic as a pitch class, mode, groove and sound."""

    tempo: float
    tonic: int
    mode: str
    groove: str
    sound: str
    progression: tuple[tuple[int, int], ...]
    seed: int

    def played(self) -> Sound:
        """The samples, from -1 to 1."""
        beats, kick, snare, cymbal = GROOVES[self.groove]
        out = np.zeros(int((SECONDS + 4) * RATE))
        rng = np.random.default_rng(self.seed)
        beat = 60 / self.tempo
        for bar in range(int(SECONDS / beat / beats)):
            root, third = self.progression[bar % 4]
            chord = [self.tonic + root, self.tonic + root + third, self.tonic + root + 7]
            at = bar * beats * beat
            for start, sound in self._harmony(chord, beats, beat, rng):
                _add(out, at + start, sound)
            drums = ((kick, _drum(58, 0.1, 0.1), 0.7), (snare, _drum(210, 1, 0.06), 0.3), (cymbal, _noise(0.03), 0.1))
            for strokes, drum, level in drums:
                for stroke in strokes:
                    human = abs(float(rng.normal(0, 0.003)))
                    _add(out, at + stroke * beat + human, level * float(rng.uniform(0.8, 1)) * drum)
        out = out[: int(SECONDS * RATE)]
        return out / np.abs(out).max() * 0.8

    def _harmony(
        self, chord: list[int], beats: int, beat: float, rng: np.random.Generator
    ) -> Iterator[tuple[float, Sound]]:
        near = [52 + (note - 52) % 12 for note in chord]
        if self.sound == "keys":
            for count in range(beats):
                yield from ((count * beat, 0.12 * _tone(note, beat, (1, 0.5, 0.3), 2)) for note in near)
                yield count * beat, 0.15 * _tone(near[int(rng.integers(3))] + 12, beat, (1, 0.5, 0.3), 2)
            yield 0.0, 0.3 * _tone(36 + chord[0] % 12, beats * beat, (1, 0.6, 0.4), 1)
        elif self.sound == "organ":
            yield from ((0.0, 0.1 * _tone(note, beats * beat, (1, 1, 0.2, 0.6, 0, 0.3), 0)) for note in near)
            for count in range(beats):
                step = (0, 7, 12, 7)[count % 4]
                yield count * beat, 0.3 * _tone(33 + (chord[0] - 33) % 12 + step, beat, (1, 0.3), 3)
        elif self.sound == "plucked":
            for count in range(2 * beats):
                note = [*near, near[0] + 12][(0, 2, 1, 3, 2, 1)[count % 6]]
                yield count * beat / 2, 0.3 * _tone(note, beat, (1, 0.8, 0.6, 0.4, 0.3, 0.2), 5)
            yield 0.0, 0.3 * _tone(36 + chord[0] % 12, beats * beat, (1, 0.8, 0.5, 0.3), 3)
        else:  # bells over held strings
            yield from ((0.0, 0.08 * _tone(note, beats * beat, tuple(0.8**k for k in range(12)), 0)) for note in near)
            yield 0.0, 0.2 * _tone(36 + chord[0] % 12, beats * beat, (1, 0.4), 0)
            for count in range(beats):
                note = near[int(rng.integers(3))] + 24
                yield count * beat, 0.15 * _tone(note, 2 * beat, (1, 0, 0.4, 0, 0.2), 4)


def references() -> tuple[list[Reference], list[Reference]]:
    """Thirty that are like those the ear was tuned with, and thirty that are not."""
    rng = np.random.default_rng(2026)
    tuned, untuned = [], []
    for i in range(30):
        mode = ("major", "minor")[i % 2]
        tempo = round(float(70 + 90 * (i + 0.5) / 30 + rng.uniform(-1, 1)), 1)
        groove = ("rock", "four", "soul")[i % 3]
        tuned.append(Reference(tempo, i * 5 % 12, mode, groove, "keys", TUNED[mode][i // 2 % 3], i))
        tempo = round(float(68 + 92 * (29.5 - i) / 30 + rng.uniform(-1, 1)), 1)
        groove = ("waltz", "shuffle", "train", "tresillo", "rock", "none")[i % 6]
        sound = ("organ", "plucked", "bells")[i // 2 % 3]
        untuned.append(Reference(tempo, i * 7 % 12, mode, groove, sound, UNTUNED[mode][i // 6 % 3], 100 + i))
    return tuned, untuned


def _add(out: Sound, at: float, sound: Sound) -> None:
    first = int(at * RATE)
    sound = sound[: max(0, len(out) - first)]
    out[first : first + len(sound)] += sound


def _tone(pitch: int, length: float, overtones: tuple[float, ...], decay: float) -> Sound:
    t = np.arange(int(length * RATE)) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(level * np.sin(2 * np.pi * hertz * k * t) for k, level in enumerate(overtones, 1) if hertz * k < 9000)
    return np.asarray(wave * np.exp(-decay * t) * np.minimum(1, t / 0.008) * np.minimum(1, t[::-1] / 0.02))


def _drum(hertz: float, noise: float, decay: float) -> Sound:
    t = np.arange(int(0.25 * RATE)) / RATE
    rustle = np.random.default_rng(int(hertz)).standard_normal(len(t))
    return np.asarray((np.sin(2 * np.pi * hertz * t) + noise * rustle) * np.exp(-t / decay))


def _noise(decay: float) -> Sound:
    t = np.arange(int(0.15 * RATE)) / RATE
    return np.asarray(np.diff(np.random.default_rng(1).standard_normal(len(t) + 1)) * np.exp(-t / decay))
