"""Mix stems and master them to a stereo mp3.

Filters work on the spectrum of a whole stem; stems come one by one, so that few are in memory at a time.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from .instruments import RATE, Audio

LOUDNESS = -14.0  # LUFS
CEILING = -1.0  # dBTP, after the mp3
HEADROOM = 0.7  # dB kept free before the encoder, which overshoots
REVERB_TIME, REVERB_SHARE = 1.3, 0.16  # s, and how much of it is mixed in
FADE = 2.2  # s at the end
DUCK = 2.5  # dB the band steps back while the lead sounds
BLOCK = 441  # samples, 10 ms: the step of slow gains
PEAK_BLOCK = 44  # samples, 1 ms: the step of the limiter
PIECE = 4096 * PEAK_BLOCK  # samples oversampled at a time


@dataclass(frozen=True)
class Channel:
    """How a stem sits in the mix.

    Its level in LUFS before mastering, the frequencies in Hz where it is cut off, a shelf in dB above 2.5 kHz, and
    how much of it the room hears.
    """

    level: float
    low: float
    high: float = 16_000
    shelf: float = 0
    reverb: float = 1.0


CHANNELS = {
    "lead": Channel(-16, 110, shelf=2, reverb=1.2),
    "drums": Channel(-21.5, 32, reverb=0.4),
    "bass": Channel(-25, 34, 3500, reverb=0.0),
    "keys": Channel(-22.5, 190, 9000, reverb=1.0),
    "pad": Channel(-27, 220, 6000, reverb=1.2),
    "hook": Channel(-22, 200, reverb=1.3),
}


def mix(lead: Audio, band: Iterable[tuple[str, Audio]]) -> Audio:
    """Balance the stems, reverberate, duck and master them; (samples, 2) at `RATE`, `LOUDNESS` LUFS."""
    voice = _channel("lead", _compressed(lead))
    duck = _ducking(voice)
    dry, wet = np.zeros_like(voice), np.zeros_like(voice)
    for name, stem in band:
        sound = _channel(name, stem)
        if name != "drums":
            sound *= duck[:, None]
        dry += sound
        wet += sound * np.float32(CHANNELS[name].reverb)
    dry += voice
    wet += voice * np.float32(CHANNELS["lead"].reverb)
    dry += _reverb(wet)
    return master(faded(dry))


def master(sound: Audio) -> Audio:
    """Bring a mix to `LOUDNESS` with its true peaks below the ceiling."""
    for _ in range(3):
        # The limiter takes some loudness away, the next round gives it back.
        gain = LOUDNESS - loudness(sound)
        if not np.isfinite(gain):
            return sound
        sound = _limited(sound * np.float32(10 ** (min(gain, 40) / 20)), CEILING - HEADROOM)
    return sound


def write_mp3(sound: Audio, destination: Path, *, title: str, comment: str) -> None:
    """Encode a master; as long as the encoder overshoots the ceiling, again and softer by more than as much."""
    margin = 0.1
    while (over := _encoded_peak(sound, destination, title, comment) - CEILING) > 0:
        sound = sound * np.float32(10 ** (-(over + margin) / 20))
        margin *= 2


def _encoded_peak(sound: Audio, destination: Path, title: str, comment: str) -> float:
    """Write an mp3; the true peak in dBTP of what is read back from it."""
    with soundfile.SoundFile(
        destination, "w", RATE, 2, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.3
    ) as file:
        file.title, file.comment = _tag(title), _tag(comment)
        file.write(sound)
    return true_peak(soundfile.read(destination, dtype="float32")[0])


def _tag(text: str) -> str:
    """A text without accents and other scripts: libsndfile's mp3 tags are Latin-1 that players read as they like."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().strip(" ,;:-") or "Song"


# --- measuring ---


def loudness(sound: Audio) -> float:
    """Integrated loudness in LUFS of sound (samples, 2), gated, after ITU-R BS.1770-4; -inf for silence."""
    power = np.zeros(max(1, (len(sound) - RATE * 4 // 10) // (RATE // 10) + 1))
    for channel in sound.T:
        weighted = _filtered(channel, _k_weighting(_padded(len(channel))))
        tenths = (weighted[: len(weighted) // (RATE // 10) * (RATE // 10)].reshape(-1, RATE // 10) ** 2).mean(axis=1)
        # Blocks of 400 ms that overlap by 75 %.
        power += np.convolve(np.pad(tenths, (0, max(0, 4 - len(tenths)))), np.ones(4) / 4, mode="valid")[: len(power)]
    with np.errstate(divide="ignore"):
        blocks = -0.691 + 10 * np.log10(power)
        sounding = power[blocks > -70]
        if sounding.size == 0:
            return -np.inf
        relative = -0.691 + 10 * np.log10(sounding.mean()) - 10
        return float(-0.691 + 10 * np.log10(power[(blocks > relative) & (blocks > -70)].mean()))


def true_peak(sound: Audio) -> float:
    """The highest peak between the samples in dBTP, by fourfold oversampling (ITU-R BS.1770-4, annex 2)."""
    peak = max((float(np.abs(part).max()) for part in _oversampled(sound)), default=0.0)
    return 20 * float(np.log10(max(peak, 1e-9)))


def _oversampled(sound: Audio) -> Iterator[Audio]:
    """The sound at four times its rate, in pieces of `PIECE` samples before that, so that little is in memory."""
    around = 256  # samples that the filter of the resampler sees to each side
    padded = np.pad(sound, ((around, around), (0, 0)))
    for start in range(0, len(sound), PIECE):
        piece = np.ascontiguousarray(padded[start : start + PIECE + 2 * around])
        yield soxr.resample(piece, RATE, 4 * RATE)[4 * around : -4 * around]


@functools.lru_cache(maxsize=2)
def _k_weighting(size: int) -> Audio:
    """The gain of the two filters of ITU-R BS.1770-4 at each frequency of a transform of so many samples.

    The recommendation gives coefficients for 48 kHz; these are its analogue corner frequencies and qualities,
    brought to `RATE` by the bilinear transform.
    """
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    corner, quality, boost = np.tan(np.pi * 1681.974 / RATE), 0.707175, 10 ** (3.99984 / 20)
    slope = boost**0.499667
    shelf = _biquad(z, (boost, slope * corner / quality, corner**2), (1, corner / quality, corner**2))
    corner, quality = np.tan(np.pi * 38.13547 / RATE), 0.500327
    high_pass = _biquad(z, (1, 0, 0), (1, corner / quality, corner**2))
    # The recommendation's high-pass has a numerator of 1, -2, 1, not scaled to a gain of 1 at the top.
    return np.asarray(shelf * high_pass * (1 + corner / quality + corner**2), dtype=np.float32)


def _biquad(z: NDArray[np.complex128], top: tuple[float, ...], bottom: tuple[float, ...]) -> NDArray[np.float64]:
    """The gain of (t0 s^2 + t1 s + t2) / (b0 s^2 + b1 s + b2) with s = (1 - z) / (1 + z), z a delay of a sample."""
    over, under = 1 - z, 1 + z
    terms = [c[0] * over**2 + c[1] * over * under + c[2] * under**2 for c in (top, bottom)]
    return np.abs(terms[0] / terms[1])


# --- shaping ---


def _padded(size: int) -> int:
    """A length with small factors, so that its transform is fast."""
    return -(-size // 65_536) * 65_536


def _filtered(signal: Audio, gain: Audio) -> Audio:
    """A mono signal with each frequency multiplied by its gain, without a shift in time."""
    size = 2 * (len(gain) - 1)
    spectrum = np.fft.rfft(signal, size)
    spectrum *= gain
    return np.asarray(np.fft.irfft(spectrum, size)[: len(signal)], dtype=np.float32)


def _channel(name: str, stem: Audio) -> Audio:
    """A stem, mono or stereo, filtered and at the level of its channel, shape (samples, 2)."""
    channel = CHANNELS[name]
    hertz = np.maximum(np.fft.rfftfreq(_padded(len(stem)), 1 / RATE), 1)
    gain = 1 / np.sqrt((1 + (channel.low / hertz) ** 6) * (1 + (hertz / channel.high) ** 6))
    gain *= 1 + (10 ** (channel.shelf / 20) - 1) * hertz**2 / (hertz**2 + 2500**2)
    sides = stem[:, None] if stem.ndim == 1 else stem
    filtered = np.stack([_filtered(side, gain.astype(np.float32)) for side in sides.T], axis=1)
    sound = np.broadcast_to(filtered, (len(stem), 2))
    level = loudness(sound)
    gain_to_level = 10 ** ((channel.level - level) / 20) if np.isfinite(level) else 1.0
    return np.asarray(sound * np.float32(gain_to_level))


def _envelope(signal: Audio) -> NDArray[np.float64]:
    """The level of each block, smoothed over 50 ms."""
    blocks = np.pad(signal, (0, -len(signal) % BLOCK)).reshape(-1, BLOCK)
    return smooth(np.sqrt((blocks.astype(np.float64) ** 2).mean(axis=1)), 5)


def smooth(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """A running mean over an odd number of values, weighted to the middle."""
    weights = np.hanning(width + 2)[1:-1]
    return np.convolve(np.pad(values, width // 2, mode="edge"), weights / weights.sum(), mode="valid")


def _stretched(gains: NDArray[np.float64], block: int, length: int) -> Audio:
    """A gain for each sample from one for each block."""
    return np.asarray(np.interp(np.arange(length), (np.arange(len(gains)) + 0.5) * block, gains), dtype=np.float32)


def _compressed(signal: Audio) -> Audio:
    """Above its mean level, 3 dB more come out as 1 dB more."""
    envelope = _envelope(signal)
    sounding = envelope[envelope > 1e-4]
    if sounding.size == 0:
        return signal
    over = np.maximum(envelope / np.sqrt((sounding**2).mean()), 1)
    return signal * _stretched(over ** (1 / 3 - 1), BLOCK, len(signal))


def _ducking(voice: Audio) -> Audio:
    """The gain of the band, shape (samples,): `DUCK` dB down while the lead sounds."""
    envelope = _envelope(voice.mean(axis=1))
    sounding = smooth((envelope > 0.1 * max(float(envelope.max()), 1e-6)).astype(np.float64), 31)
    return _stretched(10 ** (-DUCK * sounding / 20), BLOCK, len(voice))


@functools.lru_cache(maxsize=1)
def _room() -> Audio:
    """The echo of a small hall, shape (samples, 2), of energy 1: noise that falls by 60 dB in `REVERB_TIME`."""
    samples = int(REVERB_TIME * RATE)
    noise = np.random.default_rng(1770).standard_normal((samples, 2))
    noise *= 10 ** (-3 * np.arange(samples)[:, None] / samples)
    noise[: RATE // 50] = 0  # 20 ms until the nearest wall answers
    hertz = np.maximum(np.fft.rfftfreq(_padded(samples), 1 / RATE), 1)
    gain = (1 / np.sqrt((1 + (250 / hertz) ** 4) * (1 + (hertz / 5000) ** 4))).astype(np.float32)
    room = np.stack([_filtered(side.astype(np.float32), gain) for side in noise.T], axis=1)
    return np.asarray(room / np.sqrt((room**2).sum(axis=0)))


def _reverb(wet: Audio) -> Audio:
    """What the room answers to the sound, at `REVERB_SHARE`."""
    size = _padded(len(wet) + len(_room()))
    out = np.empty_like(wet)
    for side in range(2):
        spectrum = np.fft.rfft(wet[:, side], size)
        spectrum *= np.fft.rfft(_room()[:, side], size)
        out[:, side] = np.fft.irfft(spectrum, size)[: len(wet)]
    return np.asarray(out * np.float32(REVERB_SHARE))


def faded(sound: Audio) -> Audio:
    """The sound with its last `FADE` seconds going to silence, in place."""
    samples = min(len(sound), int(FADE * RATE))
    sound[len(sound) - samples :] *= (np.cos(np.linspace(0, np.pi / 2, samples)) ** 2)[:, None].astype(np.float32)
    return sound


def _limited(sound: Audio, ceiling: float) -> Audio:
    """The sound with no true peak above a ceiling in dBTP; the gain moves within 20 ms, before the peak comes."""
    peaks = np.concatenate([_block_peaks(part) for part in _oversampled(sound)])
    needed = np.minimum(1, 10 ** (ceiling / 20) / np.maximum(peaks, 1e-9))
    width = 21
    lowest = np.lib.stride_tricks.sliding_window_view(np.pad(needed, width // 2, mode="edge"), width).min(axis=1)
    # Narrower than the window of the minimum, so that the smoothed gain is low enough on the peak itself.
    return sound * _stretched(smooth(lowest, width - 4), PEAK_BLOCK, len(sound))[:, None]


def _block_peaks(oversampled: Audio) -> NDArray[np.float64]:
    """The highest peak of both sides in each `PEAK_BLOCK` samples of the original rate."""
    peaks = np.maximum(np.abs(oversampled[:, 0]), np.abs(oversampled[:, 1]))
    return np.asarray(np.pad(peaks, (0, -len(peaks) % (4 * PEAK_BLOCK))).reshape(-1, 4 * PEAK_BLOCK).max(axis=1))
