"""Sing a score: the lead as a stem, float32, shape (samples,), as long as the band's and at its `RATE`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import install
from .composer import Score
from .instruments import RATE, TAIL, Audio
from .mixer import smooth
from .syllables import Rhythm, Words, by_rule

Notes = list[tuple[float, float, int, str]]  # start and end in s, MIDI pitch, vowel

HUMMED = f"The words are hummed; a voice that sings them comes with: {install('voice')}"
CONTROL = 64  # samples between two values of a slow curve

# First three formants in Hz of sung vowels, after Peterson & Barney (1952), "Control methods used in a study of
# the vowels".
FORMANTS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (300, 2250, 3010),
    "o": (570, 840, 2410),
    "u": (320, 870, 2240),
}
FORMANT_WIDTHS, FORMANT_GAINS = (90, 110, 170), (1.0, 0.4, 0.15)
HARMONICS = 18
UNSUNG = re.compile(r"(?<=q)u|(?<=g)u(?=[ei])")  # qué, guide


class Voice(Protocol):
    """Who has the lead: cuts words into syllables for the composer, and sings what was composed."""

    def cut(self, words: Sequence[str], language: str) -> Words:
        """The words of a line as the syllables this voice sings."""

    def rhythm(self, words: tuple[str, ...], language: str) -> Rhythm | None:
        """How this voice speaks a line; None where it does not."""

    def sing(self, score: Score) -> Audio:
        """The lead of a score, shape (samples,)."""

    def remarks(self, score: Score) -> tuple[str, ...]:
        """What listeners should know, such as words that could not be sung; a sentence each."""


class Hummer:
    """The voice without the extra `[voice]`: it hums."""

    def cut(self, words: Sequence[str], language: str) -> Words:
        """The words of a line as syllables, by rule."""
        return by_rule(words, language)

    def rhythm(self, words: tuple[str, ...], language: str) -> Rhythm | None:
        """None: what is hummed is not spoken."""
        return None

    def sing(self, score: Score) -> Audio:
        """The lead, hummed."""
        return hum(score)

    def remarks(self, score: Score) -> tuple[str, ...]:
        """How the words could be sung."""
        return (HUMMED,)


def hum(score: Score) -> Audio:
    """Hum the lead on the vowels of its words: a voice until a singer is there, shape (samples,).

    Unaccompanied, it hums the hook as well.
    """
    notes = [(s.start, s.end, s.pitch, _vowel(s.text)) for s in score.syllables]
    if not score.accompanied:
        notes = sorted(notes + [(n.start, n.start + n.length, n.pitch, "u") for n in score.hook])
    length = int((score.duration + TAIL) * RATE)
    if not notes:
        return np.zeros(length, dtype=np.float32)
    times = np.arange(0, length + CONTROL, CONTROL) / RATE
    hertz = pitch_curve(times, CONTROL / RATE, notes)
    levels = _harmonic_levels(times, hertz, notes) * _loudness_curve(times, notes)
    return _additive(hertz, levels, length)


def _vowel(text: str) -> str:
    """The vowel a syllable is hummed on; "a" where none is written."""
    characters = UNSUNG.sub("", unicodedata.normalize("NFD", text.lower()))
    return next((char for char in characters if char in FORMANTS), "a")


def _note_at(times: NDArray[np.float64], notes: Sequence[Sequence[Any]]) -> NDArray[np.int64]:
    """The index of the note that sounds, or sounded last, at each time."""
    found = np.searchsorted([note[0] for note in notes], times, side="right") - 1
    return np.asarray(np.clip(found, 0, len(notes) - 1))


def _glide(values: NDArray[np.float64], seconds: float, step: float = CONTROL / RATE) -> NDArray[np.float64]:
    """A curve that takes so long from one value to the next."""
    return smooth(values, max(1, round(seconds / step)) | 1)


def pitch_curve(
    times: NDArray[np.float64], step: float, notes: Sequence[Sequence[Any]], scoop: float = 0.0
) -> NDArray[np.float64]:
    """Hz at each time, the times a `step` apart.

    A glide of 70 ms from note to note, vibrato of 5.6 Hz and 30 cents on those over 0.38 s, 0.22 s after their
    start; the first note is reached from `scoop` semitones below, others over 0.2 s from half of that.

    Parameters
    ----------
    notes : of each its start and end in s and its MIDI pitch
    """
    starts = np.array([note[0] for note in notes])
    index = _note_at(times + 0.02, notes)  # the glide is over soon after the beat
    since, lengths = times - starts[index], np.array([note[1] - note[0] for note in notes])[index]
    under = 0.5 * scoop * np.clip(1 - since / 0.12, 0, 1) ** 2 * (lengths > 0.2)
    pitch = _glide(np.array([note[2] for note in notes], dtype=float)[index] - under, 0.07, step)
    long = lengths > 0.38
    vibrato = 0.3 * np.sin(2 * np.pi * 5.6 * (since - 0.22)) * np.clip((since - 0.22) / 0.2, 0, 1) * long
    pitch -= scoop * np.clip((starts[0] + 0.05 - times) / 0.1, 0, 1)
    return np.asarray(440 * 2 ** ((pitch + vibrato - 69) / 12))


def _loudness_curve(times: NDArray[np.float64], notes: Notes) -> NDArray[np.float64]:
    """From 0 to 1: a dip between two syllables, silence in a rest."""
    index = _note_at(times, notes)
    starts, ends = np.array([note[0] for note in notes]), np.array([note[1] for note in notes])
    gap = np.minimum(0.04, 0.2 * (ends - starts))
    sounding = (times >= starts[index]) & (times < (ends - gap)[index])
    fade = 1 - 0.35 * np.clip((times - starts[index]) / 1.5, 0, 1)
    return _glide(sounding * fade, 0.05)


def _harmonic_levels(times: NDArray[np.float64], hertz: NDArray[np.float64], notes: Notes) -> NDArray[np.float64]:
    """The strength of each harmonic of a voice that sings the vowels, shape (HARMONICS, times)."""
    index = _note_at(times, notes)
    formants = np.array([FORMANTS[note[3]] for note in notes], dtype=float)[index]
    overtone = np.arange(1, HARMONICS + 1)[:, None]
    levels = np.zeros((HARMONICS, len(times)))
    for column, (width, gain) in enumerate(zip(FORMANT_WIDTHS, FORMANT_GAINS, strict=True)):
        centre = _glide(formants[:, column], 0.06)
        levels += gain / (1 + ((overtone * hertz - centre) / width) ** 2)
    # A soft voice keeps its fundamental below the first formant, and falls off by 6 dB an octave.
    levels = (levels + 0.15) / overtone
    return np.asarray(levels / np.sqrt((levels**2).sum(axis=0)))


def _additive(hertz: NDArray[np.float64], levels: NDArray[np.float64], length: int) -> Audio:
    """Sum the harmonics; each sine comes from the two before it: sin kx = 2 cos x sin (k-1)x - sin (k-2)x."""
    samples, places = np.arange(length), np.arange(len(hertz)) * CONTROL
    turns = np.cumsum(np.interp(samples, places, hertz) / RATE) % 1
    doubled = (2 * np.cos(2 * np.pi * turns)).astype(np.float32)
    before, sine = np.zeros(length, dtype=np.float32), np.sin(2 * np.pi * turns).astype(np.float32)
    out = np.zeros(length, dtype=np.float32)
    for level in levels:
        out += np.interp(samples, places, level).astype(np.float32) * sine
        before, sine = sine, doubled * sine - before
    return 0.4 * out
