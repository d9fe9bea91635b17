"""From state to HTML: pure functions. Whatever was not written in this file is escaped."""

from __future__ import annotations

import base64
from html import escape

from ..errors import MusicError
from ..progress import USUAL_SECONDS, clock
from ..song import Song, Status
from .state import Meter, Take, Track
from .upload import limit_words

# Each step: its status, what it is called while it lasts, and after it.
STEPS = (
    (Status.SENDING, "Sending", "Sent"),
    (Status.QUEUED, "In the queue", "Accepted"),
    (Status.GENERATING, "Making it", "Made"),
    (Status.DOWNLOADING, "Fetching it", "Here"),
)
_ORDER = [status for status, _, _ in STEPS]


def line(text: str, kind: str = "quiet") -> str:
    """One line of text; `kind` is quiet, good or bad."""
    role = ' role="alert"' if kind == "bad" else ""
    return f'<div class="mnb-line mnb-{kind}"{role}>{escape(text)}</div>' if text else ""


def heading(number: int, title: str, hint: str) -> str:
    """The head of a card."""
    return (
        f'<div class="mnb-heading"><span class="mnb-number" aria-hidden="true">{number}</span>'
        f'<span role="heading" aria-level="3">{escape(title)}</span></div>{line(hint)}'
    )


def track_line(track: Track) -> str:
    """What card 1 says about the reference."""
    if track.doing:
        return line(track.doing)
    if track.problem:
        return line(track.problem, "bad")
    if track.note:
        return line(f"✓\N{NO-BREAK SPACE}{track.note}", "good")
    return line(
        f"Wav or mp3, longer than 15 s. The button drops files above {limit_words()} without a word: "
        "put such a file beside the notebook and give its name."
    )


def meter_line(meter: Meter) -> str:
    """How much of the limit the lyrics take, and their lines and pauses."""
    parts = [f"{meter.used} of {meter.limit} characters"]
    if meter.used:
        parts += [_count(meter.lines, "line"), _count(meter.pauses, "pause")]
    counts = " · ".join(parts)
    return line(meter.problem, "bad") + line(counts) if meter.problem else line(counts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def hint_line(missing: str, *, rehearsal: bool) -> str:
    """What stands beside the button: what is missing, or what a click costs."""
    price = "Free" if rehearsal else "Spends credits"
    return line(missing or f"{price} · usually ready in about {USUAL_SECONDS[rehearsal]:.0f} s")


def key_advice() -> str:
    """How to give a key that was not found."""
    cell = "import os, getpass; os.environ['AIML_API_KEY'] = getpass.getpass()"
    return (
        '<div class="mnb-line" role="status">No key was found. Make one at aimlapi.com/app/keys and run '
        f"this in a cell: <code>{escape(cell)}</code> (on Colab, add a secret named <code>AIML_API_KEY</code>). "
        "Then press <em>Use my key</em> again.</div>"
    )


def steps_list(take: Take, now: float) -> str:
    """The steps of a take, each with how long it took."""
    began = dict(take.steps)
    moments = [began.get(status) for status in _ORDER]
    at = _ORDER.index(take.status) if take.status in _ORDER else (len(STEPS) if take.status.final else 0)
    items = []
    for number, (_, doing, done) in enumerate(STEPS):
        start = moments[number]
        end = next((moment for moment in moments[number + 1 :] if moment is not None), take.ended or now)
        seconds = f" {end - start:.1f} s" if start is not None and end - start >= 0.05 else ""
        state = "done" if number < at else "now" if number == at else "todo"
        words = f"{done}{seconds}" if number < at else doing
        items.append(f'<li class="mnb-{state}">{escape(words)}</li>')
    return f'<ol class="mnb-steps">{"".join(items)}</ol>'


def clock_line(take: Take, now: float) -> str:
    """How long it has taken, against how long it usually takes."""
    if take.status is Status.UNKNOWN:
        return line("The answer got lost on the way. It is looked up before anything is sent again.")
    elapsed, usual = now - take.began, USUAL_SECONDS[take.rehearsal]
    return line(
        f"{clock(elapsed)} of about {clock(usual)}" if elapsed <= usual else f"{clock(elapsed)}, longer than usual"
    )


def left_line(take: Take) -> str:
    """What is said when nobody waits any more."""
    charged = "" if take.rehearsal else " and charged"
    return line(f"Not waiting any more. The song may still be made{charged}; it is in your library.")


def error_box(error: MusicError) -> str:
    """What happened, whether money was spent, what to do, and the id to ask about."""
    details = f"<details><summary>Details</summary>{_details(error)}</details>"
    return (
        f'<div class="mnb-error" role="alert"><strong>{escape(error.what)}</strong>'
        f"<p>{escape(error.money)} {escape(error.do)}</p>{details}</div>"
    )


def _details(error: MusicError) -> str:
    facts = [f"Kind: {type(error).__name__}"]
    if error.song_id:
        facts.append(f"Song: {error.song_id}")
    return "<br>".join(f"<code>{escape(fact)}</code>" for fact in facts)


def facts_line(song: Song) -> str:
    """Title and facts of a finished song."""
    return f'<div class="mnb-title">{escape(song.title)}</div>{line(song.facts)}'


def download_link(song: Song) -> str:
    """A link that holds the finished song."""
    audio = base64.b64encode(song.audio or b"").decode()
    name = escape(f"{song.title}.mp3", quote=True)
    return f'<a class="mnb-button mnb-link" download="{name}" href="data:audio/mpeg;base64,{audio}">Download mp3</a>'
