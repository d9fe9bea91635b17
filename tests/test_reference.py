"""The reference track: what is accepted, what is said otherwise, what is handed over."""

import base64
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from minimax_nb.errors import InvalidReference, LibraryError, Spent
from minimax_nb.reference import fit_excerpt, liveliest, prepare

RATE = 22050


def tone(seconds: float, *, rate: int = RATE, channels: int = 1, level: float = 0.3) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    wave = level * np.sin(2 * np.pi * 220 * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * time))
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def encoded(samples: np.ndarray, file_format: str = "WAV", rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=file_format)
    return file.getvalue()


def length(path: Path) -> float:
    return soundfile.info(path).duration


@pytest.mark.parametrize("file_format", ["WAV", "MP3"])
@pytest.mark.parametrize("given", ["path", "text", "bytes", "data"])
def test_a_local_reference_becomes_an_mp3_named_by_its_hash(tmp_path: Path, file_format: str, given: str) -> None:
    content = encoded(tone(16), file_format)
    path = tmp_path / "misleading.txt"
    path.write_bytes(content)
    data = f"data:audio/x;base64,{base64.b64encode(content).decode()}"
    source = {"path": path, "text": str(path), "bytes": content, "data": data}[given]
    reference = prepare(source, tmp_path / "references")
    assert reference.path is not None
    assert reference.path.stem == hashlib.sha256(reference.path.read_bytes()).hexdigest()
    assert soundfile.info(reference.path).format == "MP3"
    assert length(reference.path) == pytest.approx(16, abs=0.1)
    assert "0:16" in reference.description
    assert [file.name for file in reference.path.parent.iterdir()] == [reference.path.name]


def test_the_same_track_is_kept_once_and_taken_as_it_is_the_second_time(tmp_path: Path) -> None:
    first = prepare(encoded(tone(20)), tmp_path)
    assert prepare(encoded(tone(20)), tmp_path).path == first.path
    assert first.path is not None
    again = prepare(first.path, tmp_path)
    assert again.path == first.path
    assert again.info is not None
    assert again.info.duration == again.seconds == pytest.approx(20, abs=0.1)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (96000, 2), (44099, 1), (48000, 6)])
def test_any_rate_and_any_number_of_channels_can_be_sent(tmp_path: Path, rate: int, channels: int) -> None:
    content = encoded(tone(15.5, rate=rate, channels=channels), rate=rate)
    path = prepare(content, tmp_path).path
    assert path is not None
    assert length(path) == pytest.approx(15.5, abs=0.1)
    assert np.sqrt(np.mean(soundfile.read(path)[0] ** 2)) == pytest.approx(0.14, abs=0.03)


def test_a_long_track_is_cut_to_its_liveliest_minute(tmp_path: Path) -> None:
    quiet, loud = tone(50, level=0.05), tone(65, level=0.6)
    reference = prepare(encoded(np.concatenate([quiet, loud, quiet])), tmp_path)
    assert reference.path is not None
    assert length(reference.path) == pytest.approx(60, abs=0.1)
    samples, _ = soundfile.read(reference.path)
    assert np.sqrt(np.mean(samples**2)) > 0.2
    assert "2:45" in reference.description
    assert (reference.start, reference.seconds) == (pytest.approx(50, abs=6), 60)
    assert reference.info is not None
    assert reference.info.duration == pytest.approx(165)
    assert len(reference.info.envelope) == 1650


def test_liveliest_finds_the_loud_and_moving_stretch() -> None:
    level = np.full(1000, 0.1)
    level[400:500] = 0.5
    assert liveliest(level, 10) == pytest.approx(40.0, abs=0.2)
    assert liveliest(level, 1000) == 0.0


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (10, 50, (10, 50)),
        (-5, 50, (0, 50)),
        (10, 12, (10, 25)),
        (10, 200, (10, 70)),
        (99, 100, (85, 100)),
        (50, 10, (50, 65)),
    ],
)
def test_an_excerpt_is_made_to_fit(start: float, end: float, expected: tuple[float, float]) -> None:
    assert fit_excerpt(start, end, duration=100, shortest=15) == expected


def test_an_excerpt_of_a_short_sound_is_the_whole() -> None:
    assert fit_excerpt(3, 4, duration=9, shortest=15) == (0, 9)


def test_a_link_is_passed_on_untouched(tmp_path: Path) -> None:
    url = "https://example.org/a%20song.mp3?x=1&y=%2F"
    reference = prepare(url, tmp_path / "references")
    assert reference.uri == url
    assert reference.path is None
    assert not (tmp_path / "references").exists()


def truncated_mp3() -> bytes:
    whole = encoded(tone(40), "MP3")
    return whole[: len(whole) * 7 // 10]


def text_file(folder: Path) -> Path:
    (folder / "text.mp3").write_text("not music at all\n" * 100)
    return folder / "text.mp3"


def empty_file(folder: Path) -> Path:
    (folder / "empty.wav").write_bytes(b"")
    return folder / "empty.wav"


UNUSABLE = {
    "There is no file": lambda folder: folder / "missing.mp3",
    "is empty": empty_file,
    "is a folder": lambda folder: folder,
    "14.0 s long": lambda folder: encoded(tone(14)),
    "15.0 s long": lambda folder: encoded(tone(15)),
    "is silent": lambda folder: encoded(np.zeros((RATE * 20, 1), dtype=np.float32)),
    "is not a wav or mp3": text_file,
    "is cut off": lambda folder: truncated_mp3(),
    "is a FLAC file": lambda folder: encoded(tone(20), "FLAC"),
    "not valid base64": lambda folder: "data:audio/mpeg;base64,@@@",
    "no data in it": lambda folder: "data:audio/mpeg;base64",
    "is not a complete link": lambda folder: "https://",
    "this is a int": lambda folder: 7,
    "There is no file ftp:": lambda folder: "ftp://example.org/song.mp3",
}


@pytest.mark.parametrize("problem", UNUSABLE)
def test_a_reference_that_cannot_be_used_is_a_clear_error(tmp_path: Path, problem: str) -> None:
    source = UNUSABLE[problem](tmp_path)
    with pytest.raises(InvalidReference, match=problem) as caught:
        prepare(source, tmp_path / "references")
    assert caught.value.spent is Spent.NO
    kept = tmp_path / "references"
    assert not kept.exists() or not list(kept.iterdir())


def test_another_model_may_take_a_shorter_one(tmp_path: Path) -> None:
    assert prepare(encoded(tone(7)), tmp_path, longer_than=6).path is not None


def test_a_library_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "references").write_text("a file where the folder should be")
    with pytest.raises(LibraryError, match=r"cannot be kept in .*references: File exists\. "):
        prepare(encoded(tone(16)), tmp_path / "references")
