"""Lyrics to score: syllables counted, every word sung, songs of a sensible length, melodies in their key."""

from __future__ import annotations

import dataclasses
import unicodedata
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest

from minimax_nb.lyrics import read_prompt
from minimax_nb.rehearsal.band.composer import SCALES, STREAMS, Score, _Melody, compose, rng_for
from minimax_nb.rehearsal.band.syllables import (
    Rhythm,
    by_rule,
    guess_language,
    read_lyrics,
    split_words,
    starts_weakly,
    syllables,
)

SONG = """##Morning light is on the water
And the river sings to me
I will follow to the ocean
Where the wind is always free

Hold on, hold on, we are going home
Hold on, hold on, never walk alone
Every star will guide us through the night
Hold on, hold on, we are going home##"""

WORDS = {
    1: "love loved fire hour the me a through eyes makes stars breathe clothes danced cried true fruit queen yes "
    "don't can't we'll whole dreams night comes homes field guess strength turned",
    2: "little people table houses reaches wanted handled going being player special nation million marriage evening "
    "every heaven maybe quiet didn't haven't rhythm something homesick lovely flower guitar create lion poem hello "
    "sunshine water morning alone shadows lover notebook useless tables science hundred only",
    3: "radio piano serious usual video idea area happier forever beautiful everything tomorrow remember yesterday "
    "anyone melody carefully surrender imagine animal butterfly universe",
    4: "hallelujah continuous january reality",
}
LINES = {
    "Side by side, through thick and thin": 7,
    "With a laugh, we always win": 7,
    "Every little thing is going to be alright": 12,
    "I wandered lonely as a cloud": 8,
    "Shall I compare thee to a summer's day?": 10,
    "Twinkle, twinkle, little star": 7,
    "We're sing-ing rock'n'roll – tonight!": 8,
}
ODD = {
    "one word": "##Hello##",
    "no mark": "Hello there",
    "600 characters": "##" + ("Sing a little song for every day in summer\n" * 14)[:596] + "##",
    "a syllable for every two characters": "##" + "a " * 297 + "a##",
    "one long line of Chinese": "##" + "你好世界我爱你" * 85 + "##",
    "a pause after every syllable": "##" + "a\n\n" * 198 + "a##",
    "only marks": "##!!!\n...\n\n??##",
    "hearts and words": "##♥ ♥ ♥\n\nLove ♥ you\n—\n\n\n\n… ok##",
    "nothing": "####",
    "one endless word": "##" + "la" * 298 + "##",
}


def song(prompt: str = SONG, **changes: object) -> Score:
    lyrics, accompanied = read_prompt(prompt)
    options = {"tempo": 100.0, "tonic": 9, "mode": "minor", "seed": 3, "accompanied": accompanied} | changes
    return compose(lyrics, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "word"), [(n, word) for n, words in WORDS.items() for word in words.split()])
def test_syllables_of_english_words(count: int, word: str) -> None:
    assert len(syllables(word)) == count, syllables(word)
    assert "".join(syllables(word)) == word
    assert len(syllables(f"“{word.capitalize()},")) == count


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("everything's", "ev|ery|thing's"), ("Everyone’s", "Ev|ery|one’s"), ("“love's”", "“love's”"),
        ("here's", "here's"), ("life’s,", "life’s,"), ("face's", "fa|ce's"), ("evening's", "eve|ning's"),
        ("every-day", "ev|ery-|day"), ("Every-thing’s!", "Ev|ery-|thing’s!"), ("quiet-ly", "qui|et-|ly"),
        ("didn’t", "di|dn’t"), ("don’t", "don’t"),
    ],
)  # fmt: skip
def test_possessives_hyphens_and_curly_apostrophes(word: str, pieces: str) -> None:
    assert syllables(word) == pieces.split("|")
    assert syllables(word.replace("’", "'")) == pieces.replace("’", "'").split("|")


def test_curly_apostrophes_are_those_of_the_typewriter() -> None:
    assert guess_language("C’est toi") == guess_language("C'est toi") == "fr"
    assert starts_weakly(by_rule(split_words("“It’s late"), "en"))
    assert starts_weakly(by_rule(split_words("it's late"), "en"))
    assert not starts_weakly(by_rule(split_words("Isn't it late"), "en"))
    curly, straight = song("It’s love’s own, isn’t it"), song("It's love's own, isn't it")
    assert [(s.start, s.pitch) for s in curly.syllables] == [(s.start, s.pitch) for s in straight.syllables]


@pytest.mark.parametrize("line", ["Qué día más frío, corazón", "Über den Wolken", "사랑해요", "さくらが ぎんざ"])
def test_characters_and_their_accents_may_come_apart(line: str) -> None:
    apart = unicodedata.normalize("NFD", line)
    assert apart != line
    assert song(apart) == song(line)
    assert "".join(s.text for s in song(apart).syllables) == line.replace(" ", "")


@pytest.mark.parametrize(("word", "pieces"), [("huía", "huí|a"), ("construía", "cons|truí|a"), ("día", "dí|a")])
def test_a_vowel_with_an_accent_is_no_consonant(word: str, pieces: str) -> None:
    assert syllables(word, "es") == pieces.split("|")


@pytest.mark.parametrize(("line", "count"), LINES.items())
def test_syllables_of_english_lines(line: str, count: int) -> None:
    assert len(song(line).syllables) == count


@pytest.mark.parametrize(
    ("language", "line", "count"),
    [
        ("es", "Noche de paz, qué día más frío y la poesía", 2 + 1 + 1 + 1 + 2 + 1 + 2 + 1 + 1 + 4),
        ("fr", "Je t'aime, mon amour, la vie est belle dans les étoiles", 1 + 1 + 1 + 2 + 1 + 1 + 1 + 1 + 1 + 1 + 2),
        ("de", "Über den Wolken muss die Freiheit wohl grenzenlos sein", 2 + 1 + 2 + 1 + 1 + 2 + 1 + 3 + 1),
        ("es", "你好世界", 4),
        ("es", "さくら きょう", 5),
        ("es", "사랑해요", 4),
        ("es", "Привет мир, я люблю тебя", 2 + 1 + 1 + 2 + 2),
        ("es", "Καλημέρα κόσμε", 4 + 2),
        ("en", "In 2024, 7 stars", 1 + 4 + 1 + 1),
    ],
)
def test_syllables_of_other_languages(language: str, line: str, count: int) -> None:
    assert guess_language(line) == language
    assert len(song(line).syllables) == count


@pytest.mark.parametrize("line", ["مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดี", "שלום עולם", "ﬁne İstanbul ß", "x̂ŷ", "𝔘𝔫𝔦"])
def test_any_script_is_sung_and_nothing_is_lost(line: str) -> None:
    score = song(line)
    assert score.syllables
    assert "".join(s.text for s in score.syllables) == line.replace(" ", "")


def test_a_syllable_carries_its_piece_of_a_word() -> None:
    score = song("##Hold on, summer\n[Chorus]\nriver##")
    assert [(s.text, s.word, s.line) for s in score.syllables] == [
        ("Hold", 0, 0), ("on,", 1, 0), ("sum", 2, 0), ("mer", 2, 0), ("ri", 3, 1), ("ver", 3, 1),
    ]  # fmt: skip


def test_tags_shape_the_form_and_are_never_sung() -> None:
    score = song("[Verse]\nRed blue green\nTen nine six\n[Solo]\n[Chorus 1]\n(Oh) red blue green [x2]\nCold wind now")
    assert "".join(s.text for s in score.syllables).count("[") == 0
    assert "x2" not in "".join(s.text for s in score.syllables)
    solo = next(section for section in score.sections if section.kind == "solo")
    assert solo.beats * 60 / score.tempo > 4
    assert any(score.at(solo.beat) <= note.start < score.at(solo.beat + solo.beats) for note in score.hook)
    verse, chorus = ([s.pitch for s in score.syllables if s.line in lines] for lines in ((0, 1), (2, 3)))
    assert np.mean(chorus) > np.mean(verse)


@pytest.mark.parametrize("seconds", [12, 47, 120])
@pytest.mark.parametrize("words", ["", "La la la la"])
def test_a_song_is_as_long_as_it_was_asked_for(words: str, seconds: float) -> None:
    score = song(words, seconds=seconds, accompanied=True)
    assert score.duration == pytest.approx(seconds, abs=0.06)
    assert score.sections[-1].kind == "ending"


@pytest.mark.parametrize("tempo", [40, 62.3, 92, 100, 140, 187.7, 240])
@pytest.mark.parametrize("prompt", [SONG, *ODD.values()], ids=["song", *ODD])
def test_every_syllable_is_sung_once_within_20_to_60_seconds(prompt: str, tempo: float) -> None:
    score = song(prompt, tempo=tempo)
    assert len(score.syllables) == sum(len(word) for line in read_lyrics(read_prompt(prompt)[0])[0] for word in line)
    written = "".join(char for char in prompt.replace("##", "") if char.isalnum())
    assert "".join(char for s in score.syllables for char in s.text if char.isalnum()) == written
    assert 20 <= score.duration <= 58.5
    for one, two in pairwise(score.syllables):
        assert 0 <= one.start < one.end <= two.start + 1e-9
    assert all(s.end <= score.duration for s in score.syllables)


@pytest.mark.parametrize("tempo", [40, 56, 100, 240])
@pytest.mark.parametrize(
    "words", ["你好世界" * 750, "你好世界我爱\n" * 214, "La la la\n\n" * 300], ids=["line", "lines", "pauses"]
)
def test_no_word_of_a_long_cover_is_lost(words: str, tempo: float) -> None:
    score = song(f"##{words}##", tempo=tempo)
    assert "".join(s.text for s in score.syllables) == "".join(words.split())
    assert all(one.start < one.end <= two.start + 1e-9 for one, two in pairwise(score.syllables))
    assert all(s.end <= score.duration for s in score.syllables)
    if score.duration > 58.5:
        # As tight as it can be: 32 syllables in a beat.
        assert score.duration < 60 / tempo * (len(score.syllables) / 32 + words.count("\n") / 16 + 16)


def test_tempo_is_kept_exactly() -> None:
    score = song(tempo=91.7)
    assert score.tempo == 91.7
    assert score.at(64) == pytest.approx(64 * 60 / 91.7)
    beats = np.array([section.beat for section in score.sections])
    assert (beats % 1 == 0).all()


@pytest.mark.parametrize("tempo", range(60, 200, 10))
def test_words_come_at_a_rate_that_is_understood(tempo: float) -> None:
    score = song(tempo=float(tempo))
    rates = []
    for line in range(8):
        starts = [s.start for s in score.syllables if s.line == line]
        rates.append((len(starts) - 1) / (starts[-1] - starts[0]))
    assert 3.1 <= np.median(rates) <= 4.5


def test_a_pause_rests_the_lead_and_is_answered() -> None:
    score = song()
    reply = next(section for section in score.sections if section.kind == "reply")
    start, end = score.at(reply.beat), score.at(reply.beat + reply.beats)
    assert end - start > 2
    assert not [s for s in score.syllables if start < s.end and s.start < end - 1e-9]
    assert [note for note in score.hook if start <= note.start < end]


def test_intro_of_two_bars_and_a_held_ending() -> None:
    score = song()
    assert (score.sections[0].kind, score.sections[0].beats) == ("intro", 8)
    assert score.syllables[0].start >= score.at(8)
    assert score.sections[-1].kind == "ending"
    assert score.duration - score.at(score.sections[-1].beat) > 2.5
    assert score.chords[-1].pitches == (9, 0, 4)


def test_without_marks_the_lead_begins_alone() -> None:
    score = song(SONG.strip("#"))
    assert not score.accompanied
    assert score.syllables[0].start < 1
    assert score.sections[0].kind == "line"


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("seed", range(6))
def test_melody_and_chords_stay_in_the_key(mode: str, seed: int) -> None:
    score = song(mode=mode, tonic=4, seed=seed)
    scale = {(4 + step) % 12 for step in SCALES[mode]} | {(4 + 11) % 12}
    pitches = [s.pitch for s in score.syllables]
    assert {pitch % 12 for pitch in pitches} <= scale
    assert {pitch for chord in score.chords for pitch in chord.pitches} <= scale
    assert max(pitches) - min(pitches) >= 12
    assert 45 <= min(pitches) <= max(pitches) <= 67
    steps = abs(np.diff(pitches))
    assert (steps <= 4).mean() > 0.75
    assert pitches[-1] % 12 == 4


def test_long_notes_on_strong_beats_are_chord_tones() -> None:
    score = song(seed=5)
    starts = [chord.beat for chord in score.chords]
    strong = [(s, s.start * 100 / 60) for s in score.syllables if abs(s.start * 100 / 60 % 2) < 1e-6]
    fits = [s.pitch % 12 in score.chords[int(np.searchsorted(starts, beat + 1e-6)) - 1].pitches for s, beat in strong]
    assert len(fits) > 8
    assert np.mean(fits) > 0.85


def test_repeated_lines_share_their_melody() -> None:
    score = song()
    lines = {line: [s.pitch for s in score.syllables if s.line == line] for line in range(8)}
    assert lines[4] == lines[7]
    assert len({tuple(pitches) for pitches in lines.values()}) >= 4


@pytest.mark.parametrize("seed", range(4))
def test_each_stanza_begins_its_melodies_anew(seed: int) -> None:
    stanzas = (
        ("Red blue green grey", "Ten nine eight six", "Snow falls down here"),
        ("Oh oh oh oh", "Hey hey hey hey"),
        ("Cold wind blows now", "Sun shines once more"),
    )
    score = song("\n\n".join("\n".join(lines) for lines in stanzas), seed=seed)
    tunes = [[s.pitch for s in score.syllables if s.line == line] for line in range(7)]
    # The first and the third stanza have the same chords, and both begin with A.
    assert tunes[5] == tunes[0]


def test_a_hook_that_is_known_is_not_sought_again() -> None:
    with mock.patch.object(_Melody, "_walk", autospec=True, side_effect=_Melody._walk) as walk:
        song("##La la la la\n\nHey hey hey hey\n\nOh oh oh oh\n\nLa la la la##", tempo=120)
    hooks = [call.args for call in walk.call_args_list if call.args[2] is call.args[0].instrument]
    chords = [tuple(melody._chord(beat) for beat in beats) for melody, beats, _ in hooks]
    assert len(chords) == len(set(chords)) >= 2


def test_each_player_draws_from_a_stream_of_its_own() -> None:
    assert len(set(STREAMS)) == len(STREAMS)
    assert len({float(rng_for(7, who).random()) for who in STREAMS}) == len(STREAMS)


def test_the_seed_decides() -> None:
    assert song(seed=11) == song(seed=11)
    melodies = {tuple(s.pitch for s in song(seed=seed).syllables) for seed in range(8)}
    assert len(melodies) == 8
    assert len({song(seed=seed).chords for seed in range(8)}) >= 5


def test_a_score_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        song().tempo = 1.0  # type: ignore[misc]


def test_the_rhythm_follows_how_a_line_is_spoken() -> None:
    spoken_at = {3: (0.0, 0.1, 0.9), 4: (0.0, 0.6, 0.7, 0.9)}

    def speaking(words: tuple[str, ...], language: str) -> Rhythm:
        return Rhythm(spoken_at[len(words)], (False,) * len(words), 1.1)

    score = song("##Red blue green\nTen nine eight six##", speaking=speaking)
    for line, count in enumerate((3, 4)):
        starts = np.array([s.start for s in score.syllables if s.line == line])
        spoken = np.array(spoken_at[count])
        assert np.argmax(np.diff(starts)) == np.argmax(np.diff(spoken))
        assert np.abs((starts - starts[0]) / (starts[-1] - starts[0]) - spoken / spoken[-1]).max() < 0.2
        assert np.diff(starts).min() > 0.09


def test_stressed_syllables_like_strong_beats() -> None:
    starts = tuple(i / 3.3 for i in range(8))  # at 99 BPM as long as an eighth

    def on_beats(stressed: int) -> int:
        stresses = tuple(i % 2 == stressed for i in range(8))
        score = song(
            "##a e i o u a e i##", tempo=99, speaking=lambda words, language: Rhythm(starts, stresses, 8 / 3.3)
        )
        beats = [s.start * 99 / 60 for s, loud in zip(score.syllables, stresses, strict=True) if loud]
        return sum(abs(beat - round(beat)) < 0.05 for beat in beats)

    assert on_beats(0) == on_beats(1) == 4


@pytest.mark.parametrize("tempo", [62, 85, 110, 150])
def test_a_line_leaves_time_for_a_breath(tempo: float) -> None:
    starts = tuple(0.2 * i for i in range(10))
    words = "##" + "\n".join(["Ten nine eight six four ten nine eight six four"] * 14) + "##"
    rhythm = Rhythm(starts, (False,) * 10, 2.2)
    score = song(words, tempo=tempo, speaking=lambda words, language: rhythm)
    ends = [(one.end, two.start) for one, two in pairwise(score.syllables) if one.line != two.line]
    assert all(start - end > 0.29 for end, start in ends)


def test_no_rhythm_of_speech_loses_a_syllable() -> None:
    plain = song()

    def speaking(words: tuple[str, ...], language: str) -> Rhythm:
        starts = np.sort(np.random.default_rng(len(words)).random(9)).tolist()
        return Rhythm(tuple(starts), (False,) * 9, 1.2)

    wild = song(speaking=speaking)
    assert [s.text for s in wild.syllables] == [s.text for s in plain.syllables]
    assert all(one.start < one.end <= two.start + 1e-9 for one, two in pairwise(wild.syllables))


def test_another_verse_over_the_same_chords_differs() -> None:
    verses = [
        f"{word} on the water tonight\n" * 1 + f"And {word} in the city light" for word in ("Rain", "Snow", "Wind")
    ]
    sung = song("##" + "\n\n".join(verses) + "##", seed=5).syllables
    lines = [tuple(s.pitch for s in sung if s.line == line) for line in range(6)]
    same = [(a, b) for a, b in ((0, 4), (1, 5)) if len(lines[a]) == len(lines[b])]
    assert same
    for a, b in same:
        different = sum(x != y for x, y in zip(lines[a], lines[b], strict=True))
        assert 1 <= different <= len(lines[a]) - 1
