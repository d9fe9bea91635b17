"""Sing the words of a score: one syllable a note, its vowel on the beat. Part of the optional extra `[voice]`.

Pico or espeak-ng speaks each line, WORLD brings it to the notes. The rules were measured: a vowel starts on the beat,
its consonants before it and a little longer than spoken; the ends of a vowel stay natural and its middle is
stretched; a diphthong is held early and glides late.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import soxr

from . import pico
from . import speech as speaking
from .composer import Score, Syllable
from .instruments import RATE, TAIL, Audio
from .mixer import smooth
from .speech import VOICES, Phoneme, Speech, speak, word_voices
from .syllables import Rhythm, Words, cut_into
from .vocoder import FRAME, Curve, SpeechFrames, analyse, synthesise
from .voice import pitch_curve

LONGER = 1.2  # how much longer than spoken a consonant is sung
LONGEST_CONSONANT = 0.14  # s
CONSONANT_SHARE = 0.55  # of a note, at most, for the consonants in it
NATURAL = 0.06  # s at both ends of a vowel
RELEASE = 0.09  # s in which a phrase dies away
EVENNESS = 0.7  # how far the strengths of vowels are brought to one another, from 0 to 1
EARLY = 0.3  # of a diphthong, where it is held
BREATHS, BREATH_LEVEL = (0.1, 0.35), 0.03  # s, the shortest and the longest; of the level of the line that follows
LINES_KEPT = 64  # analysed for the next take, 0.4 MB each


@dataclass(frozen=True)
class Spoken:
    """A syllable as it is spoken: what comes before its vowel, and the vowel."""

    onset: tuple[Phoneme, ...]
    vowel: Phoneme


class Singer:
    """A `voice.Voice` that sings the words."""

    def cut(self, words: Sequence[str], language: str) -> Words:
        """Words as the syllables that will sound, as many as they have vowels when they are spoken."""
        speech = speak(tuple(words), language)
        return [cut_into(word, count, language) for word, count in zip(words, speech.counts, strict=True)]

    def rhythm(self, words: tuple[str, ...], language: str) -> Rhythm | None:
        """When the vowels of a line begin as it is spoken, and which are stressed."""
        phonemes = speak(words, language).phonemes
        vowels = [phoneme for phoneme in phonemes if phoneme.is_vowel]
        stressed = tuple(vowel.is_stressed for vowel in vowels)
        return Rhythm(tuple(vowel.start for vowel in vowels), stressed, phonemes[-1].end)

    def speak(self, lines: Sequence[tuple[str, ...]], language: str) -> list[Speech]:
        """How lines are spoken: by Pico where it is installed and knows the language, else by espeak-ng."""
        usual = VOICES.get(language, language)
        if not pico.is_spoken(language) or any({*word_voices(words, language)} - {usual} for words in lines):
            return [speak(words, language) for words in lines]
        once = tuple(dict.fromkeys(lines))
        spoken = dict(zip(once, pico.speak_lines(once, language), strict=True))
        return [spoken[words] for words in lines]

    def remarks(self, score: Score) -> tuple[str, ...]:
        """What a listener should know: the words that could not be said."""
        unsaid = [word for line in _lines(score) for word in speak(_words(line), score.language).unsaid]
        if not unsaid:
            return ()
        listed = ", ".join(dict.fromkeys(unsaid))
        return (f"The voice cannot say {listed[:200]}; it sings “{speaking.UNSAYABLE}” instead.",)

    def sing(self, score: Score) -> Audio:
        """Sing the words, and unaccompanied the hook, shape (samples,)."""
        lines = list(
            zip(_lines(score), self.speak([_words(line) for line in _lines(score)], score.language), strict=True)
        )
        if not score.accompanied and score.hook:
            lines += [(line, speak(("ooh",) * len(line), "en")) for line in _hooks(score)]
        lines.sort(key=lambda pair: pair[0][0].start)
        rate, ended = lines[0][1].rate if lines else speaking.RATE, 0.0
        stem = np.zeros(int((score.duration + TAIL) * rate))
        for line, speech in lines:
            start, sound = _line(line, speech)
            breath = _breath(start - ended, speech.rate) * np.sqrt((sound**2).mean())
            ended = start + len(sound) / speech.rate
            sound, start = np.concatenate([breath, sound]), start - len(breath) / speech.rate
            _add(stem, rate, start, soxr.resample(sound, speech.rate, rate) if speech.rate != rate else sound)
        out = soxr.resample(stem.astype(np.float32), rate, RATE)
        length = int((score.duration + TAIL) * RATE)
        return np.pad(out, (0, max(0, length - len(out))))[:length]


def _lines(score: Score) -> list[list[Syllable]]:
    return [list(line) for _, line in groupby(score.syllables, key=lambda syllable: syllable.line)]


def _hooks(score: Score) -> list[list[Syllable]]:
    """The notes of the hook as syllables, in phrases that end where a rest begins."""
    notes = [Syllable("ooh", n.start, n.start + n.length, n.pitch, i, 0) for i, n in enumerate(score.hook)]
    phrase = np.cumsum([0, *(b.start - a.end > 0.05 for a, b in pairwise(notes))])
    return [[note for note, number in zip(notes, phrase, strict=True) if number == n] for n in range(phrase[-1] + 1)]


def _words(line: Sequence[Syllable]) -> tuple[str, ...]:
    """The words of a line as they are written."""
    return tuple("".join(s.text for s in word) for _, word in groupby(line, key=lambda syllable: syllable.word))


def _add(stem: Curve, rate: int, start: float, sound: Curve) -> None:
    first = round(start * rate)
    sound = sound[max(0, -first) : max(0, len(stem) - first)]
    stem[max(0, first) : max(0, first) + len(sound)] += sound


def _breath(room: float, rate: int) -> Curve:
    """A breath drawn through the mouth, which ends where the line begins; nothing where there is no room for it."""
    shortest, longest = BREATHS
    if room - 0.05 < shortest:
        return np.zeros(0)
    t = np.arange(int(min(room - 0.05, longest) * rate)) / rate
    spectrum = np.fft.rfft(np.random.default_rng(len(t)).standard_normal(len(t)))
    hertz = np.fft.rfftfreq(len(t), 1 / rate)
    spectrum *= sum(np.exp(-(((hertz - centre) / 500) ** 2)) / (1 + centre / 2000) for centre in (1100, 2600, 4200))
    noise = np.fft.irfft(spectrum, len(t))
    # Slowly up, and down within the last 80 ms.
    shape = np.sin(np.pi / 2 * t / t[-1]) ** 2 * np.clip((t[-1] - t) / 0.08, 0, 1)
    return np.asarray(BREATH_LEVEL * noise / noise.std() * shape)


def divide(speech: Speech) -> tuple[list[Spoken], tuple[Phoneme, ...]]:
    """The syllables of a line, one a vowel, and the consonants after the last; silence is left out."""
    sung: list[Spoken] = []
    onset: list[Phoneme] = []
    for phoneme in speech.phonemes:
        if phoneme.is_vowel:
            sung.append(Spoken(tuple(onset), phoneme))
            onset = []
        else:
            onset.append(phoneme)
    return sung, tuple(onset)


@functools.lru_cache(maxsize=LINES_KEPT)
def _frames(speech: Speech) -> SpeechFrames:
    vowels = [(p.start, p.end) for p in speech.phonemes if p.is_vowel]
    return analyse(speech.samples, speech.rate, vowels)


def _line(line: Sequence[Syllable], speech: Speech) -> tuple[float, Curve]:
    """When a line begins, in s, and its sound."""
    sung, coda = divide(speech)
    times, places = _time_map(line, sung, coda)
    start = np.floor(times[0] / FRAME) * FRAME
    frames = start + FRAME * np.arange(int((times[-1] - start) / FRAME) + 1)
    notes = [(s.start, s.end, s.pitch) for s in line]
    spoken = _frames(speech)
    where = np.interp(frames, times, places)
    gains = _gains(frames, where, line, sung, spoken)
    gains *= np.clip((times[-1] - frames) / RELEASE, 0, 1) * np.clip((frames - start) / 0.01, 0, 1)
    return start, synthesise(spoken, where, pitch_curve(frames, FRAME, notes, scoop=0.6), gains)


def _time_map(line: Sequence[Syllable], sung: Sequence[Spoken], coda: Sequence[Phoneme]) -> tuple[Curve, Curve]:
    """Seconds of the song, and the seconds of the speech that sound there; straight between them."""
    times: list[float] = []
    places: list[float] = []

    def lay(phonemes: Sequence[Phoneme], end: float, room: float) -> float:
        """Put consonants so that the last one ends at `end`; when the first one begins."""
        lengths = [min(LONGER * (p.end - p.start), max(LONGEST_CONSONANT, p.end - p.start)) for p in phonemes]
        squeezed = min(1.0, room / max(sum(lengths), 1e-9))
        begins = end - squeezed * sum(lengths)
        at = begins
        for phoneme, length in zip(phonemes, lengths, strict=True):
            times.extend((at, at + 0.999 * squeezed * length))
            places.extend((phoneme.start, phoneme.end))
            at += squeezed * length
        return begins

    lay(sung[0].onset, line[0].start, 0.35)
    for index, (note, syllable) in enumerate(zip(line, sung, strict=True)):
        last = index == len(line) - 1
        after = coda if last else sung[index + 1].onset
        stop = note.end + (0.5 * RELEASE if last else 0.0)
        kept = len(times)
        end = lay(after, stop, CONSONANT_SHARE * (stop - note.start))
        consonants = times[kept:], places[kept:]
        del times[kept:], places[kept:]
        for at, place in _vowel(syllable.vowel, note.start, end):
            times.append(at)
            places.append(place)
        times += consonants[0]
        places += consonants[1]
    return np.array(times), np.array(places)


def _vowel(vowel: Phoneme, start: float, end: float) -> list[tuple[float, float]]:
    """A vowel between two moments: (second of the song, second of the speech) at its corners."""
    natural, wanted = vowel.end - vowel.start, end - start
    if wanted <= natural:
        return [(start, vowel.start), (end - 1e-4, vowel.end)]
    ends = min(NATURAL, 0.35 * natural)
    head, tail = (EARLY * natural, 0.5 * natural) if vowel.is_diphthong else (ends, ends)
    return [
        (start, vowel.start),
        (start + head, vowel.start + head),
        (end - tail, vowel.end - tail),
        (end - 1e-4, vowel.end),
    ]


def _gains(
    frames: Curve, places: Curve, line: Sequence[Syllable], sung: Sequence[Spoken], spoken: SpeechFrames
) -> Curve:
    """The factor of each frame: vowels sound at once and evenly, weak ones stronger, long ones fade a little."""
    levels = spoken.levels
    level_at = np.interp(places, FRAME * np.arange(len(levels)), levels)
    mean = float(np.median([_level(levels, s.vowel) for s in sung]))
    gains = np.ones(len(frames))
    for note, syllable in zip(line, sung, strict=True):
        vowel, level = syllable.vowel, _level(levels, syllable.vowel)
        inside = (frames >= note.start) & (frames < note.end) & (places >= vowel.start) & (places < vowel.end)
        even = np.clip(level / np.maximum(level_at, 1e-9), 0.5, 4) ** EVENNESS
        raised = np.clip(mean / max(level, 1e-9), 0.3, 4) ** EVENNESS
        gains[inside] = (even * raised * (1 - 0.35 * np.clip((frames - note.start) / 2, 0, 1)))[inside]
    return smooth(gains, 3)


def _level(levels: Curve, vowel: Phoneme) -> float:
    first = int(vowel.start / FRAME)
    return float(levels[first : max(first + 1, int(vowel.end / FRAME))].mean())
