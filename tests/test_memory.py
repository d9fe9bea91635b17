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


@pytest.fixture
def long_track(tmp_path: Path) -> Path:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros((90 * 44100, 2), np.float32), 44100, subtype="FLOAT")
    return path


def test_a_reference_is_measured_and_cut_block_by_block(long_track: Path, tmp_path: Path) -> None:
    def cut() -> None:
        audio.read_info(long_track)
        audio.write_excerpt(long_track, tmp_path / "excerpt.mp3", start=10, seconds=60)

    assert long_track.stat().st_size > 6 * MOST
    assert peak_of(cut) < MOST
    assert soundfile.info(tmp_path / "excerpt.mp3").duration == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (96000, 1), (22050, 6)])
def test_an_excerpt_sounds_as_the_track_does(tmp_path: Path, rate: int, channels: int) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(20 * rate) / rate)
    soundfile.write(tmp_path / "tone.wav", np.repeat(tone[:, None], channels, axis=1), rate)
    audio.write_excerpt(tmp_path / "tone.wav", tmp_path / "excerpt.mp3", start=2, seconds=15)
    excerpt, rate_of_excerpt = soundfile.read(tmp_path / "excerpt.mp3", always_2d=True)
    assert excerpt.shape[1] == min(channels, 2 if channels <= 2 else 1)
    assert len(excerpt) / rate_of_excerpt == pytest.approx(15, abs=0.1)
    loudest = np.argmax(np.abs(np.fft.rfft(excerpt[:, 0])))
    assert loudest * rate_of_excerpt / len(excerpt) == pytest.approx(440, abs=1)
