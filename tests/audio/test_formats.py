"""Every kind of file that people bring: taken for what it is, as long as it is, with nothing written to stderr."""

import io
import os
import re
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from minimax_nb import audio
from minimax_nb.audio import decoders
from minimax_nb.errors import install
from tests.support import sounds

SILENCE = 10 ** (-80 / 20)


def verdict(source: Path | bytes) -> str:
    """What is said about a file, as a reference says it: its remarks, or why it is refused."""
    try:
        recording = audio.read(source)
    except audio.NotAudio as error:
        return f"{error.what}. {error.do}"
    if recording.info.envelope.max() < SILENCE:
        return "silent"
    if recording.info.duration <= 15:
        return f"{recording.info.duration:.1f} s long " + " ".join(recording.info.remarks)
    return " ".join([*recording.info.remarks, *audio.polish(recording.samples)[1]])


def check(case: sounds.Case, source: Path | bytes) -> None:
    said = verdict(source)
    assert re.search(case.says, said) if case.says else not case.seconds or not said, said
    if case.seconds:
        assert audio.read_info(source).duration == pytest.approx(case.seconds, abs=0.4)


@pytest.mark.parametrize("name", sounds.CASES)
def test_every_kind_is_judged_as_a_player_would(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "song.mp3"  # which most of them are not
    path.write_bytes(sounds.CASES[name].make())
    check(sounds.CASES[name], path)
    assert capfd.readouterr() == ("", "")


# With and without what decodes


@pytest.fixture
def without_av(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)


@pytest.fixture
def without_ffmpeg(without_av: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "ffmpeg_program", lambda: "")


SOME_WITHOUT = [
    "mp3: constant", "mp3: variable, no header", "mp3: Xing says half", "mp3: hole of 2 KB", "mp3: truncated",
    "mp3: inside wav", "wav: size 0", "wav: 5.1, voice in the centre", "wav: RF64", "other: flac",
    "other: flac truncated", "other: opus", "none: web page",
]  # fmt: skip


@pytest.mark.parametrize("name", SOME_WITHOUT)
@pytest.mark.usefixtures("without_ffmpeg")
def test_the_usual_kinds_need_no_ffmpeg(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    content = sounds.CASES[name].make()
    check(sounds.CASES[name], content)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["other: m4a aac", "mp3: two rates", "mp3: mono then stereo", "other: webm"])
def test_without_ffmpeg_its_command_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = sounds.CASES[name].make()
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(decoders, "ffmpeg_program", lambda: "")
    with pytest.raises(audio.NotAudio, match="needs one more package") as caught:
        audio.read_info(content)
    assert install("formats") in caught.value.do


@pytest.mark.skipif(not decoders.ffmpeg_program(), reason="there is no ffmpeg on this machine")
@pytest.mark.parametrize(
    "name",
    [
        "mp3: variable, no header", "mp3: hole of 2 KB", "other: m4a aac", "other: ac3 5.1", "other: webm truncated",
        "other: mp4 without sound", "other: mkv whose pictures last longer",
    ],
)  # fmt: skip
def test_the_program_ffmpeg_does_as_well(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = sounds.CASES[name].make()
    monkeypatch.setitem(sys.modules, "av", None)
    check(sounds.CASES[name], content)
    awkward = tmp_path / "-i 100% #1 'song'\n♪.m4a"
    awkward.write_bytes(content)
    check(sounds.CASES[name], awkward)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
@pytest.mark.usefixtures("without_av")
def test_an_ffmpeg_on_the_path_is_found_and_what_it_writes_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sound.wav").write_bytes(sounds.wav(sounds.song(channels=2), "FLOAT"))
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/sound.wav\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert shutil.which("ffmpeg") == str(program)
    info = audio.read_info(b"\0\0\0\x20ftypM4A " + bytes(100))
    assert (info.format, info.sample_rate, info.channels) == ("M4A", sounds.RATE, 2)
    assert info.duration == pytest.approx(sounds.SECONDS)


# Time and memory


@pytest.mark.parametrize("name", ["wav: 1 Hz", "wav: size 10 hours", "mp3: Xing says double", "none: random"])
def test_a_header_that_lies_is_seen_through_at_once(name: str) -> None:
    content = sounds.CASES[name].make()
    begun = time.perf_counter()
    verdict(content)
    assert time.perf_counter() - begun < 2


def test_long_sound_takes_little_memory_and_tells_how_far_it_is(tmp_path: Path) -> None:
    """Ten minutes here; what is kept does not depend on it."""
    path = tmp_path / "long.mp3"
    path.write_bytes(sounds.bare(seconds=60, rate=44100, channels=2) * 10)
    told: list[float] = []
    recording = audio.read(path, on_progress=told.append)
    assert recording.info.duration == pytest.approx(600, abs=1)
    assert recording.seconds == 60
    assert len(told) > 20
    assert told == sorted(told)
    assert told[-1] > 0.9


# What is kept of it


def steps(*levels: float, rate: int = sounds.RATE) -> bytes:
    """Ten seconds at each level."""
    return sounds.wav(np.concatenate([sounds.song(10, rate, level=level) for level in levels]), rate=rate)


def test_the_liveliest_stretch_is_kept() -> None:
    recording = audio.read(steps(0.1, 0.1, 0.1, 0.5, 0.5, 0.1, 0.1), seconds=20)
    assert recording.start == pytest.approx(30, abs=0.5)
    assert len(recording.samples) == 20 * 44100
    assert np.sqrt(np.mean(recording.samples**2)) > 0.2


def test_the_stretch_that_is_asked_for_is_kept_to_the_sample() -> None:
    time_in_ms = np.arange(40_000, dtype=np.float32)[:, None] / 100_000
    ramp = sounds.wav(np.repeat(time_in_ms, 44, axis=0)[: 40 * 44000], "FLOAT", rate=44000)
    recording = audio.read(ramp, start=12.345, seconds=16)
    assert recording.start == pytest.approx(12.345, abs=1e-4)
    assert recording.seconds == 16
    away = recording.samples[:, 0] - recording.samples[0, 0]
    assert away[44100] == pytest.approx(0.01, abs=1e-4)


@pytest.mark.usefixtures("without_ffmpeg")
def test_a_stretch_is_read_without_ffmpeg_and_without_what_is_behind_it() -> None:
    recording = audio.read(sounds.bare(seconds=40, rate=44100, channels=2), start=5, seconds=10, whole=False)
    assert (recording.start, recording.seconds) == (5, 10)
    assert recording.info.duration < 20


@pytest.mark.usefixtures("without_ffmpeg")
def test_an_mp3_has_no_seams_where_it_is_read_piece_by_piece() -> None:
    noise = np.random.default_rng(1).standard_normal(6 * 44100) / 8
    file = io.BytesIO()
    soundfile.write(file, noise, 44100, format="MP3")
    file.seek(0)
    at_once = soundfile.read(file, dtype="float32")[0]
    samples = audio.read(file.getvalue(), start=0).samples[:, 0]
    assert len(samples) == len(at_once)
    assert np.abs(samples - at_once).max() < 1e-3


def test_a_short_track_is_kept_whole() -> None:
    recording = audio.read(sounds.wav(sounds.song(20)), seconds=60)
    assert (recording.start, recording.seconds) == (0, 20)


def test_the_envelope_is_that_of_the_sound() -> None:
    info = audio.read_info(steps(0.1, 0.4))
    assert len(info.envelope) == 200
    assert info.envelope[120:180].mean() / info.envelope[20:80].mean() == pytest.approx(4, rel=0.02)
    assert info.loudness == pytest.approx(10 * np.log10(np.mean(info.envelope**2)))


def test_a_player_of_files_reads_over_the_seams(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"xxABCxxDEFxx")
    from minimax_nb.audio.view import View

    view = io.BufferedReader(View(path, [(2, 5), (7, 10)], b"head"))
    assert view.read() == b"headABCDEF"
    assert view.seek(-4, os.SEEK_END) == 6
    assert view.read(2) == b"CD"
    assert view.seek(0, os.SEEK_END) == 10
    view.close()


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of this repository may be taken for one that is named in a playlist."""
    monkeypatch.chdir(tmp_path)
