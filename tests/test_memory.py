"""What a reference takes of memory on its way: blocks of it, however long it is."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from minimax_nb import audio

MOST = 5_000_000


def peak_of(work: Callable[[], object]) -> int:
    work()  # what is imported and cached on first use is no part of it
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def long_track(folder: Path, minutes: float) -> Path:
    path = folder / f"{minutes}.wav"
    soundfile.write(path, np.zeros((round(minutes * 60 * 44100), 2), np.float32), 44100, subtype="FLOAT")
    return path


def test_a_reference_is_read_and_cut_block_by_block(tmp_path: Path) -> None:
    """Of it all only the minute that is sent is kept, once, and the one that might yet be better."""

    def read(track: Path) -> int:
        return peak_of(lambda: audio.write_mp3(audio.polish(audio.read(track).samples)[0], tmp_path / "excerpt.mp3"))

    two, six = read(long_track(tmp_path, 2)), read(long_track(tmp_path, 6))
    minute = 60 * 44100 * 2 * 4
    assert two < 3 * minute + MOST
    assert six < two + MOST
    assert soundfile.info(tmp_path / "excerpt.mp3").duration == pytest.approx(60, abs=0.1)


def test_what_is_in_a_track_is_found_block_by_block(tmp_path: Path) -> None:
    track = long_track(tmp_path, 1.5)
    assert track.stat().st_size > 6 * MOST
    assert peak_of(lambda: audio.read_info(track)) < MOST


@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (96000, 1), (22050, 6)])
def test_an_excerpt_sounds_as_the_track_does(tmp_path: Path, rate: int, channels: int) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(20 * rate) / rate)
    soundfile.write(tmp_path / "tone.wav", np.repeat(tone[:, None], channels, axis=1), rate)
    audio.write_excerpt(tmp_path / "tone.wav", tmp_path / "excerpt.mp3", start=2, seconds=15)
    excerpt, rate_of_excerpt = soundfile.read(tmp_path / "excerpt.mp3", always_2d=True)
    assert excerpt.shape[1] == min(channels, 2)
    assert len(excerpt) / rate_of_excerpt == pytest.approx(15, abs=0.1)
    loudest = np.argmax(np.abs(np.fft.rfft(excerpt[:, 0])))
    assert loudest * rate_of_excerpt / len(excerpt) == pytest.approx(440, abs=1)
