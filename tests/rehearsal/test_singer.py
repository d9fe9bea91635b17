"""The voice: espeak-ng and WORLD as they are, measured against the score without their own ears."""

from __future__ import annotations

import builtins
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from minimax_nb import Session
from minimax_nb.audio.timeline import read_timeline
from minimax_nb.errors import install
from minimax_nb.rehearsal import launcher as rehearsal
from minimax_nb.rehearsal.band import pico, singer
from minimax_nb.rehearsal.band.composer import Score, compose
from minimax_nb.rehearsal.band.instruments import RATE, TAIL
from minimax_nb.rehearsal.band.performance import best_voice, perform, play_sample, to_timeline
from minimax_nb.rehearsal.band.request import BandRequest
from minimax_nb.rehearsal.band.singer import Singer
from minimax_nb.rehearsal.band.speech import speak
from minimax_nb.rehearsal.band.syllables import cut_into, split_words
from minimax_nb.rehearsal.band.voice import HUMMED, Hummer, pitch_curve
from minimax_nb.song import Status
from tests.rehearsal.test_composer import LINES, WORDS

VERSE = "Take the cat to see the park\nHold on to the people that you know"


def song(prompt: str = VERSE, **changes: Any) -> Score:
    options = {"tempo": 100.0, "tonic": 9, "mode": "minor", "seed": 3} | changes
    return compose(prompt, cut=Singer().cut, **options)


@pytest.fixture(scope="module")
def sung() -> tuple[Score, NDArray[np.float32]]:
    score = song()
    return score, Singer().sing(score)


def counts(line: str, language: str = "en") -> tuple[int, ...]:
    return speak(tuple(split_words(line)), language).counts


def cents_off(sound: NDArray[np.float32], pitch: int) -> float:
    """How far a steady tone is from a MIDI pitch, by its second harmonic, which the voice has strong."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 17))
    hertz = np.fft.rfftfreq(1 << 17, 1 / RATE)
    wanted = 2 * 440 * 2 ** ((pitch - 69) / 12)
    near = (hertz > wanted * 0.95) & (hertz < wanted * 1.05)
    return float(1200 * np.log2(hertz[near][np.argmax(spectrum[near])] / wanted))


@pytest.mark.parametrize(("count", "words"), WORDS.items())
def test_english_words_are_spoken_with_their_syllables(count: int, words: str) -> None:
    spoken = {word: counts(word) for word in words.split()}
    assert spoken == dict.fromkeys(spoken, (count,))


@pytest.mark.parametrize(("line", "count"), LINES.items())
def test_english_lines_are_spoken_with_their_syllables(line: str, count: int) -> None:
    assert sum(counts(line)) == count


@pytest.mark.parametrize(
    ("language", "line", "expected"),
    [
        ("es", "Mi corazón, la poesía", (1, 3, 1, 4)),
        ("fr", "Je t'aime, mon amour, les étoiles", (1, 1, 1, 2, 1, 2)),
        ("de", "Ich liebe dich, haben wir", (1, 2, 1, 2, 1)),
        ("en", "Of the people in the house", (1, 1, 2, 1, 1, 1)),
        ("en", "HOLD ON TO OUR 2024 W mmm", (1, 1, 1, 1, 6, 3, 1)),
        ("es", "你好 世界", (2, 2)),
        ("es", "Привет мир", (2, 1)),
    ],
)
def test_every_word_has_the_vowels_that_are_spoken(language: str, line: str, expected: tuple[int, ...]) -> None:
    assert counts(line, language) == expected


@pytest.mark.parametrize(
    ("word", "count", "pieces"),
    [("every", 3, "ev|er|y"), ("W", 3, "W||"), ("little", 1, "little"), ("beautiful,", 2, "beauti|ful,")],
)
def test_a_word_is_cut_into_as_many_pieces_as_are_sung(word: str, count: int, pieces: str) -> None:
    assert "".join(cut_into(word, count, "en")) == word
    assert len(cut_into(word, count, "en")) == len(pieces.split("|"))


def test_the_same_text_sounds_the_same_whatever_was_said_before() -> None:
    first = speak(("hello", "world"), "en").samples
    speak.cache_clear()
    speak(("Guten", "Morgen"), "de")
    assert np.array_equal(speak(("hello", "world"), "en").samples, first)


def test_one_syllable_a_note_in_tune(sung: tuple[Score, NDArray[np.float32]]) -> None:
    score, stem = sung
    assert len(score.syllables) == 16
    assert stem.shape == (int((score.duration + TAIL) * RATE),)
    off = [
        cents_off(stem[int((s.start + 0.05) * RATE) : int((s.end - 0.05) * RATE)], s.pitch)
        for s in score.syllables
        if s.end - s.start > 0.25
    ]
    assert len(off) >= 6
    assert np.median(np.abs(off)) < 15
    assert np.isfinite(stem).all()
    assert np.abs(stem[-RATE // 2 :]).max() < 1e-3


def test_a_vowel_starts_on_the_beat(sung: tuple[Score, NDArray[np.float32]]) -> None:
    """Where a breath or a stop comes before it, the low voice begins there."""
    score, stem = sung
    spectrum = np.fft.rfft(stem)
    hertz = np.fft.rfftfreq(len(stem), 1 / RATE)
    low = np.fft.irfft(spectrum * ((hertz > 200) & (hertz < 1200)), len(stem))
    level = np.sqrt(np.convolve(low**2, np.ones(441) / 441, "same"))
    onsets = []
    for s in score.syllables:
        if s.text.strip().lower() in ("take", "cat", "to", "see", "park", "peo", "hold"):
            around = level[int((s.start - 0.06) * RATE) : int((s.start + 0.08) * RATE)]
            quiet = int(np.argmin(around[: int(0.08 * RATE)]))
            onsets.append((quiet + int(np.argmax(around[quiet:] > 0.3 * around.max()))) / RATE - 0.06)
    assert len(onsets) >= 6
    assert abs(np.median(onsets)) < 0.010


def test_what_cannot_be_said_is_said_in_the_notes() -> None:
    score = song("Love ♥1♥ and more")
    assert Singer().remarks(score) == ()
    strange = song("Sing 𐎀𐎁 to me")
    remarks = Singer().remarks(strange)
    assert len(remarks) == 1
    assert "𐎀𐎁" in remarks[0]
    assert "la" in remarks[0]
    assert np.abs(Singer().sing(strange)).max() > 0.01


@pytest.mark.parametrize(
    ("line", "language", "counts", "unsaid"),
    [
        ("君の名は タワー", "ja", (4, 2), ("君の名は",)),
        ("事 사랑", "ko", (1, 2), ("事",)),
        ("月亮 代表", "en", (2, 2), ()),
        ("I love you darling Москва αγάπη 漢字", "en", (1, 1, 1, 2, 2, 3, 2), ()),
        ("かな love", "ja", (2, 1), ()),
        ("ความรัก", "th", (1,), ("ความรัก",)),
        ("ప్రేమ", "en", (2,), ()),
        ("ፍቅር", "am", (2,), ()),
        ("ខ្ញុំ", "en", (1,), ("ខ្ញុំ",)),
    ],
)
def test_each_script_is_sung_or_named(line: str, language: str, counts: tuple[int, ...], unsaid: tuple[str]) -> None:
    speech = speak(tuple(line.split()), language)
    assert (speech.counts, speech.unsaid) == (counts, unsaid)
    assert len([p for p in speech.phonemes if p.is_vowel]) == sum(counts)
    assert not [p.ipa for p in speech.phonemes if "(" in p.ipa]


@pytest.mark.parametrize("language", ["xx", "../en", "e\x00n"])
def test_a_language_without_a_voice_is_rejected(language: str) -> None:
    with pytest.raises(ValueError, match="There is no voice for the language"):
        song(language=language)


def test_unaccompanied_the_voice_sings_the_hook_too() -> None:
    score = song("Hello, wonderful world", accompanied=False)
    assert score.hook
    stem = Singer().sing(score)
    for note in score.hook:
        assert np.abs(stem[int(note.start * RATE) : int((note.start + note.length) * RATE)]).max() > 0.01


@pytest.mark.parametrize("tempo", [40, 240])
def test_crowded_words_are_all_sung(tempo: float) -> None:
    score = song("Sing a little song for every day in summer\n" * 6, tempo=tempo)
    assert np.isfinite(Singer().sing(score)).all()


def test_the_timeline_has_every_word_when_it_is_sung(tmp_path: Path) -> None:
    made = perform(BandRequest("minimax-music", "Hold on, summer\n\nRiver of gold", seed=1), tmp_path / "song.mp3")
    assert made.timeline["pauses"] == [1]
    timeline = read_timeline(made.timeline)
    assert timeline is not None
    assert [line.text for line in timeline.lines] == ["Hold on, summer", "River of gold"]
    assert [line.after_pause for line in timeline.lines] == [False, True]
    assert (timeline.language, timeline.notes) == ("en", ())
    flat = [s for line in timeline.lines for s in line.syllables]
    assert [s.text for s in flat] == ["Hold ", "on, ", "sum", "mer", "Ri", "ver ", "of ", "gold"]
    assert all(0 < a.start < a.end <= b.start for a, b in pairwise(flat))
    assert flat[-1].end < made.duration
    assert timeline.line_at(timeline.lines[1].start) == timeline.lines[1]
    assert timeline.line_at(0) is None


def test_a_rehearsed_song_carries_its_timeline_and_a_hosted_one_does_not(tmp_path: Path, home: Path) -> None:
    play_sample(tmp_path / "reference.mp3")
    session = Session(rehearse=True)
    made = session.generate("Sing 𐎀𐎁 to me", tmp_path / "reference.mp3", tempo=120, language="en")
    assert made.timeline is not None
    assert [line.text for line in made.timeline.lines] == ["Sing 𐎀𐎁 to me"]
    assert "𐎀𐎁" in made.notes[0]
    assert made.notes[0].replace("“", "") in made._repr_html_().replace("“", "")
    assert session.songs() == [made]
    address = rehearsal.address(home)
    hosted = Session(api_key=address.key, base_url=address.base_url, home=tmp_path / "elsewhere").retrieve(made.id)
    assert hosted.status is Status.COMPLETED
    assert (hosted.timeline, hosted.notes) == (None, ())


def test_without_the_extra_the_words_are_hummed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "espeakng_loader":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    voice = best_voice()
    assert isinstance(voice, Hummer)
    score = compose(VERSE, tempo=100, tonic=9, mode="minor", cut=voice.cut)
    assert to_timeline(score, voice.remarks(score))["notes"] == [HUMMED]
    assert install("voice") in HUMMED
    assert np.abs(voice.sing(score)).max() > 0.1


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"lines": 3}, {"lines": [[["a", 1]]]}, {"lines": [[["a", 2, 1]]]}, {"lines": [[[1, 1, 2]]]},
     {"lines": [[["a", 0, float("inf")]]]}, {"lines": [[["a", -1, 2]]]}],
)  # fmt: skip
def test_a_timeline_that_makes_no_sense_is_none(data: object) -> None:
    assert read_timeline(data) is None


def test_the_frames_of_speech_are_kept_for_few_lines_only() -> None:
    assert singer._frames.cache_info().maxsize == singer.LINES_KEPT < 100


@pytest.mark.skipif(not pico.is_spoken("en"), reason="needs py-nanotts")
def test_pico_speaks_the_same_sounds_at_its_own_times() -> None:
    lines = (("Take", "the", "cat"), ("to", "see", "the", "park"))
    speeches = pico.speak_lines(lines, "en")
    for words, speech in zip(lines, speeches, strict=True):
        model = speak(words, "en")
        assert [(p.ipa, p.word) for p in speech.phonemes] == [(p.ipa, p.word) for p in model.phonemes]
        assert (speech.counts, speech.rate) == (model.counts, pico.RATE)
        assert all(0 <= p.start < p.end for p in speech.phonemes)
        assert all(a.start < b.start for a, b in pairwise(speech.phonemes))
        assert speech.phonemes[-1].end <= len(speech.samples) / pico.RATE + 0.05
    pico.speak_lines.cache_clear()
    for before, after in zip(speeches, pico.speak_lines(lines, "en"), strict=True):
        assert np.array_equal(before.samples, after.samples)


def test_warping_finds_a_series_that_was_stretched() -> None:
    rng = np.random.default_rng(1)
    series = np.cumsum(rng.standard_normal((60, 13)), axis=0).astype(np.float32)
    ours, theirs = pico.warp(series, np.repeat(series, 2, axis=0))
    assert np.array_equal(ours, np.arange(60))
    assert np.abs(theirs - (2 * ours + 0.5)).max() < 3


@pytest.mark.parametrize(
    ("words", "language", "rate"),
    [(("hello",), "en", 16_000), (("hola",), "es", 16_000), (("привет",), "en", 22_050), (("olá",), "pt", 22_050)],
)
@pytest.mark.skipif(not pico.is_spoken("en"), reason="needs py-nanotts")
def test_pico_speaks_the_languages_it_knows_and_espeak_the_others(
    words: tuple[str, ...], language: str, rate: int
) -> None:
    assert Singer().speak([words], language)[0].rate == rate


def test_without_pico_espeak_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pico, "find_spec", lambda name: None)
    assert Singer().speak([("hello",)], "en")[0].rate == 22_050


def test_a_breath_is_drawn_between_two_lines_and_no_sound_begins_with_a_click() -> None:
    score = song("Happy people dance around\nPeople in the city sound")
    stem = Singer().sing(score)
    lines = [[s for s in score.syllables if s.line == line] for line in (0, 1)]
    pause = stem[int((lines[0][-1].end + 0.1) * RATE) : int((lines[1][0].start - 0.15) * RATE)]
    voice = stem[int(lines[1][0].start * RATE) : int(lines[1][-1].end * RATE)]
    assert 0.003 < np.sqrt((pause**2).mean()) / np.sqrt((voice**2).mean()) < 0.1
    assert abs(stem[0]) < 1e-3
    begin = int(np.argmax(np.abs(stem) > 1e-4))
    assert np.abs(np.diff(stem[max(0, begin - 441) : begin + 441])).max() < 0.1 * np.abs(stem).max()


def test_long_notes_start_a_little_under_and_settle() -> None:
    times = np.arange(0, 2, 0.005)
    cents = 1200 * np.log2(pitch_curve(times, 0.005, [(0.0, 1.0, 60), (1.0, 1.35, 60)], scoop=0.6) / 261.626)
    assert -40 < cents[times.searchsorted(1.01)] < -10
    assert np.abs(cents[(times > 1.13) & (times < 1.2)]).max() < 5


def test_french_glides_have_no_note() -> None:
    assert speak(("la", "nuit", "de", "pluie"), "fr").counts == (1, 1, 1, 1)


def test_a_word_without_a_sound_of_its_own_is_sung_in_other_languages_too() -> None:
    assert len(speak(("Y", "todavía", "'", "vive"), "es").counts) == 4
