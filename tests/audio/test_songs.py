"""The file of a finished song: judged by its structure, hardly ever decoded."""

import functools
import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from minimax_nb.audio import NotAudio, SongFile, check_song
from minimax_nb.audio.mpeg import find_frames

SECONDS = 20


@functools.cache
def encoded(file_format: str, mode: str = "CONSTANT", seconds: int = SECONDS, subtype: str | None = None) -> bytes:
    noise = np.random.default_rng(1).normal(0, 0.1, (44100 * seconds, 2)).astype(np.float32)
    file = io.BytesIO()
    mp3 = {"bitrate_mode": mode, "compression_level": 0.6} if file_format == "MP3" else {}
    soundfile.write(file, noise, 44100, format=file_format, subtype=subtype, **mp3)
    return file.getvalue()


def bare(mode: str = "CONSTANT") -> bytes:
    """An mp3 without its Xing header, as encoders write into a pipe."""
    stream = find_frames(encoded("MP3", mode))
    assert stream
    assert stream.header
    return encoded("MP3", mode)[stream.header.end :]


def id3(content: bytes) -> bytes:
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + content


def judged(folder: Path, content: bytes) -> SongFile:
    (folder / "song.part").write_bytes(content)
    return check_song(folder / "song.part")


WHOLE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "mp3": (".mp3", lambda: encoded("MP3")),
    "mp3 of variable rate": (".mp3", lambda: encoded("MP3", "VARIABLE")),
    "mp3 without a Xing header": (".mp3", bare),
    "mp3 of variable rate without one": (".mp3", lambda: bare("VARIABLE")),
    "mp3 with tags before and after": (".mp3", lambda: id3(os.urandom(5000)) + bare() + b"TAG" + bytes(125)),
    "mp3 with 3 MB of cover art": (".mp3", lambda: id3(b"\xff\xd8" + os.urandom(2 << 20)) + encoded("MP3")),
    "mp3 with an APE tag": (".mp3", lambda: bare() + b"APETAGEX" + os.urandom(500)),
    "mp3 with 10 frames fewer than it says": (".mp3", lambda: encoded("MP3")[:-4000]),
    "wav": (".wav", lambda: encoded("WAV")),
    "wav of a size that was not known": (".wav", lambda: wav_of_size(0xFFFFFFFF)),
    "wav of no size": (".wav", lambda: wav_of_size(0)),
    "flac": (".flac", lambda: encoded("FLAC")),
    "ogg": (".ogg", lambda: encoded("OGG", seconds=SECONDS)),
}


def wav_of_size(size: int) -> bytes:
    content = encoded("WAV")
    return content[:40] + size.to_bytes(4, "little") + content[44:]


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_song_has_its_length_and_the_ending_of_its_kind(tmp_path: Path, kind: str) -> None:
    suffix, make = WHOLE[kind]
    song = judged(tmp_path, make())
    assert (song.suffix, song.complete) == (suffix, True)
    assert song.seconds == pytest.approx(SECONDS, abs=0.3)


CUT: dict[str, Callable[[], bytes]] = {
    "mp3": lambda: encoded("MP3")[:200_000],
    "mp3 without a Xing header": lambda: bare()[:200_001],
    "mp3 that a tag precedes": lambda: id3(bytes(3000)) + bare()[:100_001],
    "wav": lambda: encoded("WAV")[:2_000_000],
    "flac": lambda: encoded("FLAC")[:1_000_000],
}


@pytest.mark.parametrize("kind", CUT)
def test_a_truncated_song_is_seen(tmp_path: Path, kind: str) -> None:
    song = judged(tmp_path, CUT[kind]())
    assert song.complete is False
    assert song.seconds is not None
    assert 4 < song.seconds < SECONDS - 1


NONE = {
    "web page": b"<!DOCTYPE html><title>Sign in</title>",
    "JSON": b'{"error": "expired"}',
    "text, not": b"AccessDenied",
    "empty$": b"",
    "no length": encoded("WAV")[:44],
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("what", NONE)
def test_what_is_no_song_is_named(tmp_path: Path, what: str) -> None:
    with pytest.raises(NotAudio, match=what):
        judged(tmp_path, NONE[what])


def test_what_cannot_be_judged_is_left_open(tmp_path: Path) -> None:
    assert judged(tmp_path, os.urandom(100_000)) == SongFile()
    song = judged(tmp_path, b"MAC \x96\x0f" + bytes(1000))
    assert (song.suffix, song.seconds, song.complete) == (".ape", None, None)


def test_a_megabyte_is_judged_at_once(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(bare() * 3)
    assert (tmp_path / "song.mp3").stat().st_size > 1_000_000
    durations = []
    for _ in range(10):
        begun = time.perf_counter()
        check_song(tmp_path / "song.mp3")
        durations.append(time.perf_counter() - begun)
    assert min(durations) < 0.003
