"""Analyse speech and synthesise it at other times and pitches, with WORLD. Part of the extra `[voice]`.

WORLD: Morise, Yokomori & Ozawa (2016), "WORLD: a vocoder-based high-quality speech synthesis system for real-time
applications". All curves have one value every `FRAME` s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

FRAME = 0.005  # s
WHISPER = -60.0  # dB; what is weaker is not raised


@dataclass(frozen=True, eq=False)
class SpeechFrames:
    """Speech as WORLD sees it, one row for each frame.

    The logarithm of the spectral envelope, the share of noise in each frequency (both of shape (frames, bins)), and
    which frames are voiced.
    """

    rate: int
    envelope: NDArray[np.float32]
    noise: NDArray[np.float32]
    voiced: NDArray[np.bool_]


def analyse(samples: Curve, rate: int, vowels: list[tuple[float, float]]) -> SpeechFrames:
    """Analyse speech; its vowels, from start to end in s, are voiced whatever their pitch seems to be."""
    import pyworld

    samples = np.ascontiguousarray(samples)
    rough, times = pyworld.dio(samples, rate, frame_period=1000 * FRAME)
    pitch = pyworld.stonemask(samples, rough, times, rate)
    voiced = pitch > 0
    for start, end in vowels:
        voiced |= (times >= start) & (times < end)
    if (pitch > 0).any():
        pitch = np.where(voiced, np.interp(times, times[pitch > 0], pitch[pitch > 0]), 0.0)
    envelope = pyworld.cheaptrick(samples, pitch, times, rate)
    # Without its own second look at what is voiced, which takes the ends of vowels for noise.
    noise = pyworld.d4c(samples, pitch, times, rate, threshold=0.0)
    return SpeechFrames(rate, np.log(envelope + 1e-16).astype(np.float32), noise.astype(np.float32), voiced)


def synthesise(speech: SpeechFrames, places: Curve, hertz: Curve, gains: Curve) -> Curve:
    """Sound in which each frame comes from a place of the speech.

    Parameters
    ----------
    places : in s, where in the speech each frame is taken from
    hertz : the pitch of each frame; where the speech has none, it is not used
    gains : the factor of each frame
    """
    import pyworld

    at = np.clip(places / FRAME, 0, len(speech.envelope) - 1.001)
    before = at.astype(np.int64)
    share = (at - before)[:, None].astype(np.float32)
    envelope = speech.envelope[before] * (1 - share) + speech.envelope[before + 1] * share
    noise = speech.noise[before] * (1 - share) + speech.noise[before + 1] * share
    envelope += 2 * np.log(np.maximum(gains, 1e-8))[:, None].astype(np.float32)
    pitch = np.where(speech.voiced[np.round(at).astype(np.int64)], hertz, 0.0)
    spectrum = np.exp(envelope.astype(np.float64))
    return np.asarray(pyworld.synthesize(pitch, spectrum, noise.astype(np.float64), speech.rate, 1000 * FRAME))
