"""Analyse a reference track: its tempo, key, loudness and brightness.

Plain numpy on a mono excerpt. Whatever is played, an answer comes back, each with a confidence from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ...errors import InvalidReference

Array = NDArray[np.float32]

NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

RATE = 22_050  # Hz, what everything below works at
LONGEST = 60.0  # s; a minute is plenty and bounds the memory
HOP = 128  # samples between two measurements of the onsets (5.8 ms)
WINDOW = 1024
DEFAULT_TEMPO = 100.0  # BPM, when there is no beat
SLOWEST, FASTEST = 56.0, 184.0  # BPM, where a beat is searched
SLOW_TEMPO = 85.0  # BPM; below it, the tempo may be half of the one people tap
USUAL_TEMPO, OCTAVES_AROUND = 112.0, 0.85  # the tempo people tap most, and how far they stray from it

LOWEST_NOTE, NOTES = 33, 60  # MIDI, the notes searched: A1 to G#6
BASS_NOTES = 24  # the lowest of them, where a bass plays
OVERTONES, OVERTONE_DECAY = 8, 0.7
OPENING, OPENING_WEIGHT = 1.5, 5.0  # s, and how much more they count
CHORD_FFT = 16_384  # samples; 1.3 Hz apart, so that semitones of a bass stay apart

# Krumhansl & Kessler (1982), "Tracing the dynamic changes in perceived tonal organization".
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
# How much each triad (degree in semitones, third) speaks for a key; the dominant and subdominant tell keys apart.
TRIADS = {
    "major": {(0, 4): 1.0, (7, 4): 0.7, (5, 4): 0.65, (9, 3): 0.45, (2, 3): 0.4, (4, 3): 0.3},
    "minor": {(0, 3): 1.0, (7, 4): 0.6, (5, 3): 0.65, (8, 4): 0.5, (10, 4): 0.45, (3, 4): 0.45, (7, 3): 0.45},
}


@dataclass(frozen=True)
class Analysis:
    """What a reference sounds like.

    Attributes
    ----------
    tempo : float
        In BPM.
    tempo_confidence, key_confidence : float
        From 0 (a guess) to 1.
    tonic : int
        A pitch class, 0 being C.
    mode : str
        "major" or "minor".
    loudness : float
        The level of its sounding parts, in dBFS.
    brightness : float
        Its spectral centroid, in Hz.
    """

    tempo: float
    tempo_confidence: float
    tonic: int
    mode: str
    key_confidence: float
    loudness: float
    brightness: float

    @property
    def key(self) -> str:
        """The key as a musician writes it, such as "A minor"."""
        return f"{NOTE_NAMES[self.tonic]} {self.mode}"

    def __str__(self) -> str:
        return (
            f"{self.tempo:.0f} BPM (confidence {self.tempo_confidence:.1f}), "
            f"{self.key} (confidence {self.key_confidence:.1f}), {self.loudness:.0f} dBFS"
        )


def analyse(path: Path | str) -> Analysis:
    """Measure what the rehearsal band goes by in the first minute of a song or a reference.

    Parameters
    ----------
    path : path
        A wav, mp3, flac or ogg file.

    Returns
    -------
    Analysis
        Its ``tempo`` (BPM), ``key`` (such as ``"A minor"``), ``loudness`` (dBFS) and ``brightness`` (Hz), with
        ``tempo_confidence`` and ``key_confidence`` from 0 to 1.

    Raises
    ------
    InvalidReference
        When the file cannot be read as audio.

    Examples
    --------
    >>> print(analyse("reference.mp3"))  # doctest: +SKIP
    >>> analyse(song.path).tempo  # doctest: +SKIP
    """
    mono = _without_silence(_read(Path(path).expanduser()))
    level = float(np.sqrt(np.mean(mono**2)))
    mono = mono / max(level, 1e-9)
    onsets = _onset_strength(mono)
    tempo, tempo_confidence = _tempo(onsets)
    tonic, mode, key_confidence = _key(mono)
    return Analysis(
        tempo=tempo,
        tempo_confidence=tempo_confidence,
        tonic=tonic,
        mode=mode,
        key_confidence=key_confidence,
        loudness=20 * float(np.log10(max(level, 1e-5))),
        brightness=_brightness(mono),
    )


def _read(path: Path) -> Array:
    """The start of a file as mono at `RATE`, what is louder than full scale clipped as a player would.

    It is twice as long as what is analysed, so that silence in front leaves enough.
    """
    if not path.is_file():
        raise InvalidReference(f"There is no file {path}.")
    try:
        with soundfile.SoundFile(path) as file:
            sound = file.read(int(2 * LONGEST * file.samplerate), dtype="float32", always_2d=True)
            rate = file.samplerate
    except (soundfile.LibsndfileError, OSError):
        raise InvalidReference(f"{path.name} cannot be read as audio.") from None
    mono = np.clip(np.nan_to_num(sound, copy=False), -1, 1, out=sound).mean(axis=1)
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE)
    return np.asarray(mono, dtype=np.float32)


def _without_silence(mono: Array) -> Array:
    """The sound between its silent ends."""
    mono = np.pad(mono, (0, max(0, RATE - mono.size)))
    block = RATE // 20
    power = (mono[: mono.size // block * block].reshape(-1, block) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > max(1e-4 * float(power.max()), 1e-10))
    if loud.size == 0:
        return mono
    start = int(loud[0]) * block
    end = max((int(loud[-1]) + 1) * block, start + RATE)
    return mono[start:end][: int(LONGEST * RATE)]


def _spectra(mono: Array, size: int, hop: int) -> Array:
    """Magnitudes, shape (frames, size // 2 + 1)."""
    padded = np.pad(mono, (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size).astype(np.float32)
    # A few hundred frames at a time keep the memory small.
    blocks = [np.abs(np.fft.rfft(frames[i : i + 256] * window)) for i in range(0, len(frames), 256)]
    return np.concatenate(blocks).astype(np.float32)


def _bands(bins: int, count: int, low: float, high: float) -> Array:
    """Triangles evenly spaced in log frequency, shape (bins, count)."""
    edges = np.geomspace(low, high, count + 2) / RATE * 2 * (bins - 1)
    x = np.arange(bins)[:, None]
    rise = (x - edges[:-2]) / np.maximum(edges[1:-1] - edges[:-2], 1)
    fall = (edges[2:] - x) / np.maximum(edges[2:] - edges[1:-1], 1)
    return np.asarray(np.clip(np.minimum(rise, fall), 0, None), dtype=np.float32)


def _onset_strength(mono: Array) -> Array:
    """How much new sound starts in each frame of `HOP` samples; local mean removed, shape (frames,)."""
    spectra = _spectra(mono, WINDOW, HOP)
    loudness = np.log1p(3 * (spectra @ _bands(spectra.shape[1], 32, 40, 9000)))
    rise = np.maximum(loudness[3:] - loudness[:-3], 0).mean(axis=1)
    # The rise over three frames is centred half way between them; the ends would take the cut for an onset.
    onsets = np.pad(rise, (2, 1))
    onsets[:4] = onsets[4]
    width = int(0.8 * RATE / HOP)
    mean = np.convolve(np.pad(onsets, width // 2, mode="edge"), np.ones(width) / width, mode="same")
    peaks = np.maximum(onsets - mean[width // 2 :][: onsets.size], 0)
    return np.asarray(peaks, dtype=np.float32)


def _autocorrelation(onsets: Array) -> NDArray[np.float64]:
    """Autocorrelation, 1 at lag 0, corrected for the shrinking overlap; lags up to half the length."""
    centred = onsets - onsets.mean()
    spectrum = np.fft.rfft(centred, 2 * centred.size)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[: centred.size // 2]
    overlap = 1 - np.arange(products.size) / centred.size
    return np.asarray(products / overlap / max(float(products[0]), 1e-12))


def _tempo(onsets: Array) -> tuple[float, float]:
    """The tempo in BPM and its confidence: a comb over the autocorrelation, then a fine Fourier fit."""
    similar = _autocorrelation(onsets)
    tempi = np.geomspace(SLOWEST, FASTEST, 400)
    lags = 60 / tempi * RATE / HOP
    comb = np.zeros(tempi.size)
    multiples, weights = (1, 2, 3, 4, 6, 8), (1.0, 1.0, 0.5, 1.0, 0.5, 1.0)
    for multiple, weight in zip(multiples, weights, strict=True):
        comb += weight * _peak_near(similar, multiple * lags) / sum(weights)
    usual = np.exp(-0.5 * (np.log2(tempi / USUAL_TEMPO) / OCTAVES_AROUND) ** 2)
    best = int(np.argmax(comb * usual))
    confidence = float(np.clip(2 * comb[best] - 0.2, 0, 1))
    if confidence == 0:
        return DEFAULT_TEMPO, 0.0
    tempo = _refined(onsets, float(tempi[best]))
    return tempo * (2 if _is_half(onsets, tempo) else 1), confidence


def _is_half(onsets: Array, tempo: float) -> bool:
    """Whether a slow tempo is half the real one: between two beats there is as good a beat."""
    if tempo >= SLOW_TEMPO:
        return False
    period = 60 / tempo * RATE / HOP
    first = _beat_phase(onsets, tempo) * RATE / HOP
    beats = first + np.arange(int((onsets.size - first) / period)) * period
    if beats.size < 2:
        return False
    strength = _peak_near(onsets, beats)
    between = _peak_near(onsets, beats + period / 2).mean() / max(float(strength.mean()), 1e-9)
    odd, even = float(strength[1::2].mean()), float(strength[::2].mean())
    return bool(between > 0.5 and min(odd, even) > 0.75 * max(odd, even))


def _peak_near(values: NDArray[np.floating[Any]], places: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The largest of the values within a frame of each place."""
    around = [np.interp(places + shift, np.arange(values.size), values, right=0) for shift in (-1, 0, 1)]
    return np.asarray(np.max(around, axis=0))


def _refined(onsets: Array, tempo: float) -> float:
    """The tempo near the given one whose pulse, halves and quarters fit the whole excerpt best."""
    seconds = np.flatnonzero(onsets) * HOP / RATE
    strength = onsets[np.flatnonzero(onsets)]
    for width, steps in ((0.02, 81), (0.001, 41)):
        tempi = tempo * (1 + np.linspace(-width, width, steps))
        turns = np.exp(-2j * np.pi / 60 * tempi[:, None] * seconds)
        fit = np.zeros(steps)
        for _ in range(3):
            fit += np.abs(turns @ strength)
            turns = turns * turns
        tempo = float(tempi[np.argmax(fit)])
    return tempo


def _beat_phase(onsets: Array, tempo: float) -> float:
    """When the first beat falls, in s from the start of the excerpt."""
    period = 60 / tempo * RATE / HOP
    first = np.arange(0, period, 0.5)
    beats = np.arange(max(1, int(onsets.size / period) - 1)) * period
    hits = np.interp(first[:, None] + beats, np.arange(onsets.size), onsets).sum(axis=1)
    return float(first[np.argmax(hits)] * HOP / RATE)


def _brightness(mono: Array) -> float:
    """The spectral centroid in Hz, each frequency counted by its magnitude."""
    magnitudes = _spectra(mono, WINDOW, WINDOW).mean(axis=0)
    hertz = np.linspace(0, RATE / 2, magnitudes.size)
    return float((hertz * magnitudes).sum() / max(float(magnitudes.sum()), 1e-9))


def _semitones(mono: Array) -> Array:
    """Magnitude per semitone from `LOWEST_NOTE` on, noise floor removed, shape (frames, semitones)."""
    spectra = _spectra(mono, CHORD_FFT, CHORD_FFT // 4)
    hertz = np.arange(1, spectra.shape[1]) * RATE / CHORD_FFT
    pitch = 69 + 12 * np.log2(hertz / 440)
    pitch = pitch - _tuning(spectra[:, 1:].mean(axis=0), pitch)
    places = LOWEST_NOTE + np.arange(NOTES + 24)
    weights = np.clip(1 - 1.4 * np.abs(pitch[:, None] - places), 0, None).astype(np.float32)
    # Per bin, so that high semitones, which span more bins, do not weigh more for drums alone.
    semitones = spectra[:, 1:] @ (weights / np.sqrt(weights.sum(axis=0) + 1e-9))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(semitones, ((0, 0), (6, 6)), mode="edge"), 13, axis=1)
    return np.asarray(np.maximum(semitones - np.median(around, axis=2), 0), dtype=np.float32)


def _tuning(spectrum: Array, pitch: NDArray[np.float64]) -> float:
    """How far the instruments are tuned off A = 440 Hz, in semitones from -0.5 to 0.5."""
    inside = (pitch > 50) & (pitch < 90)
    inside[1:-1] &= (spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:])
    return float(np.angle((spectrum[inside] ** 2 * np.exp(2j * np.pi * pitch[inside])).sum()) / (2 * np.pi))


def _notes(mono: Array) -> Array:
    """How strongly each note sounds once the overtones of the others are explained away, (frames, NOTES).

    Non-negative least squares by multiplicative updates (Lee & Seung, 2001).
    """
    levels = np.sqrt(_semitones(mono))
    shapes = np.zeros((NOTES, levels.shape[1]), dtype=np.float32)
    for overtone in range(1, OVERTONES + 1):
        place = np.arange(NOTES) + round(12 * np.log2(overtone))
        inside = place < levels.shape[1]
        shapes[np.arange(NOTES)[inside], place[inside]] += OVERTONE_DECAY ** (overtone - 1)
    notes = np.full((len(levels), NOTES), float(levels.mean()) + 1e-9, dtype=np.float32)
    target, overlap = levels @ shapes.T, shapes @ shapes.T
    for _ in range(60):
        notes *= target / (notes @ overlap + 1e-9)
    return notes


def _key(mono: Array) -> tuple[int, str, float]:
    """Tonic, mode and confidence, from all notes, from the bass, and from the triads they make."""
    notes = _notes(mono)
    bass = _chroma(notes[:, :BASS_NOTES])
    chroma = _chroma(notes)
    triads = _triads(chroma, bass)
    scores: dict[tuple[int, str], float] = {}
    for mode, profile in PROFILES.items():
        for tonic in range(12):
            shape = np.roll(profile, tonic)
            fit = _alike(shape, chroma.mean(axis=0)) + 0.4 * _alike(shape, bass.mean(axis=0))
            harmony = sum(w * triads[third][(tonic + step) % 12] for (step, third), w in TRIADS[mode].items())
            scores[tonic, mode] = fit + 1.6 * harmony
    ranked = sorted(scores, key=lambda key: -scores[key])
    lead = scores[ranked[0]] - scores[ranked[1]]
    tonic, mode = ranked[0]
    return tonic, mode, float(np.clip(4 * lead, 0, 1)) if chroma.any() else 0.0


def _chroma(notes: Array) -> Array:
    """The notes folded into twelve pitch classes, each frame with sum 1 (or 0), shape (frames, 12)."""
    folded = np.zeros((len(notes), 12), dtype=np.float32)
    for column in range(notes.shape[1]):
        folded[:, (LOWEST_NOTE + column) % 12] += notes[:, column]
    total = folded.sum(axis=1, keepdims=True)
    return np.where(total > 1e-6, folded / np.maximum(total, 1e-6), 0).astype(np.float32)


def _triads(chroma: Array, bass: Array) -> dict[int, NDArray[np.float64]]:
    """The share of time each triad sounds: {third in semitones: shares by root, shape (12,)}.

    The opening counts for more: most songs begin at home, which tells a key from its relative.
    """
    fits = [
        np.roll(chroma, -root, axis=1)[:, (0, third, 7)].sum(axis=1) + 0.3 * bass[:, root]
        for third in (4, 3)
        for root in range(12)
    ]
    weights = np.ones(len(chroma))
    weights[: int(OPENING * RATE / (CHORD_FFT // 4))] += OPENING_WEIGHT
    found = np.bincount(np.argmax(fits, axis=0), weights, minlength=24) / weights.sum()
    return {4: found[:12], 3: found[12:]}


def _alike(shape: NDArray[np.float64], chroma: Array) -> float:
    """The correlation of two sets of twelve, 0 for a flat one."""
    spread = float(np.std(shape) * np.std(chroma))
    return 0.0 if spread < 1e-9 else float(np.mean((shape - shape.mean()) * (chroma - chroma.mean())) / spread)
