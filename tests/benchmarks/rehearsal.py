"""What the rehearsal band shows: `python -m tests.benchmarks.rehearsal [--quick]`, about ten minutes, or two.

Sixty references of known tempo and key are analysed, and ten lyrics are sung to ten of them, each song in a
process of its own, whose time and memory are read. Pitch and rhythm of the voice are measured in its sound, words by
pocketsphinx, a recogniser that knows nothing of the voice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from .lyrics import LYRICS
from .references import RATE as REFERENCE_RATE
from .references import Reference, references

RATE = 44_100  # Hz, of songs
# Before a voiceless sound the low voice is silent: there its start can be seen.
VOICELESS = ("p", "t", "k", "f", "s", "θ", "ʃ", "tʃ")
ROWS = (
    ("tempo within 1 %", "tempo", 0.8, ">="),
    ("tempo, octaves allowed", "octave", 0.92, ">="),
    ("key exact, references unlike the band", "key", 0.65, ">="),
    ("key or its relative, the same", "relative", 0.85, ">="),
    ("sung pitch off the score, median (cents)", "cents", 12, "<="),
    ("sung pitch off the score, 95 % (cents)", "cents95", 40, "<="),
    ("syllables sung = syllables in the words", "syllables", 1.0, ">="),
    ("vowel onset off the score, median (ms)", "onset", 10, "<="),
    ("vowel onset off the score, 90 % (ms)", "onset90", None, ""),
    ("words recognised, plain speech", "plain", None, ""),
    ("words recognised, sung", "sung", None, ""),
    ("words recognised, sung / plain", "ratio", 0.8, ">="),
    ("loudness off -14 LUFS, worst (LU)", "loudness", 0.5, "<="),
    ("true peak, highest (dBTP)", "peak", -1.0, "<="),
    ("samples at full scale", "clipped", 0, "<="),
    ("processor time per second of audio, worst (s)", "cpu", 0.3, "<="),
    ("the same by the clock, whatever else ran (s)", "wall", None, ""),
    ("peak memory, highest (MB)", "memory", 600, "<="),
    ("same seed in two processes, identical", "same", 1, ">="),
)  # fmt: skip


def main() -> None:
    """Print the report; the exit status is 1 when a threshold is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 references, 2 songs")
    parser.add_argument("--song", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.song:
        print(json.dumps(song(int(options.song[0]), Path(options.song[1]))))
        return
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = analysed(Path(folder), step=3 if options.quick else 1)
        figures |= played(Path(folder), 2 if options.quick else len(LYRICS))
    missed = report(figures)
    print(f"\n{time.monotonic() - started:.0f} s. " + (f"MISSED: {'; '.join(missed)}" if missed else "All met."))
    sys.exit(bool(missed))


def report(figures: dict[str, float]) -> list[str]:
    """Print the table; the names of the missed rows."""
    missed = []
    print(f"\n{'':47s} {'threshold':>10s} {'measured':>10s}")
    for name, key, threshold, sign in ROWS:
        value = figures[key]
        ok = threshold is None or (value >= threshold if sign == ">=" else value <= threshold)
        wanted = "" if threshold is None else f"{sign} {threshold:g}"
        print(f"{name:47s} {wanted:>10s} {value:10.3f} {'' if ok else '  MISSED'}")
        missed += [] if ok else [name]
    return missed


# --- analysis ---


def analysed(folder: Path, step: int) -> dict[str, float]:
    """How often tempo and key are right."""
    from minimax_nb.rehearsal.band.analysis import analyse

    exact, octave, key, relative = [], [], [], []
    for unlike, group in enumerate(references()):
        for reference in group[::step]:
            found = analyse(written(reference, folder / "reference.wav"))
            ratio = found.tempo / reference.tempo
            exact.append(abs(ratio - 1) < 0.01)
            octave.append(any(abs(ratio * factor - 1) < 0.01 for factor in (0.5, 1, 2)))
            if unlike:
                truth = (reference.tonic, reference.mode)
                key.append((found.tonic, found.mode) == truth)
                relative.append(scale(found.tonic, found.mode) == scale(*truth))
            if not octave[-1]:
                print(f"tempo: {reference.tempo} taken for {found.tempo:.1f} ({reference.groove}, {reference.sound})")
    print(f"{len(exact)} references, {len(key)} of them unlike the band")
    names = ("tempo", "octave", "key", "relative")
    return {name: float(np.mean(hits)) for name, hits in zip(names, (exact, octave, key, relative), strict=True)}


def scale(tonic: int, mode: str) -> int:
    """The tonic of the major key with the same notes."""
    return (tonic + 3 * (mode == "minor")) % 12


def written(reference: Reference, path: Path) -> Path:
    """A reference as a file."""
    soundfile.write(path, reference.played(), REFERENCE_RATE)
    return path


# --- songs ---


def played(folder: Path, count: int) -> dict[str, float]:
    """The songs, each in a process of its own."""
    found = []
    for number in range(count):
        each = in_process(number, folder)
        found.append(each)
        print(
            f"song {number}: {each['seconds']:.0f} s of audio, {each['wall']:.1f} s ({each['cpu']:.1f} s of processor"
            f" time), {each['memory']:.0f} MB, {each['loudness']:.1f} LUFS, {each['peak']:.1f} dBTP, words"
            f" {each['sung_words']} sung / {each['plain_words']} plain of {each['words']}"
        )
    again = in_process(0, folder, only_hash=True)
    return summary(found) | {"same": float(again["hash"] == found[0]["hash"])}


def in_process(number: int, folder: Path, *, only_hash: bool = False) -> dict[str, Any]:
    """What a fresh process says of a song."""
    command = [sys.executable, "-m", __spec__.name, "--song", str(-1 - number if only_hash else number), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def summary(found: list[dict[str, Any]]) -> dict[str, float]:
    """The figures of all songs as one."""
    cents = np.abs(np.concatenate([each["cents"] for each in found]))
    onsets = np.concatenate([each["onsets"] for each in found])
    words, plain, sung = (sum(each[name] for each in found) for name in ("words", "plain_words", "sung_words"))
    print(f"{len(found)} songs, {words} words, {len(onsets)} onsets, {len(cents)} moments of pitch")
    return {
        "cents": float(np.median(cents)),
        "cents95": float(np.percentile(cents, 95)),
        "syllables": sum(each["syllables"] for each in found) / sum(each["expected"] for each in found),
        "onset": float(abs(np.median(onsets))),
        "onset90": float(np.percentile(np.abs(onsets), 90)),
        "plain": plain / words,
        "sung": sung / words,
        "ratio": sung / max(plain, 1),
        "loudness": max(abs(each["loudness"] + 14) for each in found),
        "peak": max(each["peak"] for each in found),
        "clipped": sum(each["clipped"] for each in found),
        "wall": max(each["wall"] / each["seconds"] for each in found),
        "cpu": max(each["cpu"] / each["seconds"] for each in found),
        "memory": max(each["memory"] for each in found),
    }


def song(number: int, folder: Path) -> dict[str, Any]:
    """Play one song and measure it; of a negative number, only what its file is."""
    import resource

    only_hash, number = number < 0, number if number >= 0 else -1 - number
    source = written(references()[1][3 * number], folder / f"{number}.wav")
    from minimax_nb.rehearsal.band.performance import perform

    before, began = time.process_time(), time.monotonic()
    made = perform(source, f"##{LYRICS[number]}##", folder / f"{number}.mp3", seed=number)
    wall, cpu = time.monotonic() - began, time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    facts = {"hash": hashlib.sha256(made.path.read_bytes()).hexdigest(), "seconds": made.duration}
    if only_hash:
        return facts
    return facts | {"wall": wall, "cpu": cpu, "memory": memory} | mastered(made.path) | voice(made.score, number)


def mastered(path: Path) -> dict[str, Any]:
    """Loudness and peaks of an mp3."""
    from minimax_nb.rehearsal.band.mixer import loudness, true_peak

    sound = soundfile.read(path, dtype="float32")[0]
    return {
        "loudness": loudness(sound),
        "peak": true_peak(sound),
        "clipped": int((np.abs(sound) >= 1).sum()),
    }


# --- the voice ---


def voice(score: Any, number: int) -> dict[str, Any]:
    """Pitch, rhythm and words of the voice alone."""
    from minimax_nb.rehearsal.band.singer import Singer
    from minimax_nb.rehearsal.band.speech import speak
    from minimax_nb.rehearsal.band.syllables import by_rule, split_words

    stem = Singer().sing(score)
    level = low_level(stem)
    cents: list[float] = []
    onsets: list[float] = []
    words = plain = sung = 0
    ear = Ear()
    for _, group in groupby(score.syllables, key=lambda syllable: syllable.line):
        line = list(group)
        texts = tuple("".join(s.text for s in word) for _, word in groupby(line, key=lambda s: s.word))
        speech = speak(texts, "en")
        befores = [p.ipa for p, q in zip([None, *speech.phonemes], speech.phonemes, strict=False) if p and q.is_vowel]
        befores = [""] * (len(line) - len(befores)) + befores
        cents += [off for s in line for off in pitch_off(stem, s.start + 0.05, s.end - 0.05, s.pitch)]
        onsets += [1000 * onset(level, s.start) for s, p in zip(line, befores, strict=True) if p in VOICELESS]
        said = normalised(texts)
        cut = stem[int((line[0].start - 0.35) * RATE) : int((line[-1].end + 0.15) * RATE)]
        words += len(said)
        plain += in_common(said, ear.hear(speech.samples, 22_050))
        sung += in_common(said, ear.hear(cut, RATE))
    expected = sum(len(word) for line in LYRICS[number].splitlines() for word in by_rule(split_words(line), "en"))
    return {
        "cents": cents, "onsets": onsets, "syllables": len(score.syllables), "expected": expected,
        "words": words, "plain_words": plain, "sung_words": sung,
    }  # fmt: skip


def pitch_off(stem: NDArray[np.float32], start: float, end: float, pitch: int) -> Iterable[float]:
    """Cents off a MIDI pitch every 10 ms, by autocorrelation, where there is a pitch."""
    size, wanted = RATE // 20, 440 * 2 ** ((pitch - 69) / 12)
    lags = np.arange(int(RATE / wanted / 1.2), int(RATE / wanted * 1.2) + 2)
    for first in range(int(start * RATE), int(end * RATE) - size, RATE // 100):
        frame = stem[first : first + size] * np.hanning(size)
        alike = np.fft.irfft(np.abs(np.fft.rfft(frame, 4 * size)) ** 2)
        window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), 4 * size)) ** 2)
        alike = alike[: 2 * len(lags) + lags[-1]] / np.maximum(window[: 2 * len(lags) + lags[-1]], 1e-9)
        best = int(lags[np.argmax(alike[lags])])
        if alike[0] > 1e-8 and alike[best] > 0.5 * alike[0]:
            left, top, right = alike[best - 1 : best + 2]
            # Where there is no peak in the range, the pitch is off by at least as much as the range is wide.
            exact = best + 0.5 * (left - right) / (left - 2 * top + right) if top > max(left, right) else best
            yield float(1200 * np.log2(RATE / exact / wanted))


def low_level(stem: NDArray[np.float32]) -> NDArray[np.float64]:
    """The level between 200 and 1200 Hz, over 10 ms."""
    spectrum = np.fft.rfft(stem.astype(np.float64))
    hertz = np.fft.rfftfreq(len(stem), 1 / RATE)
    low = np.fft.irfft(spectrum * ((hertz > 200) & (hertz < 1200)), len(stem))
    return np.asarray(np.sqrt(np.convolve(low**2, np.hanning(441) / 220, "same")))


def onset(level: NDArray[np.float64], moment: float) -> float:
    """When, in s after a moment, the voice has three tenths of its strength."""
    around = level[int((moment - 0.1) * RATE) : int((moment + 0.08) * RATE)]
    quiet = int(np.argmin(around[: int(0.12 * RATE)]))
    strongest = around[int(0.1 * RATE) :].max()
    return (quiet + int(np.argmax(around[quiet:] > 0.3 * strongest))) / RATE - 0.1


class Ear:
    """An independent recogniser of English."""

    def __init__(self) -> None:
        from pocketsphinx import Config, Decoder

        # One quick pass: the figures compare two conditions, which need not be the best there are.
        self.decoder = Decoder(Config(loglevel="FATAL", fwdflat=False, maxhmmpf=4000, ds=2, topn=2))

    def hear(self, sound: NDArray[Any], rate: int) -> list[str]:
        """The words in a sound."""
        import soxr

        low = np.pad(soxr.resample(sound, rate, 16_000), 4000)
        raw = (0.7 * 32767 * low / max(float(np.abs(low).max()), 1e-9)).astype("<i2").tobytes()
        self.decoder.start_utt()
        self.decoder.process_raw(raw, full_utt=True)
        self.decoder.end_utt()
        found = self.decoder.hyp()
        return re.sub(r"\(\d\)", "", found.hypstr).split() if found else []


def normalised(words: Sequence[str]) -> list[str]:
    """Words as a recogniser writes them."""
    return [plain for word in words if (plain := re.sub(r"[^a-z']", "", word.lower()))]


def in_common(said: Sequence[str], found: Sequence[str]) -> int:
    """How many words were recognised, in their order: the longest common subsequence."""
    best = [0] * (len(found) + 1)
    for word in said:
        row = [0]
        for index, other in enumerate(found):
            row.append(best[index] + 1 if word == other else max(row[index], best[index + 1]))
        best = row
    return best[-1]


if __name__ == "__main__":
    main()
