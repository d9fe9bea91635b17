"""The words of a song, which light up as they are sung."""

from __future__ import annotations

import traitlets

from .component import Component, read


class Words(Component):
    """The lyrics of a song; the player in the same card lights them up, without a word to the kernel.

    Attributes
    ----------
    lines : list of list
        Each line a list of syllables ``[text, start, end]``, in seconds; an empty one is a pause. Without
        lines it takes no room.
    """

    _esm = read("shared.js", "karaoke.js")

    lines = traitlets.List(traitlets.List()).tag(sync=True)
