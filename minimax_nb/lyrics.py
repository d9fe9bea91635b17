"""Words in, prompt out: lines, pauses and the ``##`` that asks for accompaniment.

The notation is the provider's (`prompt` of `minimax-music`): a newline ends a line, two newlines put a
pause between lines, ``##`` at both ends asks for accompaniment. Nothing else in the package knows it.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path

from .errors import InvalidLyrics

SAMPLE = """\
Side by side, through thick and thin,

With a laugh, we always win.
"""
"""Words to try a song with; the provider's own example."""

_MARK = "##"
_TEXT_FILES = ("txt", "md", "lrc", "srt")
_SOUND_FILES = "mp3 wav flac ogg oga opus m4a mp4 mov aac wma webm mka mkv aif aiff caf amr"
_OTHER_FILES = (*_SOUND_FILES.split(), "pdf", "doc", "docx", "odt", "rtf", "htm", "html", "json")
_MOST_BYTES = 1_000_000
_SWAPPED = "Lyrics come first and the reference second; paste the words, or give a .txt file."
_LINK = re.compile(r"(?:https?|file|s3|gs)://.*|data:\S{8,}|(?:[a-z0-9-]+\.)+[a-z]{2,}/\S*", re.IGNORECASE)
_AROUND = "\"'“”‘’„«»<>\ufeff\u200b\u200e\u200f\u202a\u202b\u202c"
"""What is no part of a name or a link that was copied; Windows puts U+202A before some."""


# What people paste along with the words. Section names in the languages that the band guesses.
_ALONE = (  # these announce a section even alone
    "verse|chorus|refrain|strophe|couplet|estrofa|estribillo|coro|kehrvers|ritornello|strofa|refrão|estrofe|zwrotka|refren"
    "|куплет|припев|主歌|副歌|サビ|[ABC]メロ|후렴|[1-9]절"
)
_SECTION = rf"(?:pre[- ]?|post[- ]?)?(?:{_ALONE}|bridge|intro|outro|hook|interlude|instrumental|solo|pont|puente)"
_NUMBER = r"(\d+|[IVX]+|one|two|three|four)?"
_TIMES = r"(?:\(?\s*(?:[x×]\s*\d+|\d+\s*[x×])\s*\)?)?"
_SECTION_LINE = re.compile(
    rf"[\[({{【*_]*\s*({_SECTION})\s*{_NUMBER}\s*{_TIMES}\s*[\])}}】*_]*\s*{_TIMES}\s*([:：.–—-]?)[*_]*",
    re.IGNORECASE,
)
_SECTION_BEFORE = re.compile(rf"[*_]*({_SECTION})\s*{_NUMBER}\s*[:：][*_]*(?=\s*\w)", re.IGNORECASE)
_TAG = re.compile(rf"\[\s*({_SECTION})[^\]]*\]", re.IGNORECASE)
_ABOUT = re.compile(
    r"\{[^{}]*\}|(?:title|artist|album|key|tempo|bpm|capo|tuning|written by|music by|lyrics by)\s*[:=].*|capo \d+.*"
    r"|WEBVTT\b.*|\d+ Contributors?.*|You might also like|\d*Embed",
    re.IGNORECASE,
)
_HEADING = re.compile(r"#{1,6}\s+[^#]*")
_UNSUNG = re.compile(rf"{_HEADING.pattern}|\[[^\[\]]*\]|【[^】]*】")  # a whole line of it: [Guitar solo], [x2]
_TIMESTAMP = re.compile(r"[\[<]\d{1,3}:\d{2}(?::\d{2})?(?:[.:,]\d{1,3})?[\]>]")
_SUBTITLE_TIMES = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?[.,]\d{1,3}\s*-->.*")
_LRC_HEAD = re.compile(r"\[(?:ti|ar|al|au|by|re|ve|la|length|offset|tool)\s*:[^\]]*\]", re.IGNORECASE)
_HIDDEN = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(r"</?[a-z][a-z0-9.]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
_HTML_BREAK = re.compile(r"<br\s*/?>|</p>|</div>|</li>", re.IGNORECASE)
_RULE = re.compile(r"[-*_=~`]{3,}|```\w+")
_LINK_TEXT = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)\n?|\[([^\]\n]+)\]\((?:https?:|/|#)[^)\n]*\)")
_BULLET = re.compile(r"^[ \t]*(?:>[ \t]?|[-*•][ \t]+)(?=\S)", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*|__|~~|[`*_])(?=\S)(.+?)(?<=\S)\1(?![\w*])")
_TABLATURE = re.compile(r"[A-Ga-g]?[#b]?\s*\|[-\d|hpbxs/\\~ ]{4,}")
_CHORD = (
    r"N\.?C\.?|[A-H][#b♯♭]?(?:maj|min|dim|aug|sus|add|m|M)?\d{0,2}(?:sus\d|add\d{1,2}|[#b]\d{1,2})?(?:/[A-G][#b♯♭]?)?"
)
_INLINE_CHORD = re.compile(rf"\[(?:{_CHORD})\]")
_QUOTES = str.maketrans("‘’‚ʼ“”„\N{NO-BREAK SPACE}", "''''\"\"\" ")
_INVISIBLE = re.compile("[\ufeff\u200b\u2060\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069\0-\x08\x0e-\x1b\x7f]")
"""Marks of byte order, width and direction, and control characters."""


def clean(lyrics: str, *, keep_tags: bool = False) -> str:
    r"""Tidy lyrics as people paste them: what is sung, a line on each line, an empty one for each pause.

    Out go what is not sung: headings, section names such as ``[Verse 1]`` or ``Chorus:``, chords over the words,
    timestamps, HTML, ``##``. Curly quotes become straight, whitespace a single space, any number of blank lines
    one pause.

    Parameters
    ----------
    lyrics : str
    keep_tags : bool
        Whether section names stay, as ``[Verse]``, for a model whose songs they shape.

    Examples
    --------
    >>> clean("[Verse 1]\n  Side by side\n\n\n## We always win ##\n")
    'Side by side\n\nWe always win'
    >>> clean("Verse 1:\nSide by side", keep_tags=True)
    '[Verse]\nSide by side'
    """
    before = None
    while lyrics != before:  # what stands in something that is taken away may be something to take away
        before, lyrics = lyrics, _cleaned_once(lyrics, keep_tags)
    return lyrics


def _cleaned_once(lyrics: str, keep_tags: bool) -> str:
    words, _ = _unmarked(_plain(lyrics))
    lines = words.splitlines()
    kept = "\n".join(_sung(lines, keep_tags))
    if not _has_words(kept):  # a heading was all there was
        kept = "\n".join(_squeezed(line.replace("#", " ")) for line in lines)
    return re.sub(r"\n{3,}", "\n\n", kept).strip("\n")


def _plain(text: str) -> str:
    """The text without HTML, links, bullets, invisible characters and curly quotes."""
    text = html.unescape(_HTML.sub("", _HTML_BREAK.sub("\n", _HIDDEN.sub("", text))))
    text = _INVISIBLE.sub("", text).translate(_QUOTES)
    return _BULLET.sub("", _LINK_TEXT.sub(r"\1", text))


def _sung(lines: list[str], keep_tags: bool) -> Iterator[str]:
    """The lines that are sung, and blank ones; section names as tags where they are kept."""
    for number, line in enumerate(lines):
        after = lines[number + 1] if number + 1 < len(lines) else ""
        if _is_chords(line, after) or _is_of_subtitles(line, after) or _ABOUT.fullmatch(line.strip()):
            continue
        text = _LRC_HEAD.sub("", _TIMESTAMP.sub("", _INLINE_CHORD.sub("", line))).strip()
        if before := _SECTION_BEFORE.match(text):
            text = text[before.end() :]
            yield from [f"[{before[1].capitalize()}]"] if keep_tags else []
            if _is_chords(text.replace(" ", "  "), after):
                continue
        section = _section(text, lines[number - 1] if number else "", after)
        if section:
            yield from [f"[{section}]"] if keep_tags else []
        elif (not text and line.strip()) or (_HEADING if keep_tags else _UNSUNG).fullmatch(text):
            continue
        else:
            text = "" if _RULE.fullmatch(text) else re.sub(r"\s*##+\s*", " ", text)
            yield _squeezed(_EMPHASIS.sub(r"\2", text if keep_tags else _TAG.sub(" ", text)))


def _section(line: str, before: str, after: str) -> str:
    """The name of the section that a line announces, such as "Verse"; empty for a line that is sung."""
    found = _SECTION_LINE.fullmatch(line.lstrip("#").strip())
    if not found:
        return ""
    marked = line[:1] in "[({【#*_" or found[2] or found[3] not in ("", ".")
    alone = (
        re.fullmatch(rf"(?:pre|post)?[- ]?(?:{_ALONE})", found[1], re.IGNORECASE)
        and not before.strip()
        and after.strip()
    )
    return found[1].capitalize() if marked or alone else ""


def _is_chords(line: str, after: str) -> bool:
    """Whether a line is chords for the words below it: with a quality (Am, G7, F/A), or set apart by spaces."""
    if _TABLATURE.fullmatch(line.strip()):
        return True
    tokens = line.replace("|", " ").split()
    if not tokens or not after.strip() or not all(re.fullmatch(_CHORD, token) for token in tokens):
        return False
    return any(len(token) > 1 for token in tokens) or (len(tokens) > 1 and "  " in line.strip())


def _is_of_subtitles(line: str, after: str) -> bool:
    """Whether a line is the times of a subtitle, or its number."""
    line = line.strip()
    return bool(_SUBTITLE_TIMES.fullmatch(line if not line.isdigit() else after.strip()))


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, _TAG.sub("", text)))


def given_lyrics(lyrics: object) -> str:
    """Take lyrics as they are given: the words, or a text file with them.

    Parameters
    ----------
    lyrics : str or path
        A single line that ends like the name of a text file, such as ``"lyrics.txt"``, is one: nobody sings that.

    Raises
    ------
    InvalidLyrics
        When there is no such file, it is no text, or the line names a sound file.
    """
    if isinstance(lyrics, os.PathLike):
        return read_file(Path(lyrics))
    if not isinstance(lyrics, str):
        raise InvalidLyrics(f"Lyrics must be text, not {type(lyrics).__name__}.")
    name = unquoted(lyrics)
    suffix = name.rpartition(".")[2].lower()
    if _LINK.fullmatch(name):
        raise InvalidLyrics("The lyrics are a link.", do=_SWAPPED)
    if "\n" in name or len(name) > 255 or suffix not in (*_TEXT_FILES, *_OTHER_FILES):
        return lyrics
    if suffix in _OTHER_FILES:
        raise InvalidLyrics(
            f"{name} reads like a file, and its words cannot be read here.",
            do=_SWAPPED,
        )
    return read_file(Path(name))


def unquoted(text: str) -> str:
    """A name or a link without the quotes and marks that copying puts around it."""
    return text.strip().strip(_AROUND).strip()


def read_file(path: Path | None) -> str:
    """Read a text file with lyrics, in UTF-8 or with a byte order mark that says otherwise; None is standard input.

    Raises
    ------
    InvalidLyrics
        When it cannot be read, or is not text.
    """
    name = str(path or "standard input")
    try:
        # Standard input as well: Windows would take it for its code page, and other words would be sung.
        with open(path.expanduser() if path else 0, "rb", closefd=path is not None) as file:
            data = file.read(_MOST_BYTES)
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        do = _SWAPPED if name.rpartition(".")[2].lower() in _OTHER_FILES else "Save it as plain text in UTF-8."
        raise InvalidLyrics(f"{name} is not a text file in UTF-8.", do=do) from None
    except (OSError, ValueError, RuntimeError) as error:  # the last for the folder of a user who is not there
        why = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise InvalidLyrics(f"The lyrics in {name} cannot be read: {why}.") from None


def to_prompt(lyrics: str, *, accompaniment: bool = True, keep_tags: bool = False) -> str:
    r"""Build the prompt from lyrics as a person writes them.

    Parameters
    ----------
    lyrics : str
        The words, a line of the song on each line, blank lines where the singer pauses.
    accompaniment : bool
        Whether instruments play along. It alone decides: a ``##`` in the lyrics changes nothing.
    keep_tags : bool
        Whether section names stay, as ``[Verse]``.

    Returns
    -------
    str
        The prompt as it is sent; its length is what the model's limit counts.

    Raises
    ------
    InvalidLyrics
        When there is nothing to sing.

    Examples
    --------
    >>> to_prompt("Side by side\n\n\nWe always win\n")
    '##Side by side\n\nWe always win##'
    """
    if not isinstance(lyrics, str):
        raise InvalidLyrics(f"Lyrics must be text, not {type(lyrics).__name__}.")
    if any("\ud800" <= character <= "\udfff" for character in lyrics):
        raise InvalidLyrics("The lyrics hold half a character, as a broken copy leaves it.")
    words = clean(lyrics, keep_tags=keep_tags)
    if not _has_words(words):
        raise InvalidLyrics("There are no words to sing.", do="Write at least one line of lyrics.")
    return f"{_MARK}{words}{_MARK}" if accompaniment else words


def read_prompt(prompt: str) -> tuple[str, bool]:
    """Read a prompt as the service does: the words to sing, and whether instruments play along.

    Examples
    --------
    >>> read_prompt("##Side by side##")
    ('Side by side', True)
    """
    words, accompaniment = _unmarked(prompt)
    return words.replace(_MARK, "").strip(), accompaniment


def _unmarked(text: str) -> tuple[str, bool]:
    """A text without the marks at its ends, and whether they were there."""
    text = text.strip()
    if len(text) >= 2 * len(_MARK) and text.startswith(_MARK) and text.endswith(_MARK):
        return text[len(_MARK) : -len(_MARK)], True
    return text, False
