"""The grooves as data: what drums, bass and keys play in a bar, and which songs that suits.

The words of a style that ask for a groove, and its usual tempo, are in `style`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .composer import Score, rng_for

STEPS = 16  # in a bar


@dataclass(frozen=True)
class Groove:
    """A way to play a bar: sixteen steps a part, strengths from 0 to 9, "." for a rest.

    It suits tempi from `slowest` to `fastest` BPM and references whose brightness in Hz lies from `dull` to
    `bright`. `bass` writes intervals above the root: r root, 5 fifth, o octave.
    """

    kick: str
    snare: str
    hat: str
    bass: str
    keys: str
    snare_sound: str = "snare"
    hat_sound: str = "hat"
    keys_sound: str = "electric piano"
    slowest: float = 0
    fastest: float = 999
    dull: float = 0
    bright: float = 99_999


SOFT: dict[str, Any] = {"snare_sound": "rim", "hat_sound": "shaker"}
GROOVES = {  # kick, snare, hat, bass, keys
    "ballad": Groove(
        "9.......7.......", "....4.......5...", "4.2.3.2.4.2.3.2.", "r.......5.......", "6.3.4.3.5.3.4.3.",
        fastest=96, **SOFT,
    ),
    "pop": Groove(
        "9.....5.8.......", "....8.......8..2", "6.3.5.3.6.3.5.3.", "r.....r.r...5.r.", "6.....4...5.....",
        slowest=76, fastest=150,
    ),
    "disco": Groove(
        "9...8...9...8...", "....7.......7...", "2.6.2.6.2.6.2.6.", "r.o.r.o.r.o.r.5.", "..5...5...5..4..",
        slowest=104, dull=1200, snare_sound="clap",
    ),
    "folk": Groove(
        "8.......8.......", "....4.......4...", "5253525352535253", "r.......5.......", "7..35.4.6.435.4.",
        slowest=66, fastest=128, keys_sound="guitar", **SOFT,
    ),
    "bossa": Groove(
        "8..58..58..58..5", "6..5..5...5..5..", "4343434343434343", "r..5r..5r..5r..r", "5..5..4..5..4...",
        slowest=88, fastest=150, bright=1800, keys_sound="guitar", **SOFT,
    ),
    "half time": Groove(
        "9...........5...", "........8.......", "5.3.5.3.5.3.5.3.", "r.......r...o...", "6.......4.......",
        slowest=112,
    ),
    "drive": Groove(
        "9.5.....9.6.....", "....9.......9...", "7.5.7.5.7.5.7.5.", "r.r.r.r.r.r.r.r.", "7...3...6...3.3.",
        slowest=116, dull=1000, keys_sound="organ",
    ),
}  # fmt: skip


def choose_groove(score: Score) -> Groove:
    """The one that is requested, or one of those that suit the tempo and the brightness, by the seed."""
    if score.groove:
        return GROOVES[score.groove]
    suiting = [
        groove
        for groove in GROOVES.values()
        if groove.slowest <= score.tempo <= groove.fastest and groove.dull <= score.brightness <= groove.bright
    ]
    return suiting[int(rng_for(score.seed, "groove").integers(len(suiting)))]
