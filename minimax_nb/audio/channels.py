"""Which channel is which speaker, and how many of them become two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# How loud each speaker is on the left (ITU-R BS.775); the right is its mirror. The low effects (LFE) are left out.
_LEFT = {"FL": 1.0, "FLC": 1.0, "FC": 0.7071, "BC": 0.5, "BL": 0.7071, "SL": 0.7071, "TFL": 0.7071, "TBL": 0.5}

_BY_BIT = ["FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR"]
"""Speakers in the order of the bits of a channel mask (Microsoft's KSAUDIO)."""

_USUAL = {
    3: "FL FR FC",
    4: "FL FR BL BR",
    5: "FL FR FC BL BR",
    6: "FL FR FC LFE BL BR",
    7: "FL FR FC LFE BC SL SR",
    8: "FL FR FC LFE BL BR SL SR",
}


def to_stereo(samples: np.ndarray, speakers: Sequence[str] = (), *, mask: int = 0) -> np.ndarray:
    """Mix more than two channels to two, with the centre in the middle; leave one or two as they are.

    Parameters
    ----------
    samples : numpy.ndarray
        Shape (n, channels).
    speakers : sequence of str, optional
        One for each channel, by FFmpeg's names.
    mask : int
        Or the channel mask of a wav file; 0 when it says nothing.

    Returns
    -------
    numpy.ndarray
        Shape (n, 1) or (n, 2), no louder than the loudest channel.
    """
    import numpy as np

    channels = samples.shape[1]
    if channels <= 2:
        return samples
    if not set(speakers) & set(_LEFT):
        speakers = [name for bit, name in enumerate(_BY_BIT) if mask >> bit & 1]
    if len(speakers) != channels:
        speakers = _USUAL.get(channels, "").split()
    left = [_LEFT.get(name, 0.0) for name in speakers] or [1 / channels] * channels
    right = [_LEFT.get(_mirrored(name), 0.0) for name in speakers] or left
    weights = np.array([left, right], dtype=samples.dtype).T
    mixed: np.ndarray = samples @ (weights / np.maximum(1, weights.sum(axis=0)))
    return mixed


def _mirrored(speaker: str) -> str:
    return speaker.translate({ord("L"): "R", ord("R"): "L"}) if speaker != "LFE" else speaker
