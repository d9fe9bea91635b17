"""The band's analysis against references of known tempo and key, made here with nothing of the band's."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from minimax_nb.errors import InvalidReference
from minimax_nb.rehearsal.band.analysis import DEFAULT_TEMPO, NOTE_NAMES, Analysis, analyse

RATE = 22_050
# Chords as (semitones above the tonic, third).
SONGS = {
    "major": [((0, 4), (7, 4), (9, 3), (5, 4)), ((0, 4), (5, 4), (7, 4), (0, 4)), ((0, 4), (9, 3), (2, 3), (7, 4))],
    "minor": [((0, 3), (8, 4), (3, 4), (10, 4)), ((0, 3), (5, 3), (7, 4), (0, 3)), ((0, 3), (10, 4), (8, 4), (7, 4))],
}
KICKS = ("9.......9.......", "9...9...9...9...", "9.....9.9.......")
TEMPI = (64.0, 71.5, 78.3, 85.0, 92.0, 99.9, 107.2, 113.0, 121.7, 128.0, 134.4, 140.0, 149.3, 163.0)


@functools.cache
def tone(midi: float, seconds: float, rate: int, overtones: int = 10) -> NDArray[np.float64]:
    """A plucked note with the overtones of a string."""
    t = np.arange(int(seconds * rate)) / rate
    hertz = 440 * 2 ** ((midi - 69) / 12)
    sounding = [k for k in range(1, overtones + 1) if k * hertz < rate / 2]
    string = sum(np.sin(2 * np.pi * k * hertz * t) * np.exp(-k * t) / k for k in sounding)
    return np.asarray(string * np.minimum(1, (len(t) - np.arange(len(t))) / (0.01 * rate)))


def click(hertz: float, noise: float, rate: int, seed: int) -> NDArray[np.float64]:
    """A drum: a short sine and some noise."""
    t = np.arange(int(0.15 * rate)) / rate
    rustle = np.random.default_rng(seed).standard_normal(len(t))
    return np.asarray((np.sin(2 * np.pi * hertz * t) + noise * rustle) * np.exp(-t / 0.04))


def reference(
    tempo: float,
    tonic: int = 9,
    mode: str = "minor",
    *,
    rate: int = RATE,
    seconds: float = 22.0,
    drums: bool = True,
    song: int = 0,
) -> NDArray[np.float64]:
    """A backing track: chords on the beats, a bass, a walking tune and, with `drums`, a drum kit."""
    out = np.zeros(int((seconds + 4) * rate))
    rng = np.random.default_rng(song)
    beat = 60 / tempo
    drum_sounds = {
        "kick": click(60, 0.05, rate, 1),
        "snare": click(190, 1.0, rate, 2),
        "hat": click(5000, 1.0, rate, 3)[::2],
    }

    def add(sound: NDArray[np.float64], at: float, gain: float) -> None:
        first = int(at * rate)
        out[first : first + len(sound)] += gain * sound

    for count in range(int(seconds / beat)):
        root, third = SONGS[mode][song % 3][count // 4 % 4]
        notes = [tonic + root, tonic + root + third, tonic + root + 7]
        for note in notes:
            add(tone(52 + (note - 52) % 12, beat, rate), count * beat, 0.12)
        if count % 2 == 0:
            add(tone(36 + notes[0] % 12, 2 * beat, rate), count * beat, 0.25)
        add(tone(64 + (notes[int(rng.integers(3))] - 64) % 12, beat, rate), count * beat, 0.15)
        if drums:
            for step in range(4):
                at = (count + step / 4) * beat
                if KICKS[song % 3][count % 4 * 4 + step] == "9":
                    add(drum_sounds["kick"], at, 0.8)
                if step % 2 == 0:
                    add(drum_sounds["hat"], at, 0.1 if step else 0.2)
            if count % 2:
                add(drum_sounds["snare"], count * beat, 0.4)
    sound = out[: int(seconds * rate)]
    return sound / np.abs(sound).max() * 0.8


def analysed(sound: NDArray[np.float64], folder: Path, rate: int = RATE) -> Analysis:
    """Analyse a sound by way of a file."""
    path = folder / "reference.wav"
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return analyse(path)


def octaves_off(tempo: float, truth: float) -> float:
    """How far a tempo is from the truth or its half or double, as a share."""
    return min(abs(tempo / (truth * factor) - 1) for factor in (0.5, 1, 2))


def test_tempo_is_within_one_percent(tmp_path: Path) -> None:
    found = [analysed(reference(tempo, song=i), tmp_path).tempo for i, tempo in enumerate(TEMPI)]
    exact = [abs(tempo / truth - 1) < 0.01 for tempo, truth in zip(found, TEMPI, strict=True)]
    assert sum(exact) >= 0.8 * len(TEMPI), list(zip(TEMPI, found, strict=True))
    assert all(octaves_off(tempo, truth) < 0.01 for tempo, truth in zip(found, TEMPI, strict=True))


@pytest.mark.parametrize("tempo", [92.0, 140.0, 91.7])
def test_tempo_is_not_rounded(tempo: float, tmp_path: Path) -> None:
    found = analysed(reference(tempo), tmp_path)
    assert found.tempo == pytest.approx(tempo, rel=0.002)
    assert found.tempo_confidence > 0.3


def test_keys(tmp_path: Path) -> None:
    truths = [(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]
    tempi = (96, 112, 128)
    found = [
        analysed(reference(tempi[i // 2 % 3], *truth, drums=i % 3 > 0, song=i, seconds=16), tmp_path)
        for i, truth in enumerate(truths)
    ]
    exact = sum((h.tonic, h.mode) == truth for h, truth in zip(found, truths, strict=True))
    scale = sum(same_scale((h.tonic, h.mode), truth) for h, truth in zip(found, truths, strict=True))
    assert exact >= 0.8 * len(truths), [(h.key, t) for h, t in zip(found, truths, strict=True)]
    assert scale >= 0.9 * len(truths)
    assert all(h.key == f"{NOTE_NAMES[h.tonic]} {h.mode}" for h in found)


def same_scale(one: tuple[int, str], two: tuple[int, str]) -> bool:
    """Whether two keys are the same or relatives."""
    major = [(tonic + (3 if mode == "minor" else 0)) % 12 for tonic, mode in (one, two)]
    return major[0] == major[1]


@pytest.mark.parametrize("rate", [8_000, 11_025, 32_000, 48_000, 96_000])
def test_any_sample_rate(rate: int, tmp_path: Path) -> None:
    found = analysed(reference(104, 2, "major", rate=rate, song=1), tmp_path, rate)
    assert found.tempo == pytest.approx(104, rel=0.01)
    assert found.key == "D major"


def test_stereo_silent_ends_quiet_and_clipped_sound_the_same(tmp_path: Path) -> None:
    plain = reference(116, 7, "major", song=1)
    silence = np.zeros(3 * RATE)
    versions = {
        "stereo": np.stack([plain, 0.5 * plain], axis=1),
        "silent ends": np.concatenate([silence, plain, silence]),
        "quiet": 0.002 * plain,
        "clipped": np.clip(6 * plain, -1, 1),
    }
    for name, sound in versions.items():
        found = analysed(sound, tmp_path)
        assert found.tempo == pytest.approx(116, rel=0.01), name
        assert found.key == "G major", name


def test_loudness_and_brightness_follow_the_sound(tmp_path: Path) -> None:
    dark = analysed(tone(45, 16, RATE, overtones=2), tmp_path)
    hiss = 0.2 * np.random.default_rng(1).standard_normal(16 * RATE)
    bright = analysed(0.5 * tone(45, 16, RATE, overtones=2) + hiss, tmp_path)
    assert bright.brightness > 2 * dark.brightness
    loud, quiet = analysed(reference(100), tmp_path), analysed(0.1 * reference(100), tmp_path)
    assert loud.loudness - quiet.loudness == pytest.approx(20, abs=0.2)


def test_a_drone_has_a_key_and_no_beat(tmp_path: Path) -> None:
    t = np.arange(18 * RATE) / RATE
    drone = sum(np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * t) for midi in (48, 55, 60, 64, 67)) / 6
    found = analysed(np.asarray(drone), tmp_path)
    assert (found.tempo, found.tempo_confidence) == (DEFAULT_TEMPO, 0)
    assert found.key == "C major"


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(RATE * 16), np.zeros(0), np.ones(RATE * 16) * 0.3, np.full(200, np.nan), np.eye(1, RATE * 16)[0],
        np.full(RATE * 4, np.inf), np.full((RATE * 4, 2), (np.inf, -np.inf)),
    ],
    ids=["silence", "nothing", "constant", "not a number", "one click", "infinite", "infinitely wide"],
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_always_an_answer(sound: NDArray[np.float64], tmp_path: Path) -> None:
    found = analysed(sound, tmp_path)
    assert 40 <= found.tempo <= 240
    assert found.mode in ("major", "minor")
    assert np.isfinite([found.loudness, found.brightness, found.key_confidence]).all()


@pytest.mark.parametrize("sample", [np.inf, -np.inf, np.nan, 1e30])
@pytest.mark.filterwarnings("error")
def test_one_bad_sample_does_not_matter(sample: float, tmp_path: Path) -> None:
    sound = reference(100)
    sound[5 * RATE] = sample
    found = analysed(sound, tmp_path)
    assert found.tempo == pytest.approx(100, rel=0.002)
    assert found.key == "A minor"
    assert -40 < found.loudness < 0


@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5, 1.9, 2.0, 2.1, 2.2, 3.0])
@pytest.mark.filterwarnings("error")
def test_a_few_slow_beats_are_enough_for_an_answer(seconds: float, tmp_path: Path) -> None:
    sound = np.full(int((seconds + 1) * RATE), 1e-6)
    drum = 0.5 * click(190, 1.0, RATE, 2)
    for at in np.arange(0, seconds, 0.75):
        sound[int(at * RATE) : int(at * RATE) + len(drum)] += drum
    assert 40 <= analysed(sound[: int(seconds * RATE)], tmp_path).tempo <= 240


def test_noise_gives_no_confident_beat(tmp_path: Path) -> None:
    found = analysed(0.1 * np.random.default_rng(7).standard_normal(20 * RATE), tmp_path)
    assert found.tempo_confidence < 0.2


def test_mp3_and_flac(tmp_path: Path) -> None:
    for suffix in ("mp3", "flac"):
        soundfile.write(tmp_path / f"reference.{suffix}", reference(92), RATE)
        found = analyse(tmp_path / f"reference.{suffix}")
        assert found.tempo == pytest.approx(92, rel=0.005)
        assert found.key == "A minor"


def test_a_text_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "words.mp3").write_text("la la la")
    with pytest.raises(InvalidReference):
        analyse(tmp_path / "words.mp3")
