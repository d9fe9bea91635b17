"""Analyse speech and synthesise it at other times and pitches, with WORLD. Part of the extra `[voice]`.

WORLD: Morise, Yokomori & Ozawa (2016), "WORLD: a vocoder-based high-quality speech synthesis system for real-time
applications". Its analysis of noise, which takes longer than all else, is left out: what it finds in this speech is
much the same for all voiced sounds.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

FRAME = 0.005  # s
LOWEST = 95.0  # Hz; the windows of the analysis are as long as this needs, or longer
# The share of noise in a voiced sound, by frequency in Hz.
NOISE = ((0, 0.0), (1000, 0.01), (2000, 0.05), (3000, 0.3), (6000, 0.5), (8000, 0.7), (10_500, 0.95))


@dataclass(frozen=True, eq=False)
class SpeechFrames:
    """Speech as WORLD sees it.

    Attributes
    ----------
    rate : int
        Of the speech, in Hz.
    envelope : array, shape (frames, bins)
        The logarithm of the power spectrum without the pitch, every `FRAME`.
    voiced : array of bool, shape (frames,)
    """

    rate: int
    envelope: NDArray[np.float16]
    voiced: NDArray[np.bool_]

    @property
    def levels(self) -> Curve:
        """The level of each frame, shape (frames,)."""
        return np.asarray(np.sqrt(np.exp(self.envelope.astype(np.float64)).mean(axis=1)))


def analyse(samples: Curve, rate: int, vowels: Sequence[tuple[float, float]]) -> SpeechFrames:
    """Analyse speech.

    Parameters
    ----------
    samples : array, shape (samples,)
    rate : int
        In Hz.
    vowels : sequence of (float, float)
        Start and end in s of what is voiced whatever its pitch seems to be.
    """
    import pyworld

    samples, size = np.ascontiguousarray(samples), pyworld.get_cheaptrick_fft_size(rate, LOWEST)
    # At a quarter of the rate the pitch is found as well, in a tenth of the time.
    pitch, times = pyworld.dio(samples, rate, frame_period=1000 * FRAME, speed=4)
    voiced = pitch > 0
    for start, end in vowels:
        voiced |= (times >= start) & (times < end)
    if (pitch > 0).any():
        # WORLD does not take what is lower; it is an octave off.
        known = np.maximum(pitch[pitch > 0], 1.001 * pyworld.get_cheaptrick_f0_floor(rate, size))
        pitch = np.where(voiced, np.interp(times, times[pitch > 0], known), 0.0)
    envelope = pyworld.cheaptrick(samples, pitch, times, rate, fft_size=size)
    return SpeechFrames(rate, np.log(envelope + 1e-16).astype(np.float16), voiced)


def synthesise(speech: SpeechFrames, places: Curve, hertz: Curve, gains: Curve) -> Curve:
    """Sound in which each frame comes from a place of the speech.

    Parameters
    ----------
    speech : SpeechFrames
    places : array, shape (frames,)
        Where in the speech each frame is taken from, in s; a frame every `FRAME`.
    hertz : array, shape (frames,)
        The pitch of each frame in Hz; where the speech has none, it is not used.
    gains : array, shape (frames,)
        The factor of each frame.

    Returns
    -------
    array, shape (samples,)
        At the rate of the speech.
    """
    import pyworld

    at = np.clip(places / FRAME, 0, len(speech.envelope) - 1.001)
    before = at.astype(np.int64)
    share = (at - before)[:, None].astype(np.float32)
    envelope = speech.envelope.astype(np.float32)
    logarithm = envelope[before]
    logarithm += share * (envelope[before + 1] - logarithm)
    logarithm += 2 * np.log(np.maximum(gains, 1e-8))[:, None].astype(np.float32)
    voiced = speech.voiced[np.round(at).astype(np.int64)]
    noise = np.where(voiced[:, None], _noise(envelope.shape[1], speech.rate), 1.0)
    spectrum = np.exp(logarithm, out=logarithm).astype(np.float64)
    return np.asarray(pyworld.synthesize(np.where(voiced, hertz, 0.0), spectrum, noise, speech.rate, 1000 * FRAME))


@functools.cache
def _noise(bins: int, rate: int) -> Curve:
    """The share of noise in each bin of a voiced sound."""
    return np.asarray(np.interp(np.linspace(0, rate / 2, bins), *np.transpose(NOISE)))
