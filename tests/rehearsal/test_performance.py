"""The band as it sounds: whole songs from made references, measured without its own analysis."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from minimax_nb.rehearsal.band import encoder, grooves, performance
from minimax_nb.rehearsal.band import instruments as band
from minimax_nb.rehearsal.band import mixer as mix
from minimax_nb.rehearsal.band import voice as singing
from minimax_nb.rehearsal.band.composer import Score, compose
from minimax_nb.rehearsal.band.performance import (
    Performance,
    check_tempo,
    parse_key,
    perform,
    play_sample,
    song_title,
)
from minimax_nb.rehearsal.band.request import BandRequest
from minimax_nb.rehearsal.band.style import Style, read_style
from minimax_nb.rehearsal.band.voice import Hummer, hum

WORDS = "Side by side, through thick and thin,\n\nWith a laugh, we always win."
RATE = 44_100


def reference(path: Path, tempo: float, tonic: int = 57, thirds: tuple[int, ...] = (3, 4, 4, 4)) -> Path:
    """Twenty seconds of kick, snare and chords: A minor, F, C, G unless told otherwise."""
    out = np.zeros(22 * RATE)
    t = np.arange(RATE // 2) / RATE
    kick = np.sin(2 * np.pi * 55 * t) * np.exp(-t / 0.08)
    snare = np.random.default_rng(0).standard_normal(t.size) * np.exp(-t / 0.05)
    roots = (0, 8, 3, 10) if thirds[0] == 3 else (0, 7, 9, 5)
    for count in range(int(20 * tempo / 60)):
        first = int(count * 60 / tempo * RATE)
        root, third = roots[count // 4 % 4], thirds[count // 4 % 4]
        chord = sum(np.sin(2 * np.pi * 440 * 2 ** ((tonic + root + n - 69) / 12) * t) for n in (-12, 0, third, 7))
        beat = 0.1 * chord * np.exp(-3 * t) + (0.3 * snare if count % 2 else 0.6 * kick)
        out[first : first + t.size] += beat
    soundfile.write(path, out[: 20 * RATE], RATE)
    return path


def request_for(words: str, source: Path | None = None, **options: Any) -> BandRequest:
    return BandRequest("minimax-music", words, reference=source, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("band")


@pytest.fixture(scope="module", params=[92.0, 140.0])
def made(request: pytest.FixtureRequest, folder: Path) -> tuple[float, Performance]:
    tempo = float(request.param)
    source = reference(folder / f"{tempo:.0f}.wav", tempo)
    return tempo, perform(request_for(WORDS, source, seed=4), folder / f"{tempo:.0f}.mp3")


def decoded(path: Path) -> NDArray[np.float32]:
    return np.asarray(soundfile.read(path, dtype="float32")[0])


def low_pulse(sound: NDArray[np.float32]) -> float:
    """The tempo in BPM, folded to 70-140, by the rises of the energy below 120 Hz: not by the band's own analysis."""
    spectrum = np.fft.rfft(sound.mean(axis=1))
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    low = np.fft.irfft(spectrum * ((hertz > 30) & (hertz < 120)))
    frame = RATE // 200
    energy = np.sqrt((low[: len(low) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1))
    rises = np.maximum(np.diff(energy), 0)
    rises = rises - rises.mean()
    tempi = np.arange(70, 140, 0.1)
    beats = np.arange(len(rises)) * frame / RATE / 60
    # How well the rises line up with the pulse, its half and its quarter.
    fits = [sum(abs(np.exp(-2j * np.pi * k * bpm * beats) @ rises) for k in (1, 2, 4)) for bpm in tempi]
    return float(tempi[np.argmax(fits)])


def test_the_song_has_the_tempo_and_key_of_its_reference(made: tuple[float, Performance]) -> None:
    tempo, song = made
    assert song.tempo == pytest.approx(tempo, rel=0.002)
    folded = tempo / 2 ** np.floor(np.log2(tempo / 70))
    measured = low_pulse(decoded(song.path))
    assert min(abs(measured / folded - 1), abs(measured / folded - 2), abs(2 * measured / folded - 1)) < 0.003
    assert song.key == "A minor"


def test_a_mastered_stereo_mp3(made: tuple[float, Performance]) -> None:
    song = made[1]
    with soundfile.SoundFile(song.path) as file:
        assert (file.format, file.samplerate, file.channels) == ("MP3", RATE, 2)
        assert file.title == "Side by side, through thick and thin"
        assert "A minor" in file.comment
        sound = file.read(dtype="float32")
    assert 20 <= song.duration <= 60
    assert len(sound) / RATE == pytest.approx(song.duration, abs=0.1)
    assert np.isfinite(sound).all()
    assert mix.loudness(sound) == pytest.approx(-14, abs=0.5)
    assert mix.true_peak(sound) <= -1.0
    left, right = (np.sqrt((side**2).mean()) for side in sound.T)
    assert abs(20 * np.log10(left / right)) < 1
    assert abs(sound.mean()) < 1e-3
    assert np.abs(sound[-RATE // 10 :]).max() < 0.01


def test_no_second_is_empty_before_the_end(made: tuple[float, Performance]) -> None:
    sound = decoded(made[1].path)
    seconds = sound[: int(len(sound) / RATE - 3) * RATE].reshape(-1, RATE * 2)
    assert np.sqrt((seconds**2).mean(axis=1)).min() > 0.02


def spectrum_share(sound: NDArray[np.float32], low: float, high: float) -> float:
    """The share of the energy between two frequencies in Hz."""
    power = np.abs(np.fft.rfft(sound.mean(axis=1))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(power[(hertz >= low) & (hertz < high)].sum() / power.sum())


def test_neither_mud_nor_fizz(made: tuple[float, Performance]) -> None:
    sound = decoded(made[1].path)
    assert 0.05 < spectrum_share(sound, 30, 140) < 0.6
    assert spectrum_share(sound, 140, 350) < 0.55
    assert spectrum_share(sound, 350, 5000) > 0.2
    assert spectrum_share(sound, 0, 25) < 0.01


def test_the_lead_stands_above_the_band() -> None:
    score = compose(WORDS, tempo=100, tonic=9, mode="minor", seed=4)
    stems = dict(band.play(score))
    whole = mix.mix(hum(score), ((name, stem.copy()) for name, stem in stems.items()))
    without = mix.mix(np.zeros_like(hum(score)), iter(stems.items()))
    words = np.zeros(len(whole), dtype=bool)
    for s in score.syllables:
        words[int(s.start * RATE) : int(s.end * RATE)] = True
    power = [np.mean(sound[words] ** 2) / np.mean(sound[~words][: 4 * RATE] ** 2) for sound in (whole, without)]
    # Where words are sung, the lead adds more than the band itself plays there.
    assert power[0] > 2 * power[1]


def test_the_lead_sings_the_score() -> None:
    score = compose("Side by side we always win", tempo=90, tonic=0, mode="major", seed=2)
    stem = hum(score)
    long = [s for s in score.syllables if s.end - s.start > 0.3]
    assert len(long) >= 3
    for s in long:
        middle = stem[int((s.start + 0.1) * RATE) : int((s.end - 0.06) * RATE)]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 17))
        hertz = np.fft.rfftfreq(1 << 17, 1 / RATE)
        wanted = 440 * 2 ** ((s.pitch - 69) / 12)
        near = (hertz > wanted * 0.92) & (hertz < wanted * 1.08)
        cents = 1200 * np.log2(hertz[near][np.argmax(spectrum[near])] / wanted)
        assert abs(cents) < 35, s
    assert np.abs(stem[-RATE // 2 :]).max() < 1e-3


def test_unaccompanied_is_the_lead_alone(folder: Path) -> None:
    assert list(band.play(compose("Hello world", accompanied=False, tempo=100, tonic=0, mode="major", seed=1))) == []
    song = perform(
        request_for("Hello, wonderful world", accompaniment=False, seed=1, tempo=100, key="C major"),
        folder / "alone.mp3",
    )
    sound = decoded(song.path)
    assert 20 <= song.duration <= 60
    assert mix.loudness(sound) == pytest.approx(-14, abs=0.5)
    assert spectrum_share(sound, 0, 120) < 0.01


@pytest.mark.parametrize("groove", grooves.GROOVES)
def test_every_groove_plays(groove: str) -> None:
    chosen = grooves.GROOVES[groove]
    assert {len(part) for part in (chosen.kick, chosen.snare, chosen.hat, chosen.bass, chosen.keys)} == {
        grooves.STEPS
    }
    tempo = max(chosen.slowest, min(chosen.fastest, 100))
    scores = (compose(WORDS, tempo=tempo, tonic=2, mode="major", brightness=1500, seed=s) for s in range(40))
    assert any(grooves.choose_groove(score) is chosen for score in scores)


def test_stems_are_bounded_and_never_silent() -> None:
    score = compose(WORDS, tempo=120, tonic=7, mode="major", seed=6)
    for name, stem in band.play(score):
        assert stem.dtype == np.float32, name
        assert stem.shape == (int((score.duration + band.TAIL) * RATE), 2), name
        assert np.isfinite(stem).all(), name
        assert np.sqrt((stem**2).mean()) > 0.005, name
        assert np.abs(stem).max() < 4, name


def test_the_same_seed_in_another_process_is_the_same_song(made: tuple[float, Performance], folder: Path) -> None:
    tempo, song = made
    script = (
        "import sys; from pathlib import Path; from minimax_nb.rehearsal.band.performance import perform;"
        "from minimax_nb.rehearsal.band.request import BandRequest;"
        "perform(BandRequest('minimax-music', sys.argv[2], reference=Path(sys.argv[1]), seed=4), Path(sys.argv[3]))"
    )
    again = folder / f"again{tempo:.0f}.mp3"
    command = [sys.executable, "-c", script, str(folder / f"{tempo:.0f}.wav"), WORDS, str(again)]
    subprocess.run(command, check=True, timeout=120)
    assert again.read_bytes() == song.path.read_bytes()


def test_other_seeds_are_other_songs(folder: Path) -> None:
    scores = [compose(WORDS, tempo=92, tonic=9, mode="minor", brightness=1500, seed=seed) for seed in range(6)]
    stems = [hum(score) for score in scores]
    shortest = min(map(len, stems))
    alike = np.corrcoef([stem[:shortest] for stem in stems]) - np.eye(6)
    assert np.abs(alike).max() < 0.6
    assert len({grooves.choose_groove(score) for score in scores}) >= 2


def test_tempo_and_key_override_those_of_the_reference(folder: Path) -> None:
    source = reference(folder / "other.wav", 100)
    song = perform(request_for("La la", source, seed=2, tempo=77.7, key="Eb major"), folder / "other.mp3")
    assert (song.tempo, song.key, song.seed) == (77.7, "D# major", 2)
    assert song.analysis is not None
    assert song.analysis.tempo == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize(
    ("text", "key"),
    [("A minor", (9, "minor")), ("C# major", (1, "major")), ("Bb minor", (10, "minor")), ("f♯ min", (6, "minor")),
     ("Cb", (11, "major")), ("Em", (4, "minor")), ("GM", (7, "major")), (" b major ", (11, "major")),
     ("B# minor", (0, "minor")), ("bb", (10, "major")), ("EB MAJOR", (3, "major")), ("AB min", (8, "minor")),
     ("BB", (10, "major")), ("b♭m", (10, "minor")), ("EBM", (3, "major"))],
)  # fmt: skip
def test_keys_are_read_as_musicians_write_them(text: str, key: tuple[int, str]) -> None:
    assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "H minor", "A minor seventh", "sad", "C##", "A dorian", "1 major"])
def test_other_keys_are_rejected(text: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="key must read like"):
        perform(request_for(WORDS, seed=1, key=text), folder / "rejected.mp3")
    assert not (folder / "rejected.mp3").exists()


@pytest.mark.parametrize("tempo", [39.9, 240.1, 0, -90, float("nan"), float("inf"), 10**400, "fast", None])
def test_other_tempi_are_rejected(tempo: object) -> None:
    with pytest.raises(ValueError, match="tempo must be a number from 40 to 240"):
        check_tempo(tempo)  # type: ignore[arg-type]


@pytest.mark.parametrize(("words", "title"), [("Qué día", "Que dia"), ("你好", "Song"), ("!", "Instrumental")])
def test_titles_that_tags_can_hold(words: str, title: str, folder: Path) -> None:
    silence = np.zeros((RATE, 2), dtype=np.float32)
    score = compose(words, tempo=100, tonic=0, mode="major", seed=1)
    encoder.write_audio(silence, folder / "tag.mp3", title=song_title(score), comment="x")
    with soundfile.SoundFile(folder / "tag.mp3") as file:
        assert file.title == title


class Silent(Hummer):
    """A voice that must not be asked to sing."""

    def sing(self, score: Score) -> NDArray[np.float32]:
        raise AssertionError("an instrumental has no voice")


def test_an_instrumental_has_no_voice_and_the_length_rate_and_format_asked_for(folder: Path) -> None:
    request = BandRequest(
        "stable-audio", style="a slow folk tune", instrumental=True, seconds=12, format="wav", sample_rate=24_000
    )
    played = perform(request, folder / "folk.wav", voice=Silent())
    with soundfile.SoundFile(played.path) as file:
        assert (file.format, file.samplerate) == ("WAV", 24_000)
        assert file.frames / file.samplerate == pytest.approx(12, abs=0.05)
        assert mix.loudness(soxr.resample(file.read(dtype="float32"), 24_000, RATE)) == pytest.approx(-14, abs=0.7)
    assert played.timeline["lines"] == []
    assert played.score.groove == "folk"


def test_a_cover_is_as_long_as_its_reference_in_its_tempo_and_key(folder: Path) -> None:
    source = reference(folder / "covered.wav", 100)
    request = BandRequest(
        "minimax/music-cover",
        "[Verse]\nSide by side",
        style="metal",
        reference=source,
        keep_form=True,
        most_seconds=360,
    )
    played = perform(request, folder / "cover.mp3", voice=Hummer())
    assert played.duration == pytest.approx(20, abs=0.05)
    assert (played.key, played.score.groove) == ("A minor", "drive")
    assert played.tempo == pytest.approx(100, rel=0.01)
    assert "".join(text for line in played.timeline["lines"] for text, _, _ in line) == "Side by side"


def test_words_that_do_not_fit_into_the_seconds_are_said(folder: Path) -> None:
    words = "\n".join(["Sing a little song for every day in summer"] * 200)
    request = BandRequest("elevenlabs/eleven_music", words, seconds=10)
    played = perform(request, folder / "short.mp3", voice=Hummer())
    assert played.duration == pytest.approx(10, abs=0.05)
    assert 0 < len(played.timeline["lines"]) < 200
    assert any("do not fit into 10 s" in note for note in played.timeline["notes"])


@pytest.mark.parametrize(("rate", "bitrate"), [(44_100, 256_000), (32_000, 64_000), (16_000, 32_000)])
def test_rate_and_bitrate_of_an_mp3(rate: int, bitrate: int, folder: Path) -> None:
    hiss = 0.05 * np.random.default_rng(1).standard_normal((4 * RATE, 2)).astype(np.float32)
    path = folder / f"{bitrate}.mp3"
    encoder.write_audio(hiss, path, title="x", comment="x", sample_rate=rate, bitrate=bitrate)
    assert soundfile.info(path).samplerate == rate
    assert path.stat().st_size * 8 / 4 == pytest.approx(bitrate, rel=0.06)


@pytest.mark.parametrize(
    ("words", "style"),
    [
        ("a sad piano ballad", Style("ballad", 76.0, "minor")),
        ("Upbeat FUNK, 124 bpm", Style("disco", 124.0)),
        ("warm lo-fi hip-hop", Style("half time", 140.0, "", 1200.0)),
        ("happy", Style(mode="major")),
        ("", Style()),
    ],
)
def test_what_style_words_ask_for(words: str, style: Style) -> None:
    assert read_style(words) == style


def test_what_is_not_wanted_is_not_played() -> None:
    style = read_style("rock or folk", "metal, drums")
    assert (style.groove, style.without) == ("folk", {"drums"})
    score = compose(WORDS, tempo=100, tonic=0, mode="major", seed=1)
    assert [name for name, _ in band.play(replace(score, without=style.without))] == ["bass", "keys", "pad", "hook"]


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_a_sample_reference(suffix: str, folder: Path) -> None:
    path = play_sample(folder / f"sample.{suffix}")
    sound, rate = soundfile.read(path)
    assert rate == RATE
    assert len(sound) / rate > 20
    assert np.abs(sound).max() < 1
    assert np.sqrt((sound**2).mean()) > 0.05
    assert np.abs(sound[-RATE // 20 :]).max() < 0.02


def test_a_sample_is_played_once_whatever_its_file_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = play_sample(tmp_path / "first.mp3", tempo=92, key="A minor")
    assert "The band plays a sample: a few seconds." in capsys.readouterr().err
    monkeypatch.setattr(performance, "_play_sample", lambda path, *recipe: path.write_text(f"{recipe}"))
    second = play_sample(tmp_path / "second.MP3", tempo=92, key="A minor")
    assert second.read_bytes() == first.read_bytes()
    assert capsys.readouterr().err == ""
    for name, other in (("a.mp3", {"tempo": 93, "key": "A minor"}), ("b.mp3", {"seed": 6}), ("c.wav", {})):
        assert play_sample(tmp_path / name, **other).read_bytes()[:1] == b"("  # type: ignore[arg-type]
    first.write_text("something else")
    assert play_sample(first, tempo=92, key="A minor").read_bytes() == second.read_bytes()


def test_loudness_of_known_signals() -> None:
    """ITU-R BS.1770-4: a sine of 997 Hz at full scale in one channel reads -3.01 LUFS."""
    t = np.arange(5 * RATE) / RATE
    sine = np.zeros((len(t), 2), dtype=np.float32)
    sine[:, 0] = np.sin(2 * np.pi * 997 * t)
    assert mix.loudness(sine) == pytest.approx(-3.01, abs=0.05)
    assert mix.loudness(np.concatenate([sine, 0 * sine])) == pytest.approx(-3.01, abs=0.2)
    assert mix.loudness(0 * sine) == -np.inf
    between = np.stack([0.5 * np.sin(2 * np.pi * RATE / 4 * t + np.pi / 4)] * 2, axis=1).astype(np.float32)
    assert mix.true_peak(between[RATE : 2 * RATE]) == pytest.approx(-6.02, abs=0.5)


def test_a_master_is_softened_until_its_mp3_keeps_the_ceiling(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = [3.0, 1.0, 0.5, -0.5, -0.9, -0.99, -1.2]
    monkeypatch.setattr(encoder, "true_peak", lambda sound: peaks.pop(0))
    hiss = 0.1 * np.random.default_rng(3).standard_normal((RATE, 2)).astype(np.float32)
    encoder.write_audio(hiss, folder / "softer.mp3", title="x", comment="x")
    assert peaks == []
    assert np.std(decoded(folder / "softer.mp3")) < 0.05


def test_a_loud_master_keeps_the_ceiling_as_an_mp3(folder: Path) -> None:
    square = np.sign(np.random.default_rng(3).standard_normal((2 * RATE, 2))).astype(np.float32)
    encoder.write_audio(square, folder / "square.mp3", title="x", comment="x")
    assert -2 < mix.true_peak(decoded(folder / "square.mp3")) <= mix.CEILING


@pytest.mark.parametrize(
    ("text", "vowel"),
    [("dí", "i"), ("Grüß", "u"), ("Qué", "e"), ("guí", "i"), ("güe", "u"), ("Nó", "o"), ("love", "o"), ("mm", "a")],
)
def test_the_vowel_of_a_syllable(text: str, vowel: str) -> None:
    assert singing._vowel(text) == vowel


def test_few_notes_are_kept_between_songs() -> None:
    band._struck.cache_clear()
    for seed in range(3):
        for _ in band.play(compose(WORDS, tempo=90 + seed, tonic=seed, mode="major", seed=seed)):
            pass
    kept = band._struck.cache_info()
    assert kept.currsize <= band.KEYS_KEPT < 100
    assert kept.hits > 5 * kept.misses


def test_silence_is_mastered_to_silence(folder: Path) -> None:
    assert not mix.master(np.zeros((RATE, 2), dtype=np.float32)).any()
