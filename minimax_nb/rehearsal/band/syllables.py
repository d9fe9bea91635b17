"""Words into syllables: the lines of a prompt cut for singing, by the rules of their language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

Words = list[list[str]]  # a line: its words, each as its syllables
Cut = Callable[[Sequence[str], str], Words]  # takes the words of a line and their language

WORDLESS = "Ooh la la la, ooh la la\nLa la la la, ooh la la\nOoh la la la, hey la la\nLa la la la, ooh"


@dataclass(frozen=True)
class Rhythm:
    """How a line is spoken: when its syllables begin, in s, which are stressed, and when the last one ends."""

    starts: tuple[float, ...]
    stressed: tuple[bool, ...]
    end: float


Speaking = Callable[[tuple[str, ...], str], Rhythm | None]  # takes the same as `Cut`; None where it is not known


def _list(text: str) -> frozenset[str]:
    return frozenset(text.split())


TAG = re.compile(r"\[[^\]\n]*\]")  # "[Verse]" is a stage direction, not a word
PLAYED = frozenset(("inst", "instrumental", "solo", "interlude", "break", "guitar solo", "piano solo"))
# Words that lean on the next one: a line that starts with one starts after the beat.
WEAK_STARTS = _list("a an and as at but for from i in it it's my of on or our so the to we with you")
LANGUAGES = {
    "en": _list("the and you i my of is in to we me it's that on for with your love a are this"),
    "es": _list("el los las y que en mi tu es un una por con del se lo no te yo"),
    "fr": _list("le les et je tu des est une dans mon ton pour nous vous qui pas sur c'est du"),
    "de": _list("der die das und ich du ist nicht ein eine mein mit wir zu den im auf es dich"),
}
EXCEPTIONS = {
    word.replace("-", ""): word.split("-")
    for word in _list(
        "ev-ery ev-ery-thing ev-ery-one ev-ery-where ev-ery-bod-y ev-ery-day eve-ning eve-nings may-be busi-ness "
        "qui-et qui-et-ly qui-et-er di-et sci-ence so-ci-e-ty li-on li-ons gi-ant gi-ants li-ar po-em po-ems po-et "
        "po-et-ry cre-ate cre-at-ed cre-a-tion cru-el fu-el ru-in ru-ins ru-ined flu-id na-ked sa-cred wick-ed "
        "hun-dred hun-dreds be-lov-ed rhyth-m rhyth-ms rec-i-pe wednes-day sol-dier sol-diers el-e-ment el-e-ments "
        "some-one an-y-one no-one who-ev-er re-al-i-ty the-a-ter id-e-al re-act lone-some awe-some bare-foot "
        "note-book note-books"
    )
}
HIATUS = {  # where a run of vowels falls into two syllables
    "en": re.compile(
        r"(?<=[aeiouy])(?=ings?$)"  # go-ing
        r"|(?<=[aeou]y)(?=[aiou]|e(?![sd]?$))"  # play-er, be-yond; not played
        r"|(?<=[^ctsgxlnaeou]i)(?=a(?!ge)|o|u)"  # pi-ano, ra-di-o; not special, nation, million, marriage
        r"|(?<=[^qgao]u)(?=a|ou)"  # us-u-al
        r"|(?<=[^gpaeiou]e)(?=o)|(?<=[dr]e)(?=as?$)"  # vid-e-o, i-de-a; not peo-ple
        r"|(?<=[a-z][a-z][a-z]i)(?=e(?:r|rs|st)$)"  # hap-pi-er
    ),
    "es": re.compile(r"(?<=[aeoáéó])(?=[aeoáéóíú])|(?<=[íú])(?=[aeoáéó])"),
    "fr": re.compile(r"(?<=[éï])(?=[aeiouyâêè])|(?<=[aeou])(?=[ïë])"),
    "de": re.compile(
        r"(?<=[aeiouäöü])(?=[aeiouäöü])"
        r"(?<!e(?=[iue]))(?<!i(?=e))(?<!a(?=[iua]))(?<!ä(?=u))(?<!o(?=o))"
    ),
}
MUTE = {  # an e that is written and not sung
    "en": re.compile(
        r"(?<=[^aeiouy])(?<![^aeiouyl]l)e$"  # love, whole; not lit-tle
        r"|(?<=[^aeiouysxzcg])(?<![cs]h)(?<![^aeiouyl]l)e(?=s$)"  # makes; not hous-es, reach-es, ta-bles
        r"|(?<=[^aeiouytd])(?<![^aeiouyl]l)e(?=d$)"  # loved; not want-ed, han-dled
        r"|(?<=[^aeiouy])e(?=(?:ly|less|ness|ful|fully|ment|thing|times?|where|body|day)s?$)"  # lone-ly
        r"|(?<=^[shltf][oiv]m)e(?=[^aeiouyrnld]+[aeiouy])"  # some-how, home-sick, time-less
        r"|(?<=^[ls]i[fdk])e(?=[^aeiouyrn]+[aeiouy])"  # life-time, side-walk
    ),
    "fr": re.compile(r"(?<=[^aeiouy])e(?=s?$)"),
}
NO_VOWEL = re.compile(  # rock-'n'-roll, did-n't, pris-m
    r"(?<=')n(?=')|(?<=[ds])n(?='t$)|(?<=[st])m(?=s?$)(?<=ism|thm)"
)
POSSESSIVE = re.compile(r"(?<!s)(?<![sxzcg]e)'s$")  # everything's, love's; it is a syllable in face's
APOSTROPHES = str.maketrans("’ʼ", "''")
VOWELS = frozenset("aeiouyæœøаеиоуыэюяіαεηιουω")
ONSETS = re.compile(r"(?:ch|sh|th|ph|wh|qu|[bcdfgkpt][lr]|[dtsg]w|s[ptk])$")


def read_lyrics(
    lyrics: str, language: str | None = None, cut: Cut | None = None
) -> tuple[list[Words], list[str], str]:
    """Read lyrics as lines of words and syllables, an empty one for each pause. Tags are never sung.

    Parameters
    ----------
    lyrics : str
        Lines, an empty one for a pause, tags such as ``[Chorus]`` that say which part begins.
    language : str, optional
        Such as "en"; guessed from the words when it is not given.
    cut : callable, optional
        Cuts the words of a line into syllables; the rules of this module when it is not given.

    Returns
    -------
    lines : list of Words
    parts : list of str
        The part each line belongs to, such as "chorus"; "solo" for a pause in which instruments play for longer.
    language : str
    """
    rows, part = list[tuple[str, str]](), ""
    for row in unicodedata.normalize("NFC", lyrics).splitlines():
        tags = [tag.strip("[] 0123456789:.").lower() for tag in TAG.findall(row)]
        part = tags[-1] if tags else part
        played = bool(tags) and part in PLAYED
        rows.append((TAG.sub(" ", row), "solo" if played else part))
        part = "" if played else part
    language = language or guess_language(" ".join(row for row, _ in rows))
    lines = [((cut or by_rule)(split_words(row), language), part) for row, part in rows]
    kept: list[tuple[Words, str]] = []
    for words, part in lines:
        if words or part == "solo" or (kept and kept[-1][0]):
            kept.append((words, part))
    return [words for words, _ in kept], [part for _, part in kept], language


def guess_language(text: str) -> str:
    """Guess "en", "es", "fr" or "de" by the small words in a text; "es" (all vowels sound) for another one."""
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", _straight(text.lower()))
    hits = {language: sum(word in known for word in words) for language, known in LANGUAGES.items()}
    best = max(hits, key=lambda language: hits[language])
    foreign = any(ord(letter) > 127 and letter.isalpha() for letter in text)
    return best if hits[best] else ("es" if foreign else "en")


def split_words(line: str) -> list[str]:
    """The words of a line with their punctuation; marks that stand alone are not sung."""
    pieces = [piece for token in line.split() for piece in re.findall(r"[^-–—/…]+[-–—/…]*|[-–—/…]+", token)]
    return [piece for piece in pieces if any(char.isalnum() for char in piece)]


def by_rule(words: Sequence[str], language: str) -> Words:
    """Words, each as its syllables by the rules of its language."""
    return [syllables(word, language) for word in words]


def syllables(word: str, language: str = "en") -> list[str]:
    """Cut a word with its punctuation into syllables, at least one; joined they are the word again.

    A heuristic: vowel groups, with the mute core and hiatus of the language; one per Chinese, Japanese or
    Korean character and per digit; one per two characters in scripts that do not write their vowels.
    """
    language = language if language in LANGUAGES else "es"
    pieces = re.split(r"(?<=\w-)(?=\w)", word)
    return [syllable for piece in pieces for syllable in _unhyphenated(piece, language)]


def cut_into(word: str, count: int, language: str) -> list[str]:
    """Cut a word into so many pieces, at its syllables where it can be; joined they are the word again.

    Where more sound than are written ("W", "7"), the last ones are empty.
    """
    pieces = syllables(word, language)
    while len(pieces) > count:
        shortest = min(range(len(pieces) - 1), key=lambda i: len(pieces[i]) + len(pieces[i + 1]))
        pieces[shortest : shortest + 2] = [pieces[shortest] + pieces[shortest + 1]]
    while len(pieces) < count:
        longest = max(range(len(pieces)), key=lambda i: len(pieces[i]))
        half = (len(pieces[longest]) + 1) // 2
        pieces[longest : longest + 1] = [pieces[longest][:half], pieces[longest][half:]]
    return pieces


def spoken(line: Words) -> str:
    """The characters of a line, so that repeated lines are known for what they are."""
    text = " ".join("".join(word) for word in line)
    return re.sub(r"[^\w ]", "", text).casefold()


def starts_weakly(line: Words) -> bool:
    """Whether the first word of a line leans on the next one."""
    return _core(_straight("".join(line[0]).lower())) in WEAK_STARTS


def _unhyphenated(word: str, language: str) -> list[str]:
    plain = _straight("".join(_plain(char) for char in word))
    core = _core(plain)
    if language == "en":
        core = POSSESSIVE.sub("", core)
    start = plain.find(core)
    if language == "en" and core in EXCEPTIONS:
        return _cut(word, _exception_cuts(start, EXCEPTIONS[core]))
    base = "".join(_base(char) for char in plain)
    return _cut(word, [_boundary(base, a, b) for a, b in pairwise(_nuclei(base, core, start, language))])


def _straight(text: str) -> str:
    """A text with the apostrophe of the typewriter for those of the printer; as long as it was."""
    return text.translate(APOSTROPHES)


def _core(plain: str) -> str:
    """A word without the marks around it."""
    return re.sub(r"^\W+|\W+$", "", plain)


def _plain(char: str) -> str:
    """A letter in lower case; always one character."""
    return char.lower()[0]


def _base(char: str) -> str:
    """A letter without its accents."""
    return unicodedata.normalize("NFD", char)[0]


def _exception_cuts(start: int, pieces: Sequence[str]) -> list[int]:
    return [start + end for end in accumulate(len(piece) for piece in pieces[:-1])]


def _cut(word: str, places: Sequence[int]) -> list[str]:
    edges = [0, *places, len(word)]
    return [word[a:b] for a, b in pairwise(edges) if b > a]


def _nuclei(base: str, core: str, start: int, language: str) -> list[int]:
    """Where the syllables of a word sound: one index per syllable.

    `base` is all of it without accents, `core` its characters with them, which begin at `start`.
    """
    cuts = {start + m.start() for m in HIATUS[language].finditer(core)}
    mute = {start + m.start() for m in MUTE[language].finditer(core)} if language in MUTE else set()
    vowelless = {start + m.start() for m in NO_VOWEL.finditer(core)} if language == "en" else set()
    found: list[int] = []
    unwritten = 0  # characters since the last syllable in a script without vowels
    for i, char in enumerate(base):
        begins = _is_vowel(base, i) and (i in cuts or i == 0 or not _is_vowel(base, i - 1))
        if begins or i in vowelless or _one_each(char):
            found.append(i)
        elif char.isalpha() and not _writes_vowels(char):
            unwritten += 1
            if unwritten % 2:
                found.append(i)
    sung = [i for i in found if i not in mute]
    return sung or found[:1] or [0]


def _one_each(char: str) -> bool:
    """Digits, and characters of scripts that write a syllable with each."""
    name = unicodedata.name(char, "")
    if name.startswith(("HIRAGANA", "KATAKANA")):
        return "SMALL" not in name and char.isalpha() and char != "ー"
    return char.isdigit() or name.startswith(("CJK UNIFIED", "HANGUL"))


def _writes_vowels(char: str) -> bool:
    return unicodedata.name(char, "").startswith(("LATIN", "CYRILLIC", "GREEK", "HIRAGANA", "KATAKANA"))


def _is_vowel(base: str, i: int) -> bool:
    """Whether a letter is sung; the y of "yes" and the u of "queen" and "guide" are not."""
    char, after = base[i], base[i + 1 : i + 2]
    if char == "y" and after in VOWELS and (i == 0 or not base[i - 1].isalpha()):
        return False
    if (
        char == "u"
        and i
        and (base[i - 1] == "q" or (base[i - 1] == "g" and after in ("e", "i") and i + 2 < len(base)))
    ):
        return False
    return char in VOWELS


def _boundary(base: str, one: int, two: int) -> int:
    """Where the syllable around `two` begins: its last consonant, or two that start a word together."""
    start = two
    while start > one + 1 and not _is_vowel(base, start - 1) and base[start - 1].isalpha():
        start -= 1
    consonants = base[start:two]
    if len(consonants) < 2:
        return start
    return two - (2 if ONSETS.search(consonants) else 1)
