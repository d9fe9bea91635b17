"""Speak a line with SVOX Pico, whose words survive being sung better than espeak-ng's. Part of the extra `[voice]`.

Pico says nothing of its phonemes: neither its API nor that of py-nanotts has events or marks, samples are all that
comes out. Their times are carried over from espeak-ng's speech of the same line by dynamic time warping of mel
cepstra, so that espeak-ng is needed as well. Times from Pico alone would need the pronunciations too, since how many
vowels a word has decides how many notes it gets; what Pico reads them from is compiled into its binary resources.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .speech import Phoneme, Speech, speak

RATE = 16_000  # Hz
SPEED = 0.8  # of the usual one: slow, so that little is left to stretch
VOICES = {"en": "en-US", "es": "es-ES", "fr": "fr-FR", "de": "de-DE", "it": "it-IT"}
Curve = NDArray[np.float64]
Cepstra = NDArray[np.float32]  # shape (frames, CEPSTRA)

HOP = 0.01  # s between two cepstra
MELS, CEPSTRA = 26, 13
SNAP = 0.05  # s in which the start of a vowel is looked for

# Speaks the lines it reads, each as its length in bytes and its samples. A process of its own, new for each song,
# since Pico reads memory that it has not written: what it says depends on all that happened before.
SPEAKER = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
if sys.platform == "linux":
    # Large pieces of memory are mapped anew, as zeros: -3 is M_MMAP_THRESHOLD of glibc.
    getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)(-3, 131072)
from py_nanotts import NanoTTS
speaker = NanoTTS()
for line in sys.stdin.buffer.read().decode().splitlines():
    data = speaker.speak(line, voice=sys.argv[2], speed=float(sys.argv[3]))
    sys.stdout.buffer.write(len(data).to_bytes(4, "little") + data)
"""


def is_spoken(language: str) -> bool:
    """Whether Pico is installed and knows a language."""
    return language in VOICES and find_spec("py_nanotts") is not None


@functools.lru_cache(maxsize=4)
def speak_lines(lines: tuple[tuple[str, ...], ...], language: str) -> tuple[Speech, ...]:
    """Speak the lines of a song as `speech.speak` does, with Pico's voice.

    Parameters
    ----------
    lines : tuple of tuple of str
        The words of each line.
    language : str
        One of `VOICES`.
    """
    models = [speak(words, language) for words in lines]
    sounds = _sounds(tuple(model.text for model in models), language)
    return tuple(_speech(model, samples) for model, samples in zip(models, sounds, strict=True))


def _sounds(texts: Sequence[str], language: str) -> list[Curve]:
    """The samples of each text."""
    folder = str(Path(str(find_spec("py_nanotts").origin)).parents[1])  # type: ignore[union-attr]
    command = [sys.executable, "-I", "-S", "-c", SPEAKER, folder, VOICES[language], str(SPEED)]
    # Nothing of the environment, which lies in that memory too, but for what Windows needs to start anything.
    environment = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    text = "\n".join(texts).encode()
    data = subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True, env=environment).stdout
    sounds: list[Curve] = []
    while data:
        end = 4 + int.from_bytes(data[:4], "little")
        sounds.append(np.frombuffer(data[4:end], dtype="<i2") / 32768)
        data = data[end:]
    return sounds


def _speech(model: Speech, samples: Curve) -> Speech:
    """Pico's samples of a line with the phonemes of another speaker's, at their places in it."""
    edges = np.array([(p.start, p.end) for p in model.phonemes])
    moved = _carried(edges, cepstra(model.samples, model.rate), cepstra(samples, RATE))
    phonemes = tuple(replace(p, start=start, end=end) for p, (start, end) in zip(model.phonemes, moved, strict=True))
    return replace(model, samples=samples, rate=RATE, phonemes=_snapped(phonemes, samples))


def _carried(edges: Curve, model: Cepstra, target: Cepstra) -> Curve:
    """Moments of one speech in another one, each phoneme at least 8 ms long."""
    ours, theirs = warp(model, target)
    moved = np.interp(edges.reshape(-1), HOP * ours, HOP * theirs).reshape(-1, 2)
    moved[:, 0] = np.maximum.accumulate(moved[:, 0] + 1e-6 * np.arange(len(moved)))
    moved[:-1, 1] = np.minimum(moved[:-1, 1], moved[1:, 0])
    return np.stack([moved[:, 0], np.maximum(moved[:, 1], moved[:, 0] + 0.008)], axis=1)


def warp(one: Cepstra, two: Cepstra) -> tuple[Curve, Curve]:
    """The cheapest path through two series of cepstra: frames of the first, and the frames of the second there."""
    distances = np.sqrt(np.maximum((one**2).sum(1)[:, None] + (two**2).sum(1) - 2 * one @ two.T, 0))
    n, m = distances.shape
    # Rows are antidiagonals, so that each step is one of whole arrays: skewed[i + j, i] is distances[i, j].
    padded = np.pad(distances, ((0, 0), (0, n)), constant_values=np.inf)
    skewed = np.ascontiguousarray(padded.reshape(-1)[: n * (n + m - 1)].reshape(n, n + m - 1).T)
    totals = np.full((n + m + 1, n + 1), np.inf, dtype=np.float32)
    totals[2, 1] = skewed[0, 0]
    sideways = np.float32(1.1) * skewed
    for k in range(1, n + m - 1):
        aside = np.minimum(totals[k + 1, :-1], totals[k + 1, 1:])
        aside += sideways[k]
        np.minimum(totals[k, :-1] + skewed[k], aside, out=totals[k + 2, 1:])
    path = [(n - 1, m - 1)]
    while path[-1] != (0, 0):
        i, j = path[-1]
        ways = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        costs = [totals[a + b + 2, a + 1] if a >= 0 and b >= 0 else np.inf for a, b in ways]
        path.append(ways[costs.index(min(costs))])
    frames = np.array(path[::-1])
    counts = np.bincount(frames[:, 0])
    return np.arange(float(n)), np.bincount(frames[:, 0], frames[:, 1]) / counts


def cepstra(samples: Curve, rate: int) -> Cepstra:
    """Mel cepstra of speech every `HOP`, each with mean 0 and deviation 1, shape (frames, CEPSTRA)."""
    size, hop = 512, int(HOP * rate)
    padded = np.pad(samples, size // 2).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1)) ** 2
    logs = np.log(power @ _mels(size, rate) + 1e-6)
    basis = np.cos(np.pi / MELS * (np.arange(MELS) + 0.5)[:, None] * np.arange(CEPSTRA))
    found = logs @ basis
    return np.asarray((found - found.mean(axis=0)) / (found.std(axis=0) + 1e-6), dtype=np.float32)


@functools.cache
def _mels(size: int, rate: int) -> Cepstra:
    """Triangles evenly spaced in mel from 100 Hz to 7 kHz, shape (bins, MELS)."""
    edges = 700 * (np.exp(np.linspace(np.log1p(100 / 700), np.log1p(7000 / 700), MELS + 2)) - 1)
    hertz = np.fft.rfftfreq(size, 1 / rate)[:, None]
    rise, fall = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2]), (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.asarray(np.clip(np.minimum(rise, fall), 0, None), dtype=np.float32)


def _snapped(phonemes: tuple[Phoneme, ...], samples: Curve) -> tuple[Phoneme, ...]:
    """The phonemes with each vowel after a voiceless sound starting where its voice does."""
    spectrum = np.fft.rfft(samples.astype(np.float32), 1 << int(np.ceil(np.log2(len(samples)))))
    hertz = np.fft.rfftfreq(2 * (len(spectrum) - 1), 1 / RATE)
    low = np.fft.irfft(spectrum * ((hertz > 200) & (hertz < 1200)))[: len(samples)]
    level = np.sqrt(np.convolve(low**2, np.hanning(160) / 80, "same"))
    out = list(phonemes)
    for index, (before, vowel) in enumerate(pairwise(phonemes)):
        if before.ipa[:1] in VOICELESS and vowel.is_vowel:
            around = level[max(0, int((vowel.start - SNAP) * RATE)) : int((vowel.start + SNAP) * RATE)]
            strongest = level[int(vowel.start * RATE) : int(max(vowel.end, vowel.start + 0.05) * RATE)].max(initial=0)
            quiet = int(np.argmin(around))
            start = max(0, vowel.start - SNAP) + (quiet + int(np.argmax(around[quiet:] > 0.3 * strongest))) / RATE
            start = min(start, vowel.end - 0.01)
            out[index] = replace(out[index], end=max(start, out[index].start + 0.005))
            out[index + 1] = replace(vowel, start=start)
    return tuple(out)


VOICELESS = frozenset("pʰtʈckqʔɸfθsʃʂçxχħhɕ")
