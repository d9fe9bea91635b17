"""What the rehearsal band shows: `python -m tests.benchmarks.rehearsal [--quick]`, about twenty minutes, or three.

Sixty references of known tempo and key are analysed, and ten lyrics are sung to ten of them, each song in a process
of its own, whose time and memory are read. Pitch and rhythm of the voice are measured in its sound. Words are judged
by Whisper (the extra `[benchmarks]`), which knows nothing of the voice: spoken, sung alone, and in the finished mp3.
Half of the lyrics are new to the voice; so are three in other languages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import soundfile
from numpy.typing import NDArray

from minimax_nb.rehearsal.launcher import environment

from .lyrics import LYRICS, OTHERS
from .recogniser import RATE as WHISPER_RATE
from .recogniser import Line, Recogniser, recalled
from .references import RATE as REFERENCE_RATE
from .references import Reference, references

RATE = 44_100  # Hz, of songs
# Before a voiceless sound the low voice is silent: there its start can be seen.
VOICELESS = ("p", "t", "k", "f", "s", "θ", "ʃ", "tʃ")
# What the mixer does for the words, each undone by itself, and all together.
MIX_STEPS: dict[str, dict[str, float]] = {
    "without the louder lead": {"LEAD_LEVEL": -16.0},
    "without the dip in the band": {"DIP": 0.0},
    "without ducking by the word": {"DUCK": 0.0},
    "with as much reverb on consonants": {"LEAD_REVERB": 1.2},
    "without any of these": {"LEAD_LEVEL": -16.0, "DIP": 0.0, "DUCK": 0.0, "LEAD_REVERB": 1.2},
}
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
    ("words understood, spoken", "spoken", 0.9, ">="),
    ("words understood, sung alone, random order", "alone", 0.86, ">="),
    ("the same, lyrics that are new to the voice", "alone_new", None, ""),
    ("words understood, in the mix, random order", "mix", 0.8, ">="),
    ("the same, lyrics that are new to the voice", "mix_new", None, ""),
    ("lost in the mix", "lost", 0.06, "<="),
    ("the mix of known lyrics, mastered, before mp3", "all", None, ""),
    *((f"the same {step}", step, None, "") for step in MIX_STEPS),
    ("worst lyric, sung alone, in order", "worst", 0.7, ">="),
    ("words understood, es: spoken", "es_spoken", None, ""),
    ("words understood, es: sung alone", "es_alone", None, ""),
    ("words understood, fr: spoken", "fr_spoken", None, ""),
    ("words understood, fr: sung alone", "fr_alone", None, ""),
    ("words understood, de: spoken", "de_spoken", None, ""),
    ("words understood, de: sung alone", "de_alone", None, ""),
    ("loudness off -14 LUFS, worst (LU)", "loudness", 0.5, "<="),
    ("true peak, highest (dBTP)", "peak", -1.0, "<="),
    ("samples at full scale", "clipped", 0, "<="),
    ("processor time per second of audio, worst (s)", "cpu", 0.06, "<="),
    ("the same of a next take of the words (s)", "cpu_next", 0.06, "<="),
    ("the first take by the clock, whatever else ran (s)", "wall", None, ""),
    ("peak memory, highest (MB)", "memory", 250, "<="),
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
        if key not in figures:
            continue
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
    """The songs, each in a process of its own, and the words that are understood in them."""
    found = []
    for number in range(count):
        each = in_process(number, folder)
        found.append(each)
        print(
            f"song {number}: {each['seconds']:.0f} s of audio, {each['wall']:.1f} s ({each['cpu']:.1f} s of processor"
            f" time), {each['memory']:.0f} MB, {each['loudness']:.1f} LUFS, {each['peak']:.1f} dBTP",
            flush=True,
        )
    again = in_process(0, folder, only_hash=True)
    same = {"same": float(again["hash"] == found[0]["hash"])}
    return summary(found) | same | understood(folder, count, OTHERS if count == len(LYRICS) else ())


def understood(folder: Path, count: int, languages: Iterable[str]) -> dict[str, float]:
    """The share of words that Whisper understands; nothing where it is not installed."""
    try:
        recogniser = Recogniser(folder / "whisper")
    except ImportError:
        print('Words are not judged without the extra: pip install -e ".[benchmarks]"')
        return {}
    songs = [lines_of(folder, number) for number in range(count)]
    known, new = (
        [line for song in half for line in distinct(song)] for half in (songs[: count // 2], songs[count // 2 :])
    )
    figures: dict[str, float] = {}
    for how in ("spoken", "alone", "mix"):
        halves = [recalled(half, how, recogniser, shuffle=True) for half in (known, new)]
        figures[how] = sum(found for found, _ in halves) / sum(words for _, words in halves)
        figures[f"{how}_new"] = halves[1][0] / halves[1][1]
        print(
            f"{how}: {halves[0][0]} of {halves[0][1]} words, of new lyrics {halves[1][0]} of {halves[1][1]}",
            flush=True,
        )
    figures["lost"] = figures["alone"] - figures["mix"]
    for step in ("all", *MIX_STEPS):
        hits, words = recalled(known, step, recogniser, shuffle=True)
        figures[step] = hits / words
        print(f"mix, {step}: {hits} of {words} words", flush=True)
    in_order = [recalled(song, "alone", recogniser, shuffle=False) for song in songs]
    print(f"each lyric alone, in order: {' '.join(f'{found / words:.2f}' for found, words in in_order)}", flush=True)
    figures["worst"] = min(found / words for found, words in in_order)
    for number, language in enumerate(languages, len(LYRICS)):
        in_process(number, folder)
        lines = distinct(lines_of(folder, number))
        for how in ("spoken", "alone"):
            found, words = recalled(lines, how, recogniser, shuffle=True, language=language)
            figures[f"{language}_{how}"] = found / words
    return figures


def distinct(song: Sequence[Line]) -> list[Line]:
    """The lines of a song, a repeated one once."""
    return list({line.text: line for line in song}.values())


def lines_of(folder: Path, number: int) -> list[Line]:
    """The lines of a song as its process left them."""
    with np.load(folder / f"{number}.npz") as arrays:
        texts = [str(text) for text in arrays["texts"]]
        hows = [
            name[:-1] for name in arrays.files if name.endswith("0") and not name[:-1].endswith(tuple("0123456789"))
        ]
        return [Line(text, number, {how: arrays[f"{how}{i}"] for how in hows}) for i, text in enumerate(texts)]


def in_process(number: int, folder: Path, *, only_hash: bool = False) -> dict[str, Any]:
    """What a fresh process says of a song."""
    command = [sys.executable, "-m", __spec__.name, "--song", str(-1 - number if only_hash else number), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    return dict(json.loads(done.stdout.splitlines()[-1]))


def summary(found: list[dict[str, Any]]) -> dict[str, float]:
    """The figures of all songs as one."""
    cents = np.abs(np.concatenate([each["cents"] for each in found]))
    onsets = np.concatenate([each["onsets"] for each in found])
    print(f"{len(found)} songs, {len(onsets)} onsets, {len(cents)} moments of pitch")
    return {
        "cents": float(np.median(cents)),
        "cents95": float(np.percentile(cents, 95)),
        "syllables": sum(each["syllables"] for each in found) / sum(each["expected"] for each in found),
        "onset": float(abs(np.median(onsets))),
        "onset90": float(np.percentile(np.abs(onsets), 90)),
        "loudness": max(abs(each["loudness"] + 14) for each in found),
        "peak": max(each["peak"] for each in found),
        "clipped": sum(each["clipped"] for each in found),
        "wall": max(each["wall"] / each["seconds"] for each in found),
        "cpu": max(each["cpu"] / each["seconds"] for each in found),
        "cpu_next": max(each["cpu_next"] / each["seconds"] for each in found),
        "memory": max(each["memory"] for each in found),
    }


def song(number: int, folder: Path) -> dict[str, Any]:
    """Play one song and measure it; of a negative number, only what its file is."""
    import resource

    only_hash, number = number < 0, number if number >= 0 else -1 - number
    source = written(references()[1][3 * (number % 10)], folder / f"{number}.wav")
    from minimax_nb.rehearsal.band.performance import perform
    from minimax_nb.rehearsal.band.request import BandRequest
    from minimax_nb.rehearsal.launcher import warm_up

    warm_up()  # as the service does when it starts
    language, words = ("en", LYRICS[number]) if number < len(LYRICS) else list(OTHERS.items())[number - len(LYRICS)]
    before, began = processor_time(), time.monotonic()
    request = BandRequest("minimax-music", words, reference=source, seed=number, language=language)
    made = perform(request, folder / f"{number}.mp3")
    wall, cpu = time.monotonic() - began, processor_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    facts = {"hash": hashlib.sha256(made.path.read_bytes()).hexdigest(), "seconds": made.duration}
    if only_hash:
        return facts
    before = processor_time()
    perform(replace(request, seed=number + 100), folder / "next.mp3")
    facts |= {"wall": wall, "cpu": cpu, "memory": memory, "cpu_next": processor_time() - before}
    stem = save_lines(made, words, folder / f"{number}.npz", steps=number < len(LYRICS) // 2)
    facts |= mastered(made.path)
    return facts | voice(made.score, stem, words) if language == "en" else facts


def processor_time() -> float:
    """Seconds of processor time of this process and those it started and saw end."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def save_lines(made: Any, lyrics: str, path: Path, *, steps: bool) -> NDArray[np.float32]:
    """Write the lines of a song as the recogniser gets them, with the `steps` of the mix; the voice alone."""
    import soxr

    from minimax_nb.rehearsal.band.singer import Singer

    singer = Singer()
    stem, mix = singer.sing(made.score), soundfile.read(made.path, dtype="float32")[0].mean(axis=1)
    mixes = {step: mixed(made.score, stem, changes) for step, changes in {"all": {}, **MIX_STEPS}.items() if steps}
    arrays: dict[str, Any] = {"texts": [line for line in lyrics.splitlines() if line]}
    lines = list(lines_in(made.score))
    speeches = singer.speak([texts for _, texts in lines], made.score.language)
    for number, ((line, _), speech) in enumerate(zip(lines, speeches, strict=True)):
        cut = slice(max(0, int((line[0].start - 0.35) * RATE)), int((line[-1].end + 0.15) * RATE))
        sounds = {"spoken": (speech.samples, speech.rate), "alone": (stem[cut], RATE), "mix": (mix[cut], RATE)}
        sounds |= {step: (sound[cut], RATE) for step, sound in mixes.items()}
        for how, (sound, its_rate) in sounds.items():
            arrays[f"{how}{number}"] = soxr.resample(sound.astype(np.float32), its_rate, WHISPER_RATE)
    np.savez(path, **arrays)
    return stem


def mixed(score: Any, stem: NDArray[np.float32], changes: dict[str, float]) -> NDArray[np.float32]:
    """The mastered mix with other constants of the mixer, in mono."""
    from minimax_nb.rehearsal.band import mixer
    from minimax_nb.rehearsal.band.instruments import play

    with mock.patch.dict(vars(mixer), changes):
        mixer._transform.cache_clear()
        sound = mixer.master(mixer.faded(mixer.mix(stem, play(score)))).mean(axis=1)
    mixer._transform.cache_clear()
    return np.asarray(sound)


def lines_in(score: Any) -> Iterable[tuple[list[Any], tuple[str, ...]]]:
    """The lines of a score: their syllables, and their words."""
    for _, group in groupby(score.syllables, key=lambda syllable: syllable.line):
        line = list(group)
        yield line, tuple("".join(s.text for s in word) for _, word in groupby(line, key=lambda s: s.word))


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


def voice(score: Any, stem: NDArray[np.float32], lyrics: str) -> dict[str, Any]:
    """Pitch and rhythm of the voice alone."""
    from minimax_nb.rehearsal.band.singer import Singer
    from minimax_nb.rehearsal.band.syllables import by_rule, split_words

    level, singer = low_level(stem), Singer()
    cents: list[float] = []
    onsets: list[float] = []
    lines = list(lines_in(score))
    speeches = singer.speak([texts for _, texts in lines], score.language)
    for (line, _), speech in zip(lines, speeches, strict=True):
        phonemes = speech.phonemes
        befores = [p.ipa for p, q in zip([None, *phonemes], phonemes, strict=False) if p and q.is_vowel]
        befores = [""] * (len(line) - len(befores)) + befores
        cents += [off for s in line for off in pitch_off(stem, s.start + 0.05, s.end - 0.05, s.pitch)]
        onsets += [1000 * onset(level, s.start) for s, p in zip(line, befores, strict=True) if p in VOICELESS]
    expected = sum(len(word) for line in lyrics.splitlines() for word in by_rule(split_words(line), "en"))
    return {"cents": cents, "onsets": onsets, "syllables": len(score.syllables), "expected": expected}


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


if __name__ == "__main__":
    main()
