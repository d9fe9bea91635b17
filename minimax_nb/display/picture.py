"""How a sound is drawn: waveform, loudness, spectrogram and the sung syllables, with matplotlib (extra `plot`)."""

from __future__ import annotations

import base64
import html
import io
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .. import audio
from ..audio.timeline import Timeline

Array = NDArray[np.float32]

MOMENT = 0.4  # s over which loudness is taken, as meters do ("momentary")
QUIETEST = -60.0  # dBFS, the foot of the loudness and of the spectrogram

_COLUMNS = 1000  # as wide as the picture is, in pixels
_WINDOW = 4096
_LOWEST, _HIGHEST, _BANDS = 50.0, 16_000.0, 140  # Hz, and rows of the spectrogram
_INCHES = 10.0  # wide
_WORD_ROWS, _FONT_SIZE = 3, 8.0  # of the sung lines; the size is in points
_BLUE, _ORANGE = "#1f5f8b", "#b3541e"


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook with an alternative text.

    Attributes
    ----------
    alt : str
        What there is to see, in words.
    """

    alt = ""

    def _repr_html_(self) -> str:
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # of a script that the font does not have
            self.savefig(file, format="png")
        source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
        return f'<img alt="{html.escape(self.alt)}" src="{source}" style="max-width: 100%">'

    def _ipython_display_(self) -> None:
        # Where pyplot was used before, IPython would add a second picture, without the text.
        display({"text/plain": f"<Picture: {self.alt}>", "text/html": self._repr_html_()}, raw=True)


def draw(path: Path, timeline: Timeline | None, title: str) -> Picture:
    """Draw a sound file, as `minimax_nb.plot` says; OSError and the like where it cannot be read."""
    info = audio.read_info(path)
    columns = _read_columns(path)
    loudness = _momentary(info.envelope)
    lines = timeline.lines if timeline else ()
    picture = Picture(figsize=(_INCHES, 7.4 if lines else 6.4), layout="constrained")
    picture.suptitle(title)
    heights = [0.7] * bool(lines) + [1, 1, 1.6]
    rows = list(picture.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0])
    if timeline and lines:
        _draw_words(rows.pop(0), timeline, info.duration)
    _draw_waveform(rows[0], columns)
    _draw_loudness(rows[1], loudness)
    _draw_spectrogram(picture, rows[2], columns)
    rows[2].set_xlim(0, info.duration)
    picture.alt = _in_words(title, info.duration, loudness, timeline)
    return picture


@dataclass(frozen=True, eq=False)
class _Columns:
    """A sound in columns.

    Attributes
    ----------
    times : ndarray
        Of the columns' edges, in s.
    low, high : ndarray
        The extremes of the samples in each column, −1 to 1.
    levels : ndarray, shape (bands, columns)
        In dB.
    edges : ndarray
        Of the bands, in Hz.
    """

    times: Array
    low: Array
    high: Array
    levels: Array
    edges: Array


def _read_columns(path: Path) -> _Columns:
    """Read a file column by column, so that its length costs no memory."""
    with soundfile.SoundFile(path) as sound:
        rate = sound.samplerate
        hop = max(sound.frames // _COLUMNS, _WINDOW // 8)
        edges = np.geomspace(_LOWEST, min(_HIGHEST, rate / 2), _BANDS + 1).astype(np.float32)
        columns = [(part[:hop].min(), part[:hop].max(), _spectrum(part)) for part in _parts(sound, hop)]
    low, high, spectra = zip(*columns, strict=True)
    bins = np.fft.rfftfreq(_WINDOW, 1 / rate)
    # A low band lies between two bins, a high one holds several.
    between = np.array([np.interp(edges[1:], bins, spectrum) for spectrum in spectra])
    highest = np.maximum.reduceat(spectra, np.searchsorted(bins[:-1], edges[:-1]), axis=1)
    bands = np.maximum(between, highest).T
    return _Columns(
        times=np.arange(len(low) + 1, dtype=np.float32) * hop / rate,
        low=np.array(low),
        high=np.array(high),
        levels=20 * np.log10(np.maximum(bands, 1e-6)).astype(np.float32),
        edges=edges,
    )


def _parts(sound: soundfile.SoundFile, hop: int) -> Iterator[Array]:
    """The file in mono, from each column on, a window or a column long."""
    size = max(hop, _WINDOW)
    for block in sound.blocks(size, overlap=size - hop, dtype="float32", always_2d=True, fill_value=0):
        yield np.clip(np.nan_to_num(block), -1, 1).mean(axis=1)


def _spectrum(part: Array) -> Array:
    """Magnitudes of a part, a full-scale sine being 1, shape (_WINDOW // 2 + 1,)."""
    windows = part[: len(part) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    shape = np.hanning(_WINDOW).astype(np.float32)
    return np.asarray(np.abs(np.fft.rfft(windows * shape)).mean(axis=0) * 2 / shape.sum(), dtype=np.float32)


def _momentary(envelope: Array) -> Array:
    """The level over `MOMENT` around each value of an envelope, in dBFS."""
    width = round(MOMENT * audio.ENVELOPE_RATE)
    power = np.convolve(np.square(envelope), np.ones(width) / width, mode="same")
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (QUIETEST / 10))), dtype=np.float32)


def _draw_words(axes: Axes, timeline: Timeline, duration: float) -> None:
    """The lines in rows that take turns, and below them a bar for each syllable."""
    starts = [line.start for line in timeline.lines]
    letters_per_second = _INCHES * 0.8 * 72 / duration / (0.55 * _FONT_SIZE)
    for number, line in enumerate(timeline.lines):
        colour = (_BLUE, _ORANGE)[number % 2]
        for count, syllable in enumerate(line.syllables):
            shade = 1 if count % 2 else 0.6
            axes.axvspan(syllable.start, syllable.end, ymax=0.15, color=colour, alpha=shade, linewidth=0)
        room = next(iter(starts[number + _WORD_ROWS :]), duration) - line.start
        text = textwrap.shorten(line.text, max(4, int(room * letters_per_second)), placeholder="…")
        row = 0.22 + 0.26 * (_WORD_ROWS - 1 - number % _WORD_ROWS)
        axes.text(line.start, row, text, size=_FONT_SIZE, color=colour)
    axes.set(ylim=(0, 1), yticks=[], ylabel="Syllables")


def _draw_waveform(axes: Axes, columns: _Columns) -> None:
    axes.fill_between(columns.times[:-1], columns.low, columns.high, color=_BLUE, linewidth=0.3)
    axes.set(ylim=(-1, 1), ylabel="Amplitude")


def _draw_loudness(axes: Axes, loudness: Array) -> None:
    times = (np.arange(len(loudness)) + 0.5) / audio.ENVELOPE_RATE
    axes.plot(times, loudness, color=_ORANGE)
    axes.grid(alpha=0.3)
    axes.set(ylim=(QUIETEST, 0), ylabel="Loudness (dBFS)")


def _draw_spectrogram(picture: Picture, axes: Axes, columns: _Columns) -> None:
    top = float(columns.levels.max())
    mesh = axes.pcolormesh(
        columns.times, columns.edges, columns.levels, vmin=top + QUIETEST, vmax=top, cmap="magma", rasterized=True
    )
    picture.colorbar(mesh, ax=axes, label="Level (dB)")
    hertz = [each for each in (100, 200, 500, 1000, 2000, 5000, 10_000) if each < columns.edges[-1]]
    axes.set_yscale("log")
    axes.set_yticks(hertz, [f"{each:,}" for each in hertz])
    axes.set_yticks([], minor=True)
    axes.set(ylabel="Frequency (Hz)", xlabel="Time (s)")


def _in_words(title: str, duration: float, loudness: Array, timeline: Timeline | None) -> str:
    usual, loudest = float(np.median(loudness)), int(np.argmax(loudness))
    words = [
        f"{title}, {duration:.0f} seconds, drawn over time: the waveform; the loudness, half of the time above "
        f"{usual:.0f} dBFS and highest with {loudness[loudest]:.0f} dBFS at {loudest / audio.ENVELOPE_RATE:.0f} s; "
        "the spectrogram."
    ]
    if timeline and timeline.lines:
        words += [f"Sung from {line.start:.0f} to {line.end:.0f} s: {line.text.strip()}" for line in timeline.lines]
    return " ".join(words)
