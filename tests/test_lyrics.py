"""Words in, prompt out."""

from pathlib import Path

import pytest

from minimax_nb.catalogue import check_lyrics, find_model
from minimax_nb.errors import InvalidLyrics, Spent
from minimax_nb.lyrics import clean, given_lyrics, read_prompt, to_prompt


@pytest.mark.parametrize(
    ("lyrics", "prompt"),
    [
        ("one line", "##one line##"),
        ("one\ntwo", "##one\ntwo##"),
        ("one\n\ntwo", "##one\n\ntwo##"),
        ("one\n\n\n \t\n\ntwo", "##one\n\ntwo##"),
        ("\n\n  one  \r\ntwo\r\n\r\n", "##one\ntwo##"),
        ("##already\n\n\n marked ##\n", "##already\n\nmarked##"),
        ("## a ## stray one", "##a stray one##"),
        ("##\none\n##", "##one##"),
        ("in C#", "##in C###"),
        ("歌をうたう", "##歌をうたう##"),
    ],
)
def test_a_prompt_keeps_lines_and_turns_blank_lines_into_a_pause(lyrics: str, prompt: str) -> None:
    assert to_prompt(lyrics) == prompt


def test_without_accompaniment_nothing_is_put_around() -> None:
    assert to_prompt("one\n\ntwo", accompaniment=False) == "one\n\ntwo"
    assert to_prompt("##one\n\ntwo##", accompaniment=False) == "one\n\ntwo"


@pytest.mark.parametrize("accompaniment", [True, False])
def test_a_prompt_is_read_back_as_it_was_meant(accompaniment: bool) -> None:
    words = "one\n\ntwo"
    assert read_prompt(to_prompt(words, accompaniment=accompaniment)) == (words, accompaniment)
    assert read_prompt("####") == ("", True)
    assert read_prompt("##") == ("", False)


@pytest.mark.parametrize("lyrics", ["", "  \n ", "##", "####", "## ##", "...!", None, 7])
def test_nothing_to_sing_is_an_error_that_says_what_to_do(lyrics: object) -> None:
    with pytest.raises(InvalidLyrics) as caught:
        to_prompt(lyrics)  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)
    assert caught.value.spent is Spent.NO
    assert "Nothing was spent" in str(caught.value)


@pytest.mark.parametrize(
    ("pasted", "sung", "tagged"),
    [
        ("# My song\n\n## Verse 1\nHold on\n\n## Chorus\nHere we go", "Hold on\n\nHere we go", None),
        ("[Verse]\nHold on\n[Chorus] Here we go", "Hold on\nHere we go", "[Verse]\nHold on\n[Chorus] Here we go"),
        ("Verse 1:\nHold on\n\nChorus\nHere we go", "Hold on\n\nHere we go", None),
        ("**Verse**\nHold on\n\n(Chorus x2)\nHere we go", "Hold on\n\nHere we go", None),
        ("[ti:Song]\n[ar:Me]\n[00:12.34]Hold on\n[00:15.00]Here <00:16.00>we go", "Hold on\nHere we go", ""),
        ("1\n00:00:12,000 --> 00:00:14,000\nHold on", "Hold on", ""),
        ("<p>Hold on<br>Here &amp; there</p>", "Hold on\nHere & there", ""),
        ("“Don’t go”, she said", '"Don\'t go", she said', ""),
        ("\ufeffHold\ton,\u00a0love\u200b", "Hold on, love", ""),
        ("C      G    Am\nHold on to me\nF#m7  Bb/D\nNow", "Hold on to me\nNow", ""),
        ("[Am]Hold [G7]on", "Hold on", ""),
        ("Hold on\n---\nHere we go", "Hold on\n\nHere we go", ""),
        ("Hold on ##\nHere we go", "Hold on\nHere we go", ""),
        ("Verse One -\nHold on\n\n{Chorus 2}\nHere", "Hold on\n\nHere", "[Verse]\nHold on\n\nHere"),
        ("PRECHORUS\nHold on\n\nChorus (2x):\nHere", "Hold on\n\nHere", "[Prechorus]\nHold on\n\n[Chorus]\nHere"),
        ("Verse 1: Hold on\nChorus: Here", "Hold on\nHere", "[Verse]\nHold on\n[Chorus]\nHere"),
        ("Припев:\nСтой\n\n【副歌】\n走吧", "Стой\n\n走吧", "[Припев]\nСтой\n\n[副歌]\n走吧"),
        ("[Guitar solo]\nHold on\n[x2]", "Hold on", "[Guitar solo]\nHold on\n[x2]"),
        ("[01:02:03.45]Hold on", "Hold on", ""),
        ("WEBVTT\n\n1\n00:01.000 --> 00:02.000 align:start\n<c.yellow>Hold</c> on", "Hold on", ""),
        ("- *Hold* on\n> **Here** `we` _go_\n```", "Hold on\nHere we go", ""),
        ("[Hold on](https://example.org/a)\n![cover](cover.png)\nHere", "Hold on\nHere", ""),
        ("<!-- copied -->Hold on<script>alert('x')</script>", "Hold on", ""),
        ("\u202eHold\u202c \u2067שלום\u2069\0", "Hold שלום", ""),
        (
            "e|--0--2--3--|\nB|--1--3--0--|\nHold on\nN.C.\nHere\nIntro: C G\nNow",
            "Hold on\nHere\nNow",
            "Hold on\nHere\n[Intro]\nNow",
        ),
        ("{title: Song}\nKey: C\nCapo 2\n{soc}\nHold [C]on\n{eoc}", "Hold on", ""),
        ("12 Contributors\nHold on\nYou might also like\nHere\n7Embed", "Hold on\nHere", ""),
        # These look alike and are words.
        ("f**k you, b**ch\n2 * 3 * 4\nsnake_case_word", "f**k you, b**ch\n2 * 3 * 4\nsnake_case_word", ""),
        ("Note the title: it is long\nThe key: hold on", "Note the title: it is long\nThe key: hold on", ""),
        ("👩\u200d👩\u200d👧 family\nنمی\u200cخواهم", "👩\u200d👩\u200d👧 family\nنمی\u200cخواهم", ""),
        ("[Hold on]\n[Here]", "[Hold on]\n[Here]", ""),
        ("A B C D E F G\nNow I know", "A B C D E F G\nNow I know", ""),
        ("Bridge\nover troubled water", "Bridge\nover troubled water", ""),
        ("I <3 you\nHook me up", "I <3 you\nHook me up", ""),
        ("# Hello", "Hello", ""),
        ("#1 in C#", "#1 in C#", ""),
    ],
)
def test_what_is_pasted_along_is_not_sung(pasted: str, sung: str, tagged: str | None) -> None:
    assert clean(pasted) == sung
    assert to_prompt(pasted) == f"##{sung}##"
    if tagged is None:  # a section a line
        tagged = "[Verse]\nHold on\n\n[Chorus]\nHere we go"
    assert clean(pasted, keep_tags=True) == (tagged or sung)


def test_a_file_of_lyrics_is_read_and_its_name_never_sung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lyrics.txt").write_text("Hold on", encoding="utf-8-sig")
    (tmp_path / "other.lrc").write_text("Hold öñ", encoding="utf-16")
    (tmp_path / "latin.txt").write_bytes("Hold ö".encode("latin-1"))
    assert (
        given_lyrics("lyrics.txt") == given_lyrics(' "lyrics.txt" ') == given_lyrics(Path("lyrics.txt")) == "Hold on"
    )
    assert given_lyrics("other.lrc") == "Hold öñ"
    assert given_lyrics("Hold on.\nlyrics.txt") == "Hold on.\nlyrics.txt"
    for name, why in [("no.txt", "cannot be read"), ("latin.txt", "UTF-8"), ("song.mp3", "Lyrics come first")]:
        with pytest.raises(InvalidLyrics, match=why):
            given_lyrics(name)
    for path in (tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(InvalidLyrics, match="cannot be read"):
            given_lyrics(path)


@pytest.mark.parametrize(
    "name",
    [
        "my song.opus", "song.wma", "song.webm", "“song.aiff”", "\u202asong.mp4", "words.json", "~nobody-here/x.txt",
        "“words.txt”", "„words.txt“", "\u202awords.txt", "https://example.org/a song", "www.example.org/lyrics",
        "youtu.be/abc", "<https://example.org/>",
    ],
)  # fmt: skip
def test_a_name_or_a_link_is_never_sung(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidLyrics):
        given_lyrics(name)


@pytest.mark.parametrize("words", ["Love and/or war", "Mr./Mrs. Jones", "Data: hold on", "http"])
def test_what_looks_a_little_like_a_link_is_sung(words: str) -> None:
    assert given_lyrics(words) == words


def test_an_emoji_counts_as_two_characters() -> None:
    model = find_model("minimax-music")
    check_lyrics(model, "x" * 598 + "🎵")
    with pytest.raises(InvalidLyrics, match="601 characters"):
        check_lyrics(model, "x" * 599 + "🎵")
