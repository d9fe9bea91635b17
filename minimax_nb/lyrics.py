"""Words in, prompt out: lines, pauses and the ``##`` that asks for accompaniment.

The notation is the provider's (`prompt` of `minimax-music`): a newline ends a line, two newlines put a
pause between lines, ``##`` at both ends asks for accompaniment. Nothing else in the package knows it.
"""

from __future__ import annotations

import re

from .errors import InvalidLyrics

SAMPLE = """\
Side by side, through thick and thin,

With a laugh, we always win.
"""
"""Words to try a song with; the provider's own example."""

_MARK = "##"


def clean(lyrics: str) -> str:
    r"""Tidy lyrics as a person writes them: what is sung, a line on each line, an empty one for each pause.

    Lines lose the whitespace at their ends; any number of blank lines becomes one pause; ``##`` is notation
    and never sung, so it goes.

    Examples
    --------
    >>> clean("  Side by side\n\n\n## We always win ##\n")
    'Side by side\n\nWe always win'
    """
    words, _ = _unmarked(lyrics)
    lines = [re.sub(r"\s*##+\s*", " ", line).strip() for line in words.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def to_prompt(lyrics: str, *, accompaniment: bool = True) -> str:
    r"""Build the prompt from lyrics as a person writes them.

    Parameters
    ----------
    lyrics : str
        The words, a line of the song on each line, blank lines where the singer pauses.
    accompaniment : bool
        Whether instruments play along. It alone decides: a ``##`` in the lyrics changes nothing.

    Returns
    -------
    str
        The prompt as it is sent; its length is what the model's limit counts.

    Raises
    ------
    InvalidLyrics
        When there is nothing to sing.

    Examples
    --------
    >>> to_prompt("Side by side\n\n\nWe always win\n")
    '##Side by side\n\nWe always win##'
    """
    if not isinstance(lyrics, str):
        raise InvalidLyrics(f"Lyrics must be text, not {type(lyrics).__name__}.")
    if any("\ud800" <= character <= "\udfff" for character in lyrics):
        raise InvalidLyrics("The lyrics hold half a character, as a broken copy leaves it.")
    if not any(character.isalnum() for character in lyrics):
        raise InvalidLyrics("There are no words to sing.", do="Write at least one line of lyrics.")
    words = clean(lyrics)
    return f"{_MARK}{words}{_MARK}" if accompaniment else words


def read_prompt(prompt: str) -> tuple[str, bool]:
    """Read a prompt as the service does: the words to sing, and whether instruments play along.

    Examples
    --------
    >>> read_prompt("##Side by side##")
    ('Side by side', True)
    """
    words, accompaniment = _unmarked(prompt)
    return words.replace(_MARK, "").strip(), accompaniment


def _unmarked(text: str) -> tuple[str, bool]:
    """A text without the marks at its ends, and whether they were there."""
    text = text.strip()
    if len(text) >= 2 * len(_MARK) and text.startswith(_MARK) and text.endswith(_MARK):
        return text[len(_MARK) : -len(_MARK)], True
    return text, False
