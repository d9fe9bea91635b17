"""What to try the studio with: references that the rehearsal band plays, and lyrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..lyrics import SAMPLE


@dataclass(frozen=True)
class Sample:
    """A sample reference.

    Attributes
    ----------
    name : str
    tempo : float
        In BPM.
    key : str
    seed : int
    """

    name: str
    tempo: float
    key: str
    seed: int

    def play(self, folder: Path) -> Path:
        """Have the band play it; a few seconds of work, the first time."""
        from ..rehearsal.band.performance import play_sample

        return play_sample(folder / f"{self.name}.mp3", seed=self.seed, tempo=self.tempo, key=self.key)


REFERENCES = (
    Sample("Bright and quick", 124, "C major", 5),
    Sample("Warm and easy", 96, "G major", 12),
    Sample("Slow and wistful", 76, "A minor", 27),
    Sample("Dark and driving", 112, "E minor", 18),
)


def find(name: object) -> Sample | None:
    """A sample by its name; None where that is no name of one, or of a file as well."""
    found = next((sample for sample in REFERENCES if sample.name == name), None)
    return None if found is None or Path(found.name).exists() else found


LYRICS = (
    SAMPLE.strip(),
    "Rain on the window, tea in my hand,\nStreets like a river, lights on the sand.\n\n"
    "Stay for a moment, stay for a song,\nMorning is early, evening is long.",
    "Pack up the tent and the old guitar,\nFollow the road to the morning star.\n\n"
    "One for the valley, two for the sea,\nThree for the ones who are singing with me.",
)
