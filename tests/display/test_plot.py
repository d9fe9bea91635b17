"""Pictures of sound: what is drawn, and what is said of it in words."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from minimax_nb import Song, Status
from minimax_nb.audio.timeline import Line, Syllable, Timeline
from minimax_nb.display.picture import Picture
from minimax_nb.display.plot import plot
from minimax_nb.errors import InvalidInput, InvalidReference, LibraryError, MusicError, install
from minimax_nb.rehearsal.band.analysis import analyse
from tests.support.kernels import run_cell, running_kernel
from tests.support.service import audio_bytes

TIMELINE = Timeline((Line((Syllable("Side ", 1, 1.5), Syllable("by <side>", 1.5, 3))), Line((Syllable("歌", 4, 5),))))


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a loud tone of 440 Hz, four of a quiet one, in stereo."""
    path = tmp_path_factory.mktemp("picture") / "track.wav"
    times = np.arange(6 * 44100) / 44100
    tone = np.sin(2 * np.pi * 440 * times) * np.where(times < 2, 0.5, 0.005)
    soundfile.write(path, np.stack([tone, tone], axis=1), 44100)
    return path


def labels(picture: Picture) -> list[str]:
    return [axes.get_ylabel() for axes in picture.axes]


def test_the_axes_are_in_seconds_hertz_and_decibels(track: Path) -> None:
    picture = plot(track)
    assert labels(picture) == ["Amplitude", "Loudness (dBFS)", "Frequency (Hz)", "Level (dB)"]
    waveform, loudness, spectrogram, _ = picture.axes
    assert spectrogram.get_xlabel() == "Time (s)"
    assert waveform.get_xlim() == pytest.approx((0, 6), abs=0.01)
    assert picture.get_suptitle() == "track.wav"
    seconds, level = loudness.lines[0].get_data()
    assert np.asarray(level)[np.asarray(seconds) < 1.5].mean() == pytest.approx(-9, abs=0.5)
    assert np.asarray(level)[(np.asarray(seconds) > 3) & (np.asarray(seconds) < 5)].mean() == pytest.approx(
        -49, abs=0.5
    )
    mesh = spectrogram.collections[0]
    levels = np.asarray(mesh.get_array())
    edges = mesh.get_coordinates()[:, 0, 1]
    loudest = int(levels[:, 100].argmax())
    assert edges[loudest] < 445
    assert edges[loudest + 1] > 435
    assert levels.max() == pytest.approx(-6, abs=1)


def test_what_is_sung_is_drawn_where_it_is_known(track: Path) -> None:
    picture = plot(track, TIMELINE, title="A song")
    assert labels(picture)[0] == "Syllables"
    assert [text.get_text() for text in picture.axes[0].texts] == ["Side by <side>", "歌"]
    assert len(picture.axes[0].patches) == 3
    assert "Sung from 1 to 3 s: Side by <side>" in picture.alt


@pytest.mark.kernel
def test_a_cell_shows_it_once_with_its_words(track: Path) -> None:
    shown = plot(track, TIMELINE)._repr_html_()
    alt = re.fullmatch(r'<img alt="([^"]*)" src="data:image/png;base64,[^"]*" style="[^"]*">', shown)
    assert alt is not None
    assert "6 seconds" in alt[1]
    assert html.escape("<side>") in alt[1]
    # With pyplot at work, which draws every figure that it knows, and every one that is a value.
    code = f"%matplotlib inline\nfrom minimax_nb import plot\nplot({str(track)!r})"
    with running_kernel(sys.executable, track.parent) as kernel:
        cell = run_cell(kernel, code)
    (bundle,) = [each["data"] for each in cell if "data" in each]
    assert set(bundle) == {"text/plain", "text/html"}
    assert 'alt="track.wav, 6 seconds' in bundle["text/html"]


@pytest.mark.parametrize(("seconds", "rate"), [(0.05, 8000), (400, 8000)])
def test_any_length_will_do(tmp_path: Path, seconds: float, rate: int) -> None:
    path = tmp_path / "noise.wav"
    noise = np.random.default_rng(1).uniform(-1, 1, int(seconds * rate)).astype(np.float32)
    soundfile.write(path, noise, rate)
    picture = plot(path)
    assert picture.axes[2].get_xlim()[1] == pytest.approx(seconds)
    assert len(picture._repr_html_()) > 10_000


def test_a_song_draws_itself_once_it_is_there(track: Path) -> None:
    song = Song("a", Status.QUEUED, datetime.now(UTC), rehearsal=True, timeline=TIMELINE)
    with pytest.raises(MusicError, match="not completed"):
        song.plot()
    with pytest.raises(LibraryError, match="gone"):
        replace(song, status=Status.COMPLETED, path=track.with_name("gone.mp3")).plot()
    picture = replace(song, status=Status.COMPLETED, path=track).plot()
    assert picture.get_suptitle() == song.title
    assert labels(picture)[0] == "Syllables"


def test_what_is_no_sound_is_said(tmp_path: Path) -> None:
    (tmp_path / "words.mp3").write_text("la la la")
    with pytest.raises(InvalidInput, match=r"words\.mp3 is not audio"):
        plot(tmp_path / "words.mp3")
    with pytest.raises(InvalidInput, match="cannot be read"):
        plot(tmp_path / "none.mp3")
    with pytest.raises(InvalidReference, match=r"words\.mp3 cannot be read as audio"):
        analyse(tmp_path / "words.mp3")
    with pytest.raises(InvalidReference, match="There is no file"):
        analyse(tmp_path / "none.mp3")


def test_what_the_band_hears_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "tone.mp3").write_bytes(audio_bytes(4))
    found = analyse(str(tmp_path / "tone.mp3"))
    assert found.key in str(found)
    assert "BPM (confidence" in str(found)


def test_without_matplotlib_it_says_what_to_install(track: Path) -> None:
    code = (
        "import sys\nsys.modules['matplotlib.axes'] = None\n"
        "from minimax_nb import InvalidInput, plot\n"
        f"try:\n    plot({str(track)!r})\nexcept InvalidInput as error:\n    print(error)"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=root)
    assert install("plot") in done.stdout
    assert "Nothing was spent" in done.stdout
