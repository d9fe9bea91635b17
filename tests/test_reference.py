"""The reference track: what is accepted, what is said otherwise, what is handed over."""

import base64
import hashlib
import io
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import soundfile

from minimax_nb import audio
from minimax_nb.errors import InvalidReference, LibraryError, Spent
from minimax_nb.reference import prepare
from tests.support import sounds

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


def test_what_was_prepared_once_is_not_read_and_encoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song, copy, folder = tmp_path / "song.wav", tmp_path / "copy.wav", tmp_path / "references"
    song.write_bytes(encoded(tone(30)))
    shutil.copy(song, copy)
    first = prepare(song, folder)
    part = prepare(song, folder, start=2, seconds=20)
    assert part.path != first.path

    def read(*_: object, **__: object) -> NoReturn:
        raise AssertionError("it was decoded again")

    with monkeypatch.context() as patched:
        patched.setattr(audio, "read", read)
        assert prepare(song, folder) == first
        assert prepare(song, folder, start=2, seconds=20) == part
        assert prepare(song.read_bytes(), folder).path == first.path
        again = prepare(copy, folder)
        assert (again.path, again.description) == (first.path, "copy.wav, 0:30")
        for other in ({"start": 3.0, "seconds": 20.0}, {"longer_than": 6.0}):
            with pytest.raises(AssertionError):
                prepare(song, folder, **other)  # type: ignore[arg-type]
    song.write_bytes(encoded(tone(20)))
    assert prepare(song, folder).path != first.path
    assert first.path is not None
    first.path.unlink()
    assert prepare(copy, folder).path == first.path
    assert first.path.exists()


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


def test_a_link_is_passed_on_untouched(tmp_path: Path) -> None:
    url = "https://example.org/a%20song.mp3?x=1&y=%2F"
    reference = prepare(url, tmp_path / "references")
    assert reference.uri == url
    assert reference.path is None
    assert not (tmp_path / "references").exists()


def truncated_mp3(share: float) -> bytes:
    whole = encoded(tone(40), "MP3")
    return whole[: int(len(whole) * share)]


def text_file(folder: Path) -> Path:
    (folder / "text.mp3").write_text("not music at all\n" * 100)
    return folder / "text.mp3"


def empty_file(folder: Path) -> Path:
    (folder / "empty.wav").write_bytes(b"")
    return folder / "empty.wav"


def raw_samples(folder: Path) -> Path:
    (folder / "take.raw").write_bytes(sounds.pcm(tone(20)))
    return folder / "take.raw"


UNUSABLE = {
    "There is no file": lambda folder: folder / "missing.mp3",
    "is empty": empty_file,
    r"^\S+ is a folder\. Nothing was spent": lambda folder: folder,
    "14.0 s long": lambda folder: encoded(tone(14)),
    "15.0 s long": lambda folder: encoded(tone(15)),
    "is silent": lambda folder: encoded(np.zeros((RATE * 20, 1), dtype=np.float32)),
    "is text, not audio": text_file,
    "is cut off: 8.6 s are there of the 40 s": lambda folder: truncated_mp3(0.225),
    "is damaged: only 10.. s of it": lambda folder: sounds.with_hole(sounds.mp3(), 40_000, 0.2),
    "not valid base64": lambda folder: "data:audio/mpeg;base64,@@@",
    "no data in it": lambda folder: "data:audio/mpeg;base64",
    "is not a complete link": lambda folder: "https://",
    "this is a int": lambda folder: 7,
    "begins with ftp:// is not fetched": lambda folder: "ftp://example.org/song.mp3",
    "There is no user 'nobody-here'": lambda folder: "~nobody-here/a.mp3",
    "cannot be opened: File name too long": lambda folder: "Side by side, through thick and thin, " * 9,
    "There is no reference": lambda folder: "  ",
    "cannot be opened|There is no file": lambda folder: "a\0b.mp3",
    "is not a kind of audio that is known.*Audacity": raw_samples,
}


@pytest.mark.parametrize("problem", UNUSABLE)
def test_a_reference_that_cannot_be_used_is_a_clear_error(tmp_path: Path, problem: str) -> None:
    source = UNUSABLE[problem](tmp_path)
    with pytest.raises(InvalidReference, match=problem) as caught:
        prepare(source, tmp_path / "references")
    assert caught.value.spent is Spent.NO
    kept = tmp_path / "references"
    assert not kept.exists() or not list(kept.iterdir())


def test_a_truncated_file_that_is_long_enough_is_taken_and_said_to_be_one(tmp_path: Path) -> None:
    reference = prepare(truncated_mp3(0.7), tmp_path)
    assert reference.path is not None
    assert length(reference.path) == pytest.approx(28, abs=0.3)
    assert reference.remarks == ("It is cut off: 28 s are there of the 40 s it announces.",)


# What goes out


def sent(folder: Path, content: bytes, **options: float) -> tuple[np.ndarray, int]:
    path = prepare(content, folder, **options).path
    assert path is not None
    return soundfile.read(path, always_2d=True)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (48000, 2)])
def test_what_goes_out_is_a_clean_mp3_whatever_came_in(tmp_path: Path, rate: int, channels: int) -> None:
    reference = prepare(encoded(tone(20, rate=rate, channels=channels), rate=rate), tmp_path)
    assert reference.path is not None
    info = soundfile.info(reference.path)
    assert (info.format, info.samplerate, info.channels) == ("MP3", 44100, channels)
    assert reference.path.stat().st_size * 8 / info.duration >= 128_000


@pytest.mark.parametrize("seconds", [15.01, 15.02, 15.3])
def test_what_is_just_long_enough_stays_so(tmp_path: Path, seconds: float) -> None:
    import av

    reference = prepare(encoded(tone(seconds)), tmp_path)
    assert reference.path is not None
    with av.open(reference.path) as container:
        trimmed = sum(frame.samples for frame in container.decode(audio=0)) / 44100
    assert trimmed > 15.2
    assert length(reference.path) > 15.2


def test_a_quiet_recording_is_raised_and_that_is_said(tmp_path: Path) -> None:
    content = encoded(tone(20, level=0.005), "FLAC")
    reference = prepare(content, tmp_path)
    assert reference.remarks == ("It is very quiet and is sent louder.",)
    samples, _ = sent(tmp_path, content)
    assert -24 < 20 * np.log10(np.sqrt(np.mean(samples**2))) < -16


def test_what_is_above_full_scale_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(20, level=5), RATE, format="WAV", subtype="FLOAT")
    samples, rate = sent(tmp_path, file.getvalue())
    spectrum = np.abs(np.fft.rfft(samples[rate : 11 * rate, 0] * np.hanning(10 * rate)))
    assert np.abs(samples).max() < 1
    assert spectrum[6550:6650].max() < spectrum.max() / 300  # the third harmonic, which clipping makes


def test_an_offset_is_taken_out(tmp_path: Path) -> None:
    samples, _ = sent(tmp_path, encoded(tone(20) + np.float32(0.3)))
    assert abs(samples.mean()) < 0.001
    assert np.abs(samples).max() < 0.35


@pytest.mark.parametrize(("left", "right", "channels"), [(1, -1, 2), (0, 1, 1), (1, 0, 1), (1, 0.5, 2)])
def test_both_sides_are_heard_together(tmp_path: Path, left: float, right: float, channels: int) -> None:
    samples, _ = sent(tmp_path, encoded(tone(20) * np.array([left, right], dtype=np.float32)))
    assert samples.shape[1] == channels
    assert np.sqrt(np.mean(samples.mean(axis=1) ** 2)) > 0.08


@pytest.mark.parametrize("mask", [0x3F, 0])
def test_the_voice_in_the_centre_of_5_1_is_heard_on_both_sides(tmp_path: Path, mask: int) -> None:
    layout = sounds.chunk(b"fmt ", sounds.layout(channels=6, mask=mask))
    voice = np.zeros((sounds.RATE * 20, 6), np.float32)
    voice[:, 2] = sounds.song(20)[:, 0]
    samples, _ = sent(tmp_path, sounds.riff(layout, sounds.chunk(b"data", sounds.pcm(voice))))
    levels = np.sqrt(np.mean(samples**2, axis=0))
    assert levels[0] == pytest.approx(levels[1], rel=0.01)
    assert levels[0] > 0.03


def test_silence_before_and_after_is_left_out(tmp_path: Path) -> None:
    quiet = np.zeros((60 * RATE, 1), np.float32)
    reference = prepare(encoded(np.concatenate([quiet, tone(20), quiet])), tmp_path)
    assert reference.start == pytest.approx(60, abs=1)
    assert reference.seconds == pytest.approx(21, abs=1)
    assert "1:00" in reference.description or "0:59" in reference.description


# How it is given


NAMES = [
    "é nfc.mp3", "e\u0301 nfd.mp3", "🎵.mp3", "50%.mp3", "%41.mp3", "#1.mp3", "it's.mp3", '"quoted".mp3',
    "two\nlines.mp3", "n" * 246 + ".mp3", "LOUD.MP3", "none", "song.raw", " blank .mp3", "-i.mp3",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(encoded(tone(16)))
    for given in (tmp_path / name, str(tmp_path / name)):
        reference = prepare(given, tmp_path / "references")
        assert reference.path is not None
        assert "\n" not in reference.description
        assert len(reference.description) < 100


@pytest.mark.parametrize("text", ['"{}"', "'{}'", "  {}\n", "file://{}", "“{}”", "\u202a{}"])
def test_a_path_may_come_as_other_programs_give_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "a song.mp3").write_bytes(encoded(tone(16)))
    path = str(tmp_path / "a song.mp3")
    given = text.format(path.replace(" ", "%20") if "file" in text else path)
    assert prepare(given, tmp_path / "references").path is not None


@pytest.mark.parametrize("text", ["a\\ song.mp3", "a\N{NO-BREAK SPACE}song.mp3"])
def test_a_space_may_come_as_other_programs_write_it(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a song.mp3").write_bytes(encoded(tone(16)))
    assert prepare(text, tmp_path / "references").path is not None


@pytest.mark.skipif(sys.platform == "win32", reason="it is a path of this computer there")
def test_a_path_of_another_computer_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidReference, match="a Windows computer"):
        prepare("C:\\Users\\me\\song.mp3", tmp_path)


def test_a_name_is_found_in_the_other_form_of_its_accents(tmp_path: Path) -> None:
    (tmp_path / "e\u0301.mp3").write_bytes(encoded(tone(16)))
    assert prepare(str(tmp_path / "é.mp3"), tmp_path / "references").path is not None


def test_blanks_around_a_link_are_no_part_of_it(tmp_path: Path) -> None:
    assert prepare("  https://example.org/song.mp3\n", tmp_path).uri == "https://example.org/song.mp3"


def test_another_model_may_take_a_shorter_one(tmp_path: Path) -> None:
    assert prepare(encoded(tone(7)), tmp_path, longer_than=6).path is not None


def test_a_library_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "references").write_text("a file where the folder should be")
    with pytest.raises(LibraryError, match=r"cannot be kept in .*references: File exists\. "):
        prepare(encoded(tone(16)), tmp_path / "references")
