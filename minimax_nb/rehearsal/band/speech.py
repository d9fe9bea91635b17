"""Speak words with espeak-ng: sound, and when each of its phonemes begins. Part of the optional extra `[voice]`.

espeak-ng is GPL and is loaded into the rehearsal process alone. Its phonemes come as IPA, in which vowels look
alike in all languages.
"""

from __future__ import annotations

import ctypes
import functools
import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 22_050  # Hz, what espeak-ng speaks at
SPEED = 130  # words a minute: slow, so that little is left to stretch
PITCH, PITCH_RANGE = 50, 10  # of 100: the middle of the voice, and almost no intonation
VARIANT = "m1"  # of the voices: a man's; of those tried, the one whose words suffer least from being sung
UNSAYABLE = "la"  # what is sung for what cannot be said

VOICES = {"en": "en-us", "zh": "cmn"}  # others have the name of their language
SCRIPTS = {  # who reads a script; Thai and Burmese are missing, which espeak-ng reads letter by letter
    "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "cmn", "HANGUL": "ko", "CYRILLIC": "ru", "GREEK": "el",
    "ARABIC": "ar", "HEBREW": "he", "DEVANAGARI": "hi", "ARMENIAN": "hy", "GEORGIAN": "ka", "BENGALI": "bn",
    "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml", "GUJARATI": "gu", "GURMUKHI": "pa",
    "ORIYA": "or", "SINHALA": "si", "ETHIOPIC": "am",
}  # fmt: skip
CHINESE = re.compile(r"[\u3400-\u9fff々〆]")
UNREAD = {"ja": "ら", "ko": "라"}  # what is sung for a Chinese character, which has many readings there

# The vowels of the International Phonetic Alphabet (2020 chart), and the schwas with r.
IPA_VOWELS = frozenset("iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒɚɝᵻ")
SYLLABIC, STRESS = "\u0329", "ˈ"
ONE_SYLLABLE = re.compile("h?ours?")
NOT_IPA = re.compile(r"\(.*?\)|[ˈˌ\d_:|;\-^]")  # "(en)" where the language changes
OBSTRUENTS = frozenset("pbtdkɡfvszʃʒθðɾ")


@dataclass(frozen=True)
class Phoneme:
    """A speech sound: IPA, start and end in s, the word it belongs to, from 0, and whether it is stressed."""

    ipa: str
    start: float
    end: float
    word: int
    is_stressed: bool = False

    @property
    def is_vowel(self) -> bool:
        """Whether it can be sung on a note of its own."""
        return unicodedata.normalize("NFD", self.ipa)[:1] in IPA_VOWELS or SYLLABIC in self.ipa

    @property
    def is_diphthong(self) -> bool:
        """Whether the vowel glides into another one."""
        return sum(char in IPA_VOWELS for char in self.ipa) > 1


@dataclass(frozen=True, eq=False)
class Speech:
    """Words as they are spoken: float64 samples at `rate`, phonemes in order, and how many vowels each word has.

    `unsaid` holds the words for which `UNSAYABLE` was said, `text` what was given to the speaker.
    """

    samples: NDArray[np.float64]
    phonemes: tuple[Phoneme, ...]
    counts: tuple[int, ...]
    unsaid: tuple[str, ...] = ()
    rate: int = RATE
    text: str = ""


@functools.lru_cache(maxsize=64)
def speak(words: tuple[str, ...], language: str) -> Speech:
    """Speak a line; every word has at least one vowel.

    Parameters
    ----------
    words : with their punctuation
    language : such as "en"; another one where the script says so

    Raises
    ------
    ValueError
        when there is no voice for the language.
    """
    voice, voices = voice_name(words, language), word_voices(words, language)
    unsaid = tuple(word for word, own in zip(words, voices, strict=True) if not _is_sayable(word, own))
    plain = tuple(
        UNSAYABLE if word in unsaid and own not in UNREAD else _plain(word, own)
        for word, own in zip(words, voices, strict=True)
    )
    if all(word.isupper() or not word.isalpha() for word in plain):
        plain = tuple(word.lower() for word in plain)  # shouted, not spelt
    if set(voices) <= {voice}:
        speech = _synthesised(plain, voice)
        counts = _counts(speech, plain, voice)
        if counts is not None:
            return Speech(speech.samples, speech.phonemes, counts, unsaid, text=" ".join(plain))
    return _word_by_word(words, plain, voices, unsaid)


def voice_name(words: Sequence[str], language: str) -> str:
    """The voice of a language, or that of the script in which most characters are written."""
    names = [name for word in words for name in _scripts(word)]
    scripts = [SCRIPTS[name] for name in names if name in SCRIPTS]
    if 2 * len(scripts) > len(names) and language in ("en", "es", "fr", "de"):
        # Japanese is known by any character of its own.
        return "ja" if "ja" in scripts else max(sorted(set(scripts)), key=scripts.count)
    return VOICES.get(language, language)


def _scripts(word: str) -> list[str]:
    """The script of each letter, as Unicode names it."""
    return [re.split("[ -]", unicodedata.name(char, ""))[0] for char in word if char.isalpha()]


def word_voices(words: Sequence[str], language: str) -> list[str]:
    """Who says each word of a line."""
    voice = voice_name(words, language)
    return [_word_voice(word, voice) for word in words]


def _word_voice(word: str, voice: str) -> str:
    """Who says a word in a line of a voice: another one, where it is in a script that this one would spell."""
    readers = {SCRIPTS.get(script, "") for script in _scripts(word)}
    if not readers or voice in readers or (voice in UNREAD and "cmn" in readers):
        return voice
    if readers == {""}:
        return VOICES["en"] if voice in SCRIPTS.values() else voice
    known = voice in SCRIPTS.values() or voice in (VOICES["en"], "es", "fr", "de", "it")
    return min(readers - {""}) if known else voice


def _is_sayable(word: str, voice: str) -> bool:
    """Whether its characters are read; those of other scripts would be spelt by their numbers."""
    if voice in UNREAD and CHINESE.search(word):
        return False
    return set(_scripts(word)) <= {"LATIN", *SCRIPTS}


def _plain(word: str, voice: str) -> str:
    """A word without the marks around it, but for apostrophes."""
    word = CHINESE.sub(UNREAD[voice], word) if voice in UNREAD else word
    straight = word.replace("’", "'").replace("ʼ", "'")
    core = re.sub(r"^[^\w']+|[^\w']+$", "", straight)
    return "hum" if re.fullmatch("h*mm+", core.lower()) else core or "♪"  # what would be spelt out


def _counts(speech: Speech, plain: Sequence[str], voice: str) -> tuple[int, ...] | None:
    """How many vowels each word has; None where that cannot be told.

    Small words are sometimes spoken as one ("of the"): then what each has alone decides.
    """
    vowels = np.bincount([p.word for p in speech.phonemes if p.is_vowel], minlength=len(plain))
    for group in _merged(vowels == 0):
        if group[0] < 0:
            return None
        alone = [_vowels_alone(plain[word], voice) for word in group]
        if sum(alone) != vowels[group[0]] or not all(alone):
            return None
        vowels[group] = alone
    return tuple(int(count) for count in vowels)


@functools.lru_cache(maxsize=1024)
def _vowels_alone(word: str, voice: str) -> int:
    """How many vowels a word has when it is spoken by itself; asked mostly of the same few small words."""
    return sum(phoneme.is_vowel for phoneme in _synthesised((word,), voice).phonemes)


def _merged(silent: NDArray[np.bool_]) -> list[list[int]]:
    """The words without a sound of their own, run by run, each with the word before it."""
    groups: list[list[int]] = []
    for word in map(int, np.flatnonzero(silent)):
        if groups and groups[-1][-1] == word - 1:
            groups[-1].append(word)
        else:
            groups.append([word - 1, word])
    return groups


def _word_by_word(
    words: Sequence[str], plain: Sequence[str], voices: Sequence[str], silent: tuple[str, ...]
) -> Speech:
    """Each word spoken by its own voice; for those without a sound, besides the `silent` ones, `UNSAYABLE`."""
    samples: list[NDArray[np.float64]] = []
    phonemes: list[Phoneme] = []
    counts: list[int] = []
    unsaid = list(silent)
    at = 0.0
    for index, word in enumerate(plain):
        speech = _synthesised((word,), voices[index])
        nuclei = _nuclei(speech.phonemes)
        if not nuclei:
            unsaid.append(words[index])
            speech = _synthesised((UNSAYABLE,), VOICES["en"])
            nuclei = _nuclei(speech.phonemes)
        for i, p in enumerate(speech.phonemes):
            # A word without a vowel is sung on its longest sound, which is marked as syllabic.
            ipa = p.ipa if p.is_vowel or i not in nuclei else p.ipa + SYLLABIC
            phonemes.append(Phoneme(ipa, at + p.start, at + p.end, index, p.is_stressed))
        samples.append(speech.samples)
        counts.append(len(nuclei))
        at += len(speech.samples) / RATE
    said = " ".join(UNSAYABLE if word in unsaid else text for word, text in zip(words, plain, strict=True))
    return Speech(np.concatenate(samples), tuple(phonemes), tuple(counts), tuple(unsaid), text=said)


def _nuclei(phonemes: Sequence[Phoneme]) -> list[int]:
    """Which phonemes of a word are sung: its vowels, or else its longest sound."""
    vowels = [i for i, p in enumerate(phonemes) if p.is_vowel]
    if vowels or not phonemes:
        return vowels
    return [max(range(len(phonemes)), key=lambda i: phonemes[i].end - phonemes[i].start)]


def _synthesised(plain: tuple[str, ...], voice: str) -> Speech:
    """What espeak-ng makes of words, each phoneme with the word it comes from; no counts."""
    samples, events = _say(" ".join(plain), voice)
    starts = np.cumsum([0, *(len(word) + 1 for word in plain)])
    phonemes: list[Phoneme] = []
    word = 0
    marks = [*events, _Mark("end", 0, "", len(samples))]
    for one, two in zip(marks, [*marks[1:], marks[-1]], strict=True):
        if one.kind == "word":
            word = int(np.searchsorted(starts, one.place, side="right")) - 1
        ipa = NOT_IPA.sub("", one.text)
        if one.kind == "phoneme" and ipa and two.sample > one.sample:
            stressed = STRESS in one.text
            phonemes.append(Phoneme(ipa, one.sample / RATE, two.sample / RATE, min(word, len(plain) - 1), stressed))
    return Speech(samples, tuple(_as_sung(phonemes, plain) if voice == VOICES["en"] else _glides(phonemes)), ())


def _as_sung(phonemes: Sequence[Phoneme], plain: Sequence[str]) -> Iterator[Phoneme]:
    """English phonemes with as many vowels as a word has syllables when it is sung: "qui-et", "did-n't", "our"."""
    for before, sound, after in zip([None, *phonemes], phonemes, [*phonemes[1:], None], strict=False):
        ends = after is None or after.word != sound.word
        if ONE_SYLLABLE.fullmatch(plain[sound.word].lower()) and sound.ipa == "aʊ" and after is not None:
            yield replace(sound, ipa="aʊɚ", end=after.end)
        elif (
            before is not None
            and before.ipa == "aʊ"
            and sound.ipa == "ɚ"
            and ONE_SYLLABLE.fullmatch(plain[sound.word].lower())
        ):
            continue
        elif sound.ipa == "aɪə" or (sound.ipa == "iə" and ends):
            turn = sound.start + 0.6 * (sound.end - sound.start)
            yield replace(sound, ipa=sound.ipa[:-1], end=turn)
            yield replace(sound, ipa="ə", start=turn)
        else:
            yield _syllabic(before, sound, after)


def _glides(phonemes: Sequence[Phoneme]) -> Iterator[Phoneme]:
    """The first sound of "nuit", which espeak-ng writes as a vowel, as the glide that it is."""
    for sound, after in zip(phonemes, [*phonemes[1:], None], strict=False):
        glides = sound.ipa == "y" and after is not None and after.ipa == "i" and after.word == sound.word
        yield replace(sound, ipa="ɥ") if glides else sound


def _syllabic(before: Phoneme | None, sound: Phoneme, after: Phoneme | None) -> Phoneme:
    """The n of "didn't" and the m of "rhythm" are syllables in English: between consonants, or at a word's end."""
    closed = after is None or after.word != sound.word or not (after.is_vowel or after.ipa == "j")
    obstruent = before is not None and before.word == sound.word and before.ipa[-1:] in OBSTRUENTS
    if sound.ipa in ("n", "m") and closed and obstruent:
        return replace(sound, ipa=sound.ipa + SYLLABIC)
    return sound


# --- the library ---

_SYNCHRONOUS = 2
_IPA_EVENTS = 0x0001 | 0x0002 | 0x8000  # phonemes as events, as IPA; do not exit on failure
_WORD, _PHONEME = 1, 7
_BY_CHARACTER, _UTF8 = 1, 1
_SPEED, _PITCH, _RANGE = 1, 3, 4


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h, revision 12."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class _Mark:
    """A word or phoneme that begins: place in the text, IPA, sample."""

    kind: str
    place: int
    text: str
    sample: int


_lock = threading.Lock()  # the library has one state for the whole process


def _say(text: str, voice: str) -> tuple[NDArray[np.float64], list[_Mark]]:
    """Samples from -1 to 1 at `RATE`, and the marks in them.

    The library carries something over from one text to the next, such as where its voice trembles. It is loaded
    anew for each, so that the same text always sounds the same; that takes 20 ms.
    """
    import espeakng_loader

    with _lock:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        try:
            data = str(espeakng_loader.get_data_path()).encode()
            if library.espeak_Initialize(_SYNCHRONOUS, 0, data, _IPA_EVENTS) <= 0:
                raise RuntimeError("espeak-ng cannot be started")
            return _spoken(library, text, voice)
        finally:
            library.espeak_Terminate()
            _unload(library)


def _spoken(library: ctypes.CDLL, text: str, voice: str) -> tuple[NDArray[np.float64], list[_Mark]]:
    sound, marks = bytearray(), list[_Mark]()

    def take(samples: int | None, length: int, events: Any) -> int:
        if samples and length:
            sound.extend(ctypes.string_at(samples, 2 * length))
        marks.extend(_read_events(events))
        return 0

    callback = _CALLBACK(take)
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    name = f"{voice}+{VARIANT}".encode()
    if not re.fullmatch(r"[a-zA-Z-]{2,20}", voice) or library.espeak_SetVoiceByName(name):
        raise ValueError(f"There is no voice for the language {voice!r}.")
    for parameter, value in ((_SPEED, SPEED), (_PITCH, PITCH), (_RANGE, PITCH_RANGE)):
        library.espeak_SetParameter(parameter, value, 0)
    raw = text.encode()
    library.espeak_Synth(raw, len(raw) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
    return np.frombuffer(bytes(sound), dtype="<i2") / 32768, marks


def _read_events(events: Any) -> Iterator[_Mark]:
    """The words and phonemes in a list that ends with an event of type 0."""
    for index in count():
        event = events[index]
        if event.type == _WORD:
            yield _Mark("word", event.text_position - 1, "", event.sample)
        elif event.type == _PHONEME:
            yield _Mark("phoneme", 0, event.id.string.decode(errors="ignore"), event.sample)
        elif event.type == 0:
            return


def _unload(library: ctypes.CDLL) -> None:
    import _ctypes

    # One of the two is there: the first on Windows, the second elsewhere.
    release = getattr(_ctypes, "FreeLibrary", None) or _ctypes.dlclose
    release(library._handle)
