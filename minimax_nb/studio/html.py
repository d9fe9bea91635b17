"""From state to HTML: pure functions. Whatever was not written in this file is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any

from ..display.progress import USUAL_SECONDS, clock
from ..errors import MusicError
from ..lyrics import clean
from ..settings import Account
from ..song import Song, Status
from .state import LONG, SENT, Meter, Take, Track

# Each step: its name, what it is called while it lasts, and after it.
STEPS: tuple[tuple[str, str, str], ...] = (
    (Status.SENDING, "Sending the reference", "Reference sent"),
    (SENT, "Submitting", "Submitted"),
    (Status.QUEUED, "In the queue", "Queued"),
    (Status.GENERATING, "Making it", "Made"),
    (Status.DOWNLOADING, "Fetching it", "Here"),
)
_ORDER = [step for step, _, _ in STEPS]

_LONG_AGO = 3600.0
_LOST = "The answer got lost on the way. It is looked up before anything is sent again."


def line(text: str, kind: str = "quiet") -> str:
    """One line of text; `kind` is quiet, good, warn or bad."""
    role = ' role="alert"' if kind == "bad" else ""
    return f'<div class="mnb-line mnb-{kind}"{role}>{escape(text)}</div>' if text else ""


def heading(number: int | None, title: str, hint: str = "") -> str:
    """The head of a card."""
    mark = f'<span class="mnb-number" aria-hidden="true">{number}</span>' if number else ""
    return (
        f'<div class="mnb-heading">{mark}<span role="heading" aria-level="3">{escape(title)}</span></div>{line(hint)}'
    )


def track_line(track: Track) -> str:
    """What card 1 says about the reference."""
    if track.doing:
        return line(track.doing)
    if track.problem:
        return line(track.problem, "bad")
    good = line(f"✓\N{NO-BREAK SPACE}{track.note}", "good") if track.note else ""
    return good + line(track.advice, "warn")


def blank(track: Track) -> str:
    """Stands where the waveform will be, as high as that."""
    words = "Here you will see the song, hear it, and choose the part that is sent."
    if track.linked:
        words = (
            "There is no picture of a link: the service opens it, the studio does not. "
            "To hear it and to choose the part that is sent, drop the file itself."
        )
    return f'<div class="mnb-blank">{words}</div>'


def extras_line(options: Mapping[str, Any], left_out: Iterable[str]) -> str:
    """What is asked for with the next song beside what the fields say, and what is not."""
    taken = ", ".join(f"{name} {value}" for name, value in options.items())
    words = [f"Also, when rehearsing: {taken}"] if taken else []
    return line(" · ".join([*words, *(f"without {each}" for each in left_out)]))


def meter_line(meter: Meter) -> str:
    """How much of the limit the lyrics take, their lines and pauses, and how long it takes to sing them."""
    parts = [f"{meter.used} of {meter.limit} characters"]
    if meter.used:
        parts += [count(meter.lines, "line"), count(meter.pauses, "pause"), f"about {meter.seconds:.0f} s sung"]
    kind = "bad" if meter.problem else "warn" if meter.used >= LONG else "good"
    full = min(100, round(100 * meter.used / meter.limit))
    gauge = f'<div class="mnb-gauge mnb-{kind}" aria-hidden="true"><span style="width:{full}%"></span></div>'
    said = line(meter.problem, "bad") or line(meter.advice, "warn")
    return f"{gauge}{line(' · '.join(parts))}{said}"


def count(number: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def prompt_box(meter: Meter) -> str:
    """The exact prompt that will be sent."""
    text = meter.prompt or "Nothing yet."
    return f'<pre class="mnb-prompt" tabindex="0" aria-label="The exact prompt">{escape(text)}</pre>'


def price_words(account: Account, *, rehearsal: bool) -> str:
    """What one song costs."""
    if rehearsal:
        return "Free"
    return "Spends credits" if account.price is None else f"{money(account.price)} a song"


def money(amount: float) -> str:
    """US dollars, with cents, and with what is smaller where it matters."""
    text = f"{amount:,.4f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents:0<2}"


def hint_line(missing: str, account: Account, usual: float, *, rehearsal: bool) -> str:
    """What stands beside the button: what is missing, or what a click costs."""
    seconds = usual or USUAL_SECONDS[rehearsal]
    return line(missing or f"{price_words(account, rehearsal=rehearsal)} · usually ready in about {seconds:.0f} s")


def key_advice(found: str) -> str:
    """How to give a key that was not found; `found` says what was found instead of one."""
    cell = "import os, getpass; os.environ['AIML_API_KEY'] = getpass.getpass()"
    return (
        f'{line(found, "bad")}<div class="mnb-line">The hosted model needs a key: make one at aimlapi.com/app/keys. '
        f"To keep it out of this page, run <code>{escape(cell)}</code> in a cell (on Colab, add a secret named "
        "<code>AIML_API_KEY</code>), then press <em>Use my key</em> again.</div>"
    )


def steps_list(take: Take, now: float) -> str:
    """The steps of a take, each with how long it took."""
    began = dict(take.steps)
    moments = [began.get(step) for step in _ORDER]
    # While a lost answer is looked up, nobody knows more than that the request went out.
    at = len(STEPS) if take.status.final else _ORDER.index(take.step if take.step in _ORDER else SENT)
    items = []
    for number, (_, doing, done) in enumerate(STEPS):
        start = moments[number]
        end = next((moment for moment in moments[number + 1 :] if moment is not None), take.ended or now)
        seconds = f" {_short(end - start)}" if start is not None else ""
        state = "done" if number < at else "now" if number == at else "todo"
        words = f"{done}{seconds}" if number < at else doing
        items.append(f'<li class="mnb-{state}">{escape(words)}</li>')
    if take.done and take.ended:
        after = "" if take.picked_up else f" after {_short(take.ended - take.began)}"
        items.append(f'<li class="mnb-done">Ready{after}</li>')
    return f'<ol class="mnb-steps">{"".join(items)}</ol>'


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else "< 0.1 s"


def clock_line(take: Take, now: float) -> str:
    """How long it has taken, against how long it usually takes."""
    if take.status is Status.UNKNOWN:
        return line(_LOST)
    elapsed, usual = now - take.began, take.usual_seconds
    if take.picked_up and take.song:
        when = f"{take.song.created.astimezone():%d %b, %H:%M}" if elapsed >= _LONG_AGO else f"{clock(elapsed)} ago"
        return line(f"From before, picked up · asked for {when}")
    return line(
        f"{clock(elapsed)} of about {clock(usual)}" if elapsed <= usual else f"{clock(elapsed)}, longer than usual"
    )


def strip_title(take: Take) -> str:
    """Which song a strip is about, and its id once there is one."""
    title = take.song.title if take.song else take.title
    return f'<div class="mnb-strip-title"><strong>{escape(title)}</strong>{song_id(take.song)}</div>'


def song_id(song: Song | None) -> str:
    """The id of a song, once there is one, and a button that copies it where the page can."""
    if song is None or not song.id:
        return ""
    return f'<span class="mnb-id">id <code>{escape(song.id)}</code>{_copy_button("Copy id")}</span>'


def _copy_button(name: str) -> str:
    """A button that copies what stands before it."""
    # Enter is the button's, and no shortcut of the notebook.
    rest = 'type="button" class="mnb-button mnb-quiet mnb-copy" data-lm-suppress-shortcuts="true"'
    return f"<button {rest}>{name}</button>"


def left_line(take: Take) -> str:
    """What is said when nobody waits any more."""
    charged = "" if take.rehearsal else " and charged"
    return line(
        f"Not waiting any more. The song may still be made{charged}. It is in your library and will be picked up."
    )


def error_box(error: MusicError, song: Song | None = None) -> str:
    """What happened, whether money was spent, what to do, and the ids to ask about."""
    details = f"<details><summary>Details</summary>{_details(error, song)}</details>"
    return (
        f'<div class="mnb-error" role="alert"><strong>{escape(error.what)}</strong>'
        f"<p>{escape(error.money)} {escape(error.do)}</p>{details}</div>"
    )


def _details(error: MusicError, song: Song | None) -> str:
    facts = {
        "Song": song.id if song else error.song_id,
        "Request": song.request_id if song else "",
        "Kind": type(error).__name__,
        "Time": f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}",
    }
    words = "<br>".join(f"<code>{name}: {escape(fact)}</code>" for name, fact in facts.items() if fact)
    return f"<div>{words}</div>{_copy_button('Copy details')}"


def announcement(take: Take) -> str:
    """What is said aloud about a take: at each step, not at each second."""
    title = take.song.title if take.song else take.title
    if take.error:
        return f"{title}: {take.error.what} {take.error.money}"
    if take.stopped:
        return f"{title}: not waiting any more."
    if take.done:
        return f"{title} is ready."
    doing = {step: doing for step, doing, _ in STEPS}.get(take.step, _LOST)
    return f"{title}: {doing}."


def song_head(song: Song) -> str:
    """Title and facts of a finished song, and what the band has to say about it."""
    return f'<div class="mnb-title">{escape(song.title)}</div>{_facts(song.facts)}{line(" ".join(song.notes))}'


def _facts(facts: str) -> str:
    """Facts as one line, which wraps between them only."""
    parts = " · ".join(f'<span class="mnb-fact">{escape(fact)}</span>' for fact in facts.split(" · "))
    return f'<div class="mnb-line mnb-quiet">{parts}</div>'


def sung(song: Song) -> str:
    """The words of a song."""
    words = clean(song.request.lyrics) if song.request else ""
    return f'<pre class="mnb-sung" tabindex="0" aria-label="Lyrics">{escape(words)}</pre>' if words else ""


def timed_lines(song: Song) -> list[list[Any]]:
    """The syllables of each line with start and end in seconds, and an empty line for each pause.

    Empty when nobody knows when what is sung.
    """
    lines: list[list[Any]] = []
    for sung in song.timeline.lines if song.timeline else ():
        lines += [[]] * sung.after_pause
        lines.append([[s.text, s.start, s.end] for s in sung.syllables])
    return lines


def take_row(song: Song) -> str:
    """A song in the list of takes."""
    # Songs with the same words are made in the same minute.
    minute = f"{song.created.astimezone():%Y-%m-%d %H:%M}"
    facts = song.facts.replace(minute, f"{minute}:{song.created:%S}")
    return f'<div class="mnb-take-title">{escape(song.title)}</div>{_facts(facts)}'


def download_link(song: Song) -> str:
    """A link that holds the finished song."""
    audio = base64.b64encode(song.audio or b"").decode()
    name = escape(f"{song.title}.mp3", quote=True)
    return f'<a class="mnb-button mnb-link" download="{name}" href="data:audio/mpeg;base64,{audio}">Download mp3</a>'
