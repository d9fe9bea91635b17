"""Mix stems and master them.

What sounds as one is filtered once: the voice, the whole band, the room. The band steps back in the frequencies in
which words are understood, and only while there are words. Sound is float32, shape (samples,) or (samples, 2).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .instruments import RATE, Audio, silence

Curve = NDArray[np.float64]
Response = Callable[[Curve], Curve]  # the gain of a filter at frequencies in Hz

LOUDNESS = -14.0  # LUFS
CEILING = -1.0  # dBTP, after the encoder
HEADROOM = 0.7  # dB kept free before the encoder, which overshoots
REVERB_TIME, REVERB_SHARE = 1.3, 0.1  # s, and how much of it is mixed in
FADE = 2.2  # s at the end
BLOCK = 441  # samples, 10 ms: the step of slow gains
PEAK_BLOCK = 49  # samples, 1.1 ms: the step of the limiter; nine make a `BLOCK`
PIECE = 1 << 15  # samples; what is worked on at once stays in the processor's cache
TENTH = RATE // 10  # samples, 100 ms: loudness is measured every so often
TAPS = 4096  # of the filters: frequencies 11 Hz apart
FILTERED, ROOM = 4 * TAPS, 1 << 18  # samples, at once; the room's echo lasts long
LEAD_LEVEL = -14.0  # LUFS, before mastering
DUCK, DIP, DIP_CENTRE, DIP_WIDTH = 3.0, 7.0, 2500.0, 1.5  # dB, dB more around a frequency in Hz, octaves
LEAD_REVERB = 0.5  # of the voice, how much the room gets; more would blur its consonants


@dataclass(frozen=True)
class Channel:
    """How a stem sits: its level in dB below full scale before mastering, and how much of it the room gets."""

    level: float
    reverb: float = 1.0


CHANNELS = {
    "drums": Channel(-16.5, 0.4),
    "bass": Channel(-22.8, 0.0),
    "keys": Channel(-21.9, 1.0),
    "pad": Channel(-26.3, 1.2),
    "hook": Channel(-21.2, 1.3),
}


def mix(lead: Audio, band: Iterable[tuple[str, Audio]]) -> Audio:
    """Balance the stems, make room for the voice and add the room; `master` comes next.

    Parameters
    ----------
    lead : array, shape (samples,)
    band : pairs of a name in `CHANNELS` and a stem, shape (samples, 2)

    Returns
    -------
    array, shape (samples, 2)
    """
    return with_lead(blend(band, len(lead)), lead)


def blend(band: Iterable[tuple[str, Audio]], samples: int) -> tuple[Audio, Audio]:
    """Balance the stems of the band, shape (samples, 2), and what of them the room gets, shape (samples,)."""
    dry, wet = silence(samples), np.zeros(samples, dtype=np.float32)
    for name, stem in band:
        channel = CHANNELS[name]
        gain, reverb = np.float32(_gain_to(channel.level, _level(stem))), np.float32(channel.reverb / 2)
        for start in range(0, samples, PIECE):
            piece = stem[start : start + PIECE]
            piece *= gain
            dry[start : start + PIECE] += piece
            if reverb:
                wet[start : start + PIECE] += (piece[:, 0] + piece[:, 1]) * reverb
    return dry, wet


def with_lead(blended: tuple[Audio, Audio], lead: Audio) -> Audio:
    """Make room for the voice in what `blend` returns, in place, and add voice and room."""
    (dry, wet), voice = blended, _voice(lead)
    wet += voice * np.float32(LEAD_REVERB)
    if dry.any():
        _step_back(dry, voice)
    _add_room(dry, wet)
    for side in dry.T:
        side += voice
    return dry


def master(sound: Audio) -> Audio:
    """Bring a mix to `LOUDNESS` with its true peaks below the ceiling, in place."""
    power = _weighted_power(sound)
    if not np.isfinite(_gated(power)):
        return sound
    gain = _gain_to(LOUDNESS, _gated(power))
    peaks, raw = _peaks(sound, 0.6 / gain), _block_power(sound)
    for _ in range(4):
        # The limiter takes some loudness away, the next round gives it back.
        kept = _kept(_limits(gain * peaks), raw)[: len(power)]
        gain *= _gain_to(LOUDNESS, _gated(gain**2 * power * kept))
    gains = _stretched(gain * _limits(gain * peaks), PEAK_BLOCK, len(sound))
    for side in sound.T:
        side *= gains
    return sound


def faded(sound: Audio) -> Audio:
    """The sound with its last `FADE` seconds going to silence, in place."""
    samples = min(len(sound), int(FADE * RATE))
    sound[len(sound) - samples :] *= (np.cos(np.linspace(0, np.pi / 2, samples)) ** 2)[:, None].astype(np.float32)
    return sound


# --- measuring ---


def loudness(sound: Audio) -> float:
    """Integrated loudness in LUFS of sound (samples, 2), gated, after ITU-R BS.1770-4; -inf for silence."""
    return _gated(_weighted_power(sound))


def true_peak(sound: Audio) -> float:
    """The highest peak between the samples in dBTP, by fourfold oversampling (ITU-R BS.1770-4, annex 2)."""
    floor = 0.7 * float(np.abs(sound).max(initial=0.0))
    return 20 * float(np.log10(max(float(_peaks(sound, floor).max(initial=0.0)), 1e-9)))


def _weighted_power(sound: Audio) -> Curve:
    """The power of each `TENTH`, K-weighted, both sides together; of mono as if it came from both."""
    sides = sound[:, None] if sound.ndim == 1 else sound
    size = max(4, -(-len(sides) // TENTH))
    weights = _k_weighting() * np.float32(2 / TENTH**2)
    power = np.zeros(size)
    for side in sides.T:
        tenths = np.pad(side, (0, size * TENTH - len(side))).reshape(size, TENTH)
        for first in range(0, size, 64):
            spectra = np.fft.rfft(tenths[first : first + 64], axis=1)
            power[first : first + 64] += (spectra.real**2 + spectra.imag**2) @ weights
    return np.asarray(power * (2 / sides.shape[1]))


def _gated(power: Curve) -> float:
    """The loudness in LUFS of K-weighted power, one value a `TENTH`, in blocks of 400 ms that overlap by 75 %."""
    blocks = np.convolve(power, np.ones(4) / 4, mode="valid")
    sounding = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    if sounding.size == 0:
        return -np.inf
    return float(-0.691 + 10 * np.log10(sounding[sounding > sounding.mean() / 10].mean()))


@functools.cache
def _k_weighting() -> Audio:
    """The two filters of ITU-R BS.1770-4 at each frequency of a `TENTH`, squared, shape (TENTH // 2 + 1,).

    The recommendation gives coefficients for 48 kHz; these are its analogue corner frequencies and qualities,
    brought to `RATE` by the bilinear transform.
    """
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(TENTH))
    corner, quality, boost = np.tan(np.pi * 1681.974 / RATE), 0.707175, 10 ** (3.99984 / 20)
    slope = boost**0.499667
    shelf = _biquad(z, (boost, slope * corner / quality, corner**2), (1, corner / quality, corner**2))
    corner, quality = np.tan(np.pi * 38.13547 / RATE), 0.500327
    high_pass = _biquad(z, (1, 0, 0), (1, corner / quality, corner**2))
    # The recommendation's high-pass has a numerator of 1, -2, 1, not scaled to a gain of 1 at the top.
    return np.asarray((shelf * high_pass * (1 + corner / quality + corner**2)) ** 2, dtype=np.float32)


def _biquad(z: NDArray[np.complex128], top: tuple[float, ...], bottom: tuple[float, ...]) -> Curve:
    """The gain of (t0 s^2 + t1 s + t2) / (b0 s^2 + b1 s + b2) with s = (1 - z) / (1 + z), z a delay of a sample."""
    over, under = 1 - z, 1 + z
    terms = [c[0] * over**2 + c[1] * over * under + c[2] * under**2 for c in (top, bottom)]
    return np.abs(terms[0] / terms[1])


def _peaks(sound: Audio, floor: float) -> Curve:
    """The highest true peak of both sides in each `PEAK_BLOCK`; where no sample is above `floor`, the highest sample.

    Between samples a sound of many frequencies rises by a few dB at most, so that quiet blocks need no oversampling.
    """
    count = -(-len(sound) // PEAK_BLOCK)
    reach = len(_between()) // 2
    highest = np.zeros(count)
    for side in sound.T:
        padded = np.pad(side, (reach, reach + count * PEAK_BLOCK - len(side)))
        blocks = padded[reach:-reach].reshape(count, PEAK_BLOCK)
        levels = np.maximum(blocks.max(axis=1), -blocks.min(axis=1)).astype(np.float64)
        loud = np.flatnonzero(levels > floor)
        for some in np.array_split(loud, -(-len(loud) // 4096)) if len(loud) else ():
            near = padded[some[:, None] * PEAK_BLOCK + np.arange(PEAK_BLOCK + 2 * reach)]
            windows = np.lib.stride_tricks.sliding_window_view(near, 2 * reach, axis=1)
            levels[some] = np.maximum(levels[some], np.abs(windows @ _between()).max(axis=(1, 2)))
        highest = np.maximum(highest, levels)
    return highest


@functools.cache
def _between() -> Audio:
    """Filters that give the three values between two samples, shape (32, 3)."""
    places = np.arange(-15, 17)[:, None] - np.array((0.25, 0.5, 0.75))
    window = 0.5 + 0.5 * np.cos(np.pi * places / 16.5)
    return np.asarray(np.sinc(places) * window, dtype=np.float32)


def _block_power(sound: Audio) -> Curve:
    """The power of each `BLOCK`."""
    power, whole = np.zeros(-(-len(sound) // BLOCK)), len(sound) // BLOCK
    for side in np.atleast_2d(sound.T):
        blocks, rest = side[: whole * BLOCK].reshape(-1, BLOCK), side[whole * BLOCK :]
        power[:whole] += np.einsum("ij,ij->i", blocks, blocks)
        power[whole:] += rest @ rest
    return power / BLOCK


def _level(sound: Audio) -> float:
    """The level in dB below full scale of where it sounds."""
    power = _block_power(sound)
    return 10 * float(np.log10(max(float(power[power > power.max(initial=0.0) / 300].mean()), 1e-20)))


def _gain_to(wanted: float, level: float) -> float:
    """The factor from a level in dB to another; 1 for silence."""
    return float(10 ** (min(wanted - level, 40) / 20)) if np.isfinite(level) else 1.0


# --- shaping ---


def filtered(sound: Audio, response: Response, taps: int = TAPS) -> Audio:
    """A mono sound with each frequency multiplied by its gain, without a shift in time."""
    gains, step = _transform(response, taps), FILTERED - taps
    out = np.zeros(len(sound) + FILTERED, dtype=np.float32)
    for start in range(0, len(sound), step):
        block = np.fft.irfft(np.fft.rfft(sound[start : start + step], FILTERED) * gains)
        out[start : start + FILTERED] += block.astype(np.float32, copy=False)
    return out[taps // 2 : taps // 2 + len(sound)]


@functools.cache
def _transform(response: Response, taps: int) -> NDArray[np.complex64]:
    """The transform of a filter with so many taps, `FILTERED` samples long."""
    impulse = np.fft.irfft(response(np.maximum(np.fft.rfftfreq(taps, 1 / RATE), 1.0)))
    window = np.hanning(taps + 1)[:-1]
    return np.asarray(np.fft.rfft(np.roll(impulse, taps // 2) * window, FILTERED), dtype=np.complex64)


def _for_voice(hertz: Curve) -> Curve:
    """Off below 110 Hz, 2 dB more above 2.5 kHz."""
    return np.asarray((1 + 0.26 * hertz**2 / (hertz**2 + 2500**2)) / np.sqrt(1 + (110 / hertz) ** 6))


def _for_words(hertz: Curve) -> Curve:
    """What the band keeps while there are words: a dip where consonants and vowels differ."""
    octaves = np.log2(hertz / DIP_CENTRE) / DIP_WIDTH
    return np.asarray(10 ** (-(DUCK + DIP * np.exp(-0.5 * octaves**2)) / 20))


def _voice(lead: Audio) -> Audio:
    """The lead compressed, filtered and at its level, shape (samples,)."""
    voice = filtered(_compressed(lead), _for_voice)
    voice *= np.float32(_gain_to(LEAD_LEVEL, loudness(voice)))
    return voice


def _compressed(signal: Audio) -> Audio:
    """Above its mean level, 3 dB more come out as 1 dB more."""
    envelope = _envelope(signal)
    sounding = envelope[envelope > 1e-4]
    if sounding.size == 0:
        return signal
    over = np.maximum(envelope / np.sqrt((sounding**2).mean()), 1)
    return signal * _stretched(over ** (1 / 3 - 1), BLOCK, len(signal))


def _envelope(signal: Audio) -> Curve:
    """The level of each `BLOCK` of a mono signal, smoothed over 50 ms."""
    return smooth(np.sqrt(_block_power(signal)), 5)


def _step_back(band: Audio, voice: Audio) -> None:
    """Take the band back in the frequencies of words while the voice sounds, in place."""
    envelope = _envelope(voice)
    sounding = envelope > 0.1 * max(float(envelope.max()), 1e-6)
    words = _stretched(smooth(sounding.astype(np.float64), 31), BLOCK, len(voice))
    for side in band.T:
        side += words * (filtered(side, _for_words, TAPS // 4) - side)


def smooth(values: Curve, width: int) -> Curve:
    """A running mean over an odd number of values, weighted to the middle."""
    weights = np.hanning(width + 2)[1:-1]
    return np.convolve(np.pad(values, width // 2, mode="edge"), weights / weights.sum(), mode="valid")


def _stretched(gains: Curve, block: int, length: int) -> Audio:
    """A gain for each sample from one for each block."""
    values = np.pad(gains, 1, mode="edge").astype(np.float32)
    share = ((np.arange(block, dtype=np.float32) + 0.5) / block)[None, :]
    curve = (values[:-1, None] + (values[1:] - values[:-1])[:, None] * share).reshape(-1)
    return np.asarray(curve[block // 2 :][:length])


@functools.cache
def _room() -> NDArray[np.complex64]:
    """The echo of a small hall as spectra, shape (2, bins): noise that falls by 60 dB in `REVERB_TIME`."""
    samples = int(REVERB_TIME * RATE)
    noise = np.random.default_rng(1770).standard_normal((2, samples))
    noise *= 10 ** (-3 * np.arange(samples) / samples)
    noise[:, : RATE // 50] = 0  # 20 ms until the nearest wall answers
    hertz = np.maximum(np.fft.rfftfreq(ROOM, 1 / RATE), 1)
    spectra = np.fft.rfft(noise, ROOM) / np.sqrt((1 + (250 / hertz) ** 4) * (1 + (hertz / 5000) ** 4))
    energy = (np.fft.irfft(spectra) ** 2).sum(axis=1, keepdims=True)
    return np.asarray(spectra / np.sqrt(energy), dtype=np.complex64)


def _add_room(dry: Audio, wet: Audio) -> None:
    """Add what the room answers to a mono sound, at `REVERB_SHARE`."""
    step = ROOM - int(REVERB_TIME * RATE)
    for start in range(0, len(wet), step):
        spectrum = np.fft.rfft(wet[start : start + step] * np.float32(REVERB_SHARE), ROOM)
        for side, room in zip(dry.T, _room(), strict=True):
            answer = np.fft.irfft(spectrum * room)[: len(side) - start]
            side[start : start + ROOM] += answer.astype(np.float32, copy=False)


def _limits(peaks: Curve) -> Curve:
    """The gain of each `PEAK_BLOCK` that keeps peaks below the ceiling; it moves within 20 ms, before the peak."""
    needed = np.minimum(1, 10 ** ((CEILING - HEADROOM) / 20) / np.maximum(peaks, 1e-9))
    width = 19
    lowest = np.lib.stride_tricks.sliding_window_view(np.pad(needed, width // 2, mode="edge"), width).min(axis=1)
    # Narrower than the window of the minimum, so that the smoothed gain is low enough on the peak itself.
    return smooth(lowest, width - 4)


def _kept(limits: Curve, power: Curve) -> Curve:
    """The share of the power of each `TENTH` that the limiter keeps; `power` has a value each `BLOCK`."""
    squares = (np.pad(limits, (0, -len(limits) % 9), mode="edge").reshape(-1, 9) ** 2).mean(axis=1)
    length = -(-max(len(power), len(squares)) // 10) * 10
    weights = np.pad(power, (0, length - len(power))) + 1e-12
    kept = np.pad(squares, (0, length - len(squares)), constant_values=1.0) * weights
    return np.asarray(kept.reshape(-1, 10).sum(axis=1) / weights.reshape(-1, 10).sum(axis=1))
