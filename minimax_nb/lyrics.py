"""Words in, prompt out: lines, pauses and the ``##`` that asks for accompaniment.

The notation is the provider's (`prompt` of `minimax-music`): a newline ends a line, two newlines put a
pause between lines, ``##`` at both ends asks for accompaniment.
"""

from __future__ import annotations

import re

from .errors import InvalidLyrics

ACCOMPANIMENT = "##"

SAMPLE = """\
Side by side, through thick and thin,

With a laugh, we always win.
"""
"""Words to try a song with; the provider's own example."""


def to_prompt(lyrics: str, *, accompaniment: bool = True) -> str:
    """Build the prompt from lyrics as a person writes them.

    Lines are kept, without blanks at their ends; any number of blank lines becomes one pause. Text that
    already holds ``##`` is taken as it is.

    Parameters
    ----------
    lyrics : str
        The words, a line of the song on each line, blank lines where the singer pauses.
    accompaniment : bool
        Whether instruments play along.

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
    >>> to_prompt("Side by side\\n\\n\\nWe always win\\n")
    '##Side by side\\n\\nWe always win##'
    """
    if not isinstance(lyrics, str):
        raise InvalidLyrics(f"Lyrics are text, and this is a {type(lyrics).__name__}.")
    if any("\ud800" <= character <= "\udfff" for character in lyrics):
        raise InvalidLyrics("The lyrics hold half a character, as a broken copy leaves it.")
    if not any(character.isalnum() for character in lyrics):
        raise InvalidLyrics("There are no words to sing.", do="Write at least one line of lyrics.")
    if ACCOMPANIMENT in lyrics:
        return lyrics
    lines = [line.strip() for line in lyrics.splitlines()]
    words = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return f"{ACCOMPANIMENT}{words}{ACCOMPANIMENT}" if accompaniment else words
