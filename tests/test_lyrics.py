"""Words in, prompt out."""

import pytest

from minimax_nb.errors import InvalidLyrics, Spent
from minimax_nb.lyrics import read_prompt, to_prompt


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
