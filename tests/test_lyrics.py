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
        # These look alike and are words.
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


def test_an_emoji_counts_as_two_characters() -> None:
    model = find_model("minimax-music")
    check_lyrics(model, "x" * 598 + "🎵")
    with pytest.raises(InvalidLyrics, match="601 characters"):
        check_lyrics(model, "x" * 599 + "🎵")
