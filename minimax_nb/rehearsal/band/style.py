"""Style words: what they say about groove, tempo, key and colour, and which instruments are not wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Words, and the groove of `grooves.GROOVES` they ask for; the first that is found decides.
GROOVE_WORDS = {
    "bossa": "bossa latin samba jazz swing tango salsa reggae rumba cuban",
    "folk": "folk acoustic country bluegrass campfire celtic singer-songwriter ukulele western",
    "disco": "disco dance house funk funky edm techno electronic electro synthwave club trance",
    "half time": "trap hip-hop hiphop rap lofi lo-fi dub drill r&b rnb grime",
    "drive": "rock punk metal grunge indie garage anthem energetic driving surf",
    "pop": "pop soul motown gospel k-pop synth-pop ballroom",
    "ballad": "ballad lullaby slow piano ambient cinematic soundtrack orchestral classical gentle meditation chill",
}
USUAL_TEMPI = {
    "ballad": 76.0, "bossa": 120.0, "folk": 100.0, "disco": 118.0, "half time": 140.0, "drive": 144.0, "pop": 108.0,
}  # fmt: skip
MINOR = "sad melancholy melancholic dark moody minor lonely tragic haunting heartbreak brooding"
MAJOR = "happy joyful cheerful bright uplifting major sunny triumphant playful"
SLOW, FAST = "slow calm relaxed gentle sleepy", "fast upbeat energetic lively quick"
DULL, BRIGHT = "warm dark mellow soft lofi lo-fi muffled", "bright shiny crisp sparkling airy"
STEMS = {
    "drums": "drums drum percussion beat", "bass": "bass", "keys": "keys piano keyboard organ guitar chords",
    "pad": "pad pads strings synth", "hook": "hook flute melody lead solo",
}  # fmt: skip
BPM = re.compile(r"(\d{2,3}(?:\.\d+)?)\s*bpm", re.IGNORECASE)


@dataclass(frozen=True)
class Style:
    """What style words ask for; None and "" where they say nothing.

    Attributes
    ----------
    groove : str
        A key of `grooves.GROOVES`.
    tempo : float or None
        In BPM.
    mode : str
        "major" or "minor".
    brightness : float or None
        In Hz.
    without : frozenset of str
        The stems nobody plays.
    """

    groove: str = ""
    tempo: float | None = None
    mode: str = ""
    brightness: float | None = None
    without: frozenset[str] = frozenset()


def read_style(text: str, negative: str = "") -> Style:
    """Read what a style asks for.

    Parameters
    ----------
    text : str
        Such as "a slow, sad piano ballad, 72 bpm".
    negative : str
        What is not wanted, such as "drums, sad".
    """
    words, unwanted = _words(text), _words(negative)
    words -= unwanted
    grooves = [name for name, known in GROOVE_WORDS.items() if words & _words(known)]
    groove = next((name for name in grooves if not unwanted & {name, *_words(GROOVE_WORDS[name])}), "")
    return Style(
        groove,
        _tempo(text, groove, words),
        "minor" if words & _words(MINOR) else "major" if words & _words(MAJOR) else "",
        1200.0 if words & _words(DULL) else 3200.0 if words & _words(BRIGHT) else None,
        frozenset(stem for stem, names in STEMS.items() if unwanted & _words(names)),
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w&-]+", text.lower()))


def _tempo(text: str, groove: str, words: set[str]) -> float | None:
    """The tempo that is written, or the usual one of the groove, slower or faster by the words."""
    written = BPM.search(text)
    if written:
        return min(240.0, max(40.0, float(written[1])))
    pace = 0.85 if words & _words(SLOW) else 1.15 if words & _words(FAST) else 1.0
    if groove:
        return USUAL_TEMPI[groove] * pace
    return None if pace == 1.0 else 108 * pace
