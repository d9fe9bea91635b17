"""From state to HTML: pure functions. Text that was not written in this file is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any

from ..display.progress import USUAL_SECONDS, clock, share
from ..errors import MusicError, Unauthorized
from ..hosts.choice import Way
from ..library.budget import Budget, Spending
from ..lyrics import clean
from ..settings import Account
from ..song import Song, Status
from .state import LyricsState, ReferenceState, ServiceState, Side, StudioState
from .take import SENT, Take

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
_LOST = "The response got lost on the way. The song is looked up before anything is sent again."


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


def reference_line(reference: ReferenceState) -> str:
    """What card 1 says about the reference."""
    if reference.doing:
        return line(reference.doing)
    if reference.problem:
        return line(reference.problem, "bad")
    good = line(f"✓\N{NO-BREAK SPACE}{reference.note}", "good") if reference.note else ""
    return good + line(reference.advice, "warn")


def placeholder(reference: ReferenceState) -> str:
    """Stands where the waveform will be, as high as that."""
    words = "Here you will see the song, hear it, and choose the part that is sent."
    if reference.linked:
        words = (
            "There is no picture of a link: the service opens it, the studio does not. "
            "To hear it and to choose the part that is sent, drop the file itself."
        )
    return f'<div class="mnb-placeholder">{words}</div>'


def called(source: object) -> str:
    """What to call a reference that was given from code."""
    return f"{len(source) / 1e6:.1f} MB given from code" if isinstance(source, bytes) else str(source)[:200]


def options_line(options: Mapping[str, Any], left_out: Iterable[str]) -> str:
    """What is requested with the next song beside what the fields say, and what is not."""
    taken = ", ".join(f"{name} {value}" for name, value in options.items())
    words = [f"Also, when rehearsing: {taken}"] if taken else []
    return line(" · ".join([*words, *(f"without {each}" for each in left_out)]))


def lyrics_line(lyrics: LyricsState) -> str:
    """How much of the limit the lyrics take, their lines and pauses, and how long it takes to sing them."""
    facts = [f"{lyrics.used} of {lyrics.limit} characters"]
    if lyrics.marks:
        facts[0] += f", {lyrics.marks} of them for the accompaniment"
    if lyrics.used:
        facts += [count(lyrics.lines, "line"), count(lyrics.pauses, "pause"), f"about {lyrics.seconds:.0f} s sung"]
    kind = "bad" if lyrics.problem else "warn" if lyrics.advice else "good"
    full = min(100, round(100 * lyrics.used / lyrics.limit))
    gauge = f'<div class="mnb-gauge mnb-{kind}" aria-hidden="true"><span style="width:{full}%"></span></div>'
    said = line(lyrics.problem, "bad") or line(lyrics.advice, "warn")
    return f"{gauge}{line(' · '.join(facts))}{said}"


def count(number: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def prompt_box(lyrics: LyricsState) -> str:
    """The exact prompt that will be sent."""
    text = lyrics.prompt or "Nothing yet."
    why = line("The lyrics are tidied. This is what is sent:") if lyrics.tidied else ""
    return f'{why}<pre class="mnb-prompt" tabindex="0" aria-label="The exact prompt">{escape(text)}</pre>'


def service_line(service: ServiceState, spent: float = 0.0, budget: str = "") -> str:
    """Where songs are made, what one costs, what was spent in this studio, and what is left."""
    rehearsal, account = service.rehearsal, service.account
    words = [service.where.name]
    if service.host:
        words.append(f"files are sent through {service.host}")
    if not rehearsal and account.price is not None:
        words.append(f"{money(account.price)} a song")
    if spent:
        words.append(f"{money(spent)} spent here")
    if not rehearsal and account.balance is not None:
        words.append(f"{money(round(account.balance, 2))} left")
    if not rehearsal and budget:
        words.append(budget)
    dot = f'<span class="mnb-dot mnb-{"free" if rehearsal else "paid"}"></span>'
    problem = f'<span class="mnb-warn"> · {escape(service.problem)}</span>' if service.problem else ""
    return f"{dot}{escape(' · '.join(words))}{problem}"


def budget_words(budget: Budget, spent: Spending) -> str:
    """What is left of a budget: dollars, songs, or both."""
    left = []
    if budget.usd is not None:
        left.append(f"{money(max(0.0, budget.usd - spent.usd))} of {money(budget.usd)}")
    if budget.songs is not None:
        left.append(f"{max(0, budget.songs - spent.songs)} of {count(budget.songs, 'song')}")
    return f"Budget: {' and '.join(left)} left"


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
        f'{line(found, "bad")}<div class="mnb-line">The hosted model needs a key: make one at {link_to_keys()}. '
        f"To keep it out of this page, run <code>{escape(cell)}</code> in a cell (on Colab, add a secret named "
        "<code>AIML_API_KEY</code>), then press <em>Use my key</em> again.</div>"
    )


def steps_list(take: Take, now: float) -> str:
    """The steps of a take, each with how long it took where that is worth telling."""
    began = dict(take.steps)
    moments = [began.get(step) for step in _ORDER]
    # While a lost response is looked up, nobody knows more than that the request went out.
    at = len(STEPS) if take.status.final else _ORDER.index(take.step if take.step in _ORDER else SENT)
    items = []
    for number, (_, doing, done) in enumerate(STEPS):
        start = moments[number]
        end = next((moment for moment in moments[number + 1 :] if moment is not None), take.ended or now)
        seconds = _short(end - start) if start is not None else ""
        state = "done" if number < at else "now" if number == at else "todo"
        words = f"{done}{seconds}" if number < at else doing
        items.append(f'<li class="mnb-{state}">{escape(words)}</li>')
    return f'<ol class="mnb-steps">{"".join(items)}</ol>'


def _short(seconds: float) -> str:
    return f" {seconds:.0f} s" if seconds >= 1 else ""


def song_details(song: Song, take: Take | None, now: float) -> str:
    """How long a finished song took; its steps, its seed and its ids for those who ask."""
    after = "" if take is None or take.picked_up or not take.ended else f"Ready{_after(take.ended - take.began)}"
    seed = "" if song.seed is None else f'<div class="mnb-line">Seed <code>{song.seed}</code></div>'
    steps = steps_list(take, now) if take and take.steps else ""
    details = f"<details><summary>Details</summary>{steps}{seed}{song_id(song)}</details>"
    return line(after) + details


def _after(seconds: float) -> str:
    return f" after {seconds:.0f} s" if seconds >= 1 else " at once"


def clock_lines(take: Take, now: float, wall: float) -> str:
    """A bar, and how long it has taken against how long it usually takes; the page counts on from there.

    Parameters
    ----------
    take : Take
    now, wall : float
        The same moment by `time.monotonic` and by `time.time`, in seconds.
    """
    elapsed, usual = max(0.0, now - take.began), take.usual_seconds
    # Nobody can say what is usual before there were a few songs.
    late = ", longer than usual" if take.usual else ""
    bar = f'<div class="mnb-component-fill" style="width:{100 * share(elapsed, usual):.1f}%"></div>'
    return (
        f'<div class="mnb-clock" data-began="{wall - elapsed:.3f}" data-usual="{usual:.1f}" data-late="{late}">'
        f'<div class="mnb-component-bar" aria-hidden="true">{bar}</div>{_timing(take, elapsed, late)}</div>'
    )


def _timing(take: Take, elapsed: float, late: str) -> str:
    if take.status is Status.UNKNOWN:
        return line(_LOST)
    seconds = f'<span class="mnb-elapsed">{clock(elapsed)}</span>'
    if take.picked_up and take.song:
        when = f"{take.song.created.astimezone():%d %b, %H:%M}" if elapsed >= _LONG_AGO else f"{seconds} ago"
        return f'<div class="mnb-line mnb-quiet">From before, picked up · requested {when}</div>'
    if take.song and take.song.place:
        return f'<div class="mnb-line mnb-quiet">{seconds} · <span class="mnb-place">{take.song.place}</span></div>'
    usual = f" of about {clock(take.usual_seconds)}" if elapsed <= take.usual_seconds else late
    return f'<div class="mnb-line mnb-quiet">{seconds}<span class="mnb-usual">{usual}</span></div>'


def progress_title(take: Take) -> str:
    """Which song a progress row is about, and its id once there is one."""
    title = take.song.title if take.song else take.title
    identity = song_id(take.song)
    details = f"<details><summary>Details</summary>{identity}</details>" if identity else ""
    return f'<div class="mnb-progress-title"><strong>{escape(title)}</strong>{details}</div>'


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


def progress_words(take: Take, now: float, wall: float) -> str:
    """What a progress row says below its steps; see `clock_lines`."""
    if take.invalid_field:
        return line(f"Nothing was sent: see the {take.invalid_field} above.")
    if take.error:
        return error_box(take.error, take.song)
    return stopped_line(take) if take.stopped else clock_lines(take, now, wall)


def sharing_line(way: Way) -> str:
    """What sharing a file means, before it is done; or what has to be done first."""
    return line(way.question) + line(way.needs, "warn")


def stopped_line(take: Take) -> str:
    """What is said when the person stopped waiting."""
    charged = "" if take.rehearsal else " and charged"
    return line(f"Stopped waiting. The song may still be made{charged}. It is in your library and will be picked up.")


def error_box(error: MusicError, song: Song | None = None) -> str:
    """What happened, whether money was spent, what to do, and the ids to ask about."""
    details = f"<details><summary>Details</summary>{_details(error, song)}</details>"
    # A key that was typed into the studio is changed there.
    do = "Type another key above, or rehearse." if isinstance(error, Unauthorized) else error.do
    return (
        f'<div class="mnb-error" role="alert"><strong>{escape(error.what)}</strong>'
        f"<p>{escape(error.money)} {escape(do)}</p>{details}</div>"
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
        return f"{title}: stopped waiting."
    if take.done:
        return f"{title} is ready."
    doing = {step: doing for step, doing, _ in STEPS}.get(take.step, _LOST)
    return f"{title}: {doing}."


def song_head(song: Song) -> str:
    """Title and facts of a finished song, and what the band has to say about it."""
    return f'<div class="mnb-title">{escape(song.title)}</div>{_facts(song.facts)}{line(" ".join(song.notes))}'


def _facts(facts: str) -> str:
    """Facts as one line, which wraps between them only; the seed is among the details."""
    told = [fact for fact in facts.split(" · ") if not fact.startswith("seed ")]
    spans = " · ".join(f'<span class="mnb-fact">{escape(fact)}</span>' for fact in told)
    return f'<div class="mnb-line mnb-quiet">{spans}</div>'


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
    note = f'<div class="mnb-line mnb-take-note">{escape(song.note)}</div>' if song.note else ""
    return f'<div class="mnb-take-title">{escape(song.title)}</div>{_facts(facts)}{note}'


def shelf_head(title: str) -> str:
    """The head of a part of the list of takes."""
    return f'<div class="mnb-shelf-head" role="heading" aria-level="4">{escape(title)}</div>'


def takes_line(state: StudioState) -> str:
    """What is said in place of takes."""
    if not state.most_listed or state.shown:
        return ""
    if not state.library:
        return line("Every song you make is kept here, also when the notebook is closed.")
    if state.search.strip():
        return line("No take has these words.")
    return line("No favourites yet: press the star beside a take.")


def export_words(state: StudioState) -> str:
    """What the button that exports says it does."""
    number = len(state.chosen)
    if state.search.strip():
        return f"Export {count(number, 'take')} found"
    return f"Export {count(number, 'favourite')}" if number else "Export favourites"


def exported_line(number: int, folder: str) -> str:
    """Where songs were exported to."""
    there = "One song is" if number == 1 else f"{number} songs are"
    return f"{there} in the folder “{folder}” beside the notebook. Open its index.html, or hand the folder in."


def deleted_row(song: Song, *, erased: bool) -> str:
    """The same, once it was deleted."""
    if erased:
        return line(f"“{song.title}” is deleted for good.")
    return line(f"“{song.title}” is off the list. Its file stays in the library until it is deleted for good.")


def side_name(side: Side) -> str:
    """What to call a sound that is compared; takes of the same words differ in when they were made."""
    if side.reference:
        return f"the reference of “{side.song.title}”"
    return f"“{side.song.title}”, made {side.song.created.astimezone():%H:%M:%S}"


def sides_line(a: Side | None, b: Side | None, *, can_play: bool) -> str:
    """What is still to be chosen before two sounds can be compared, or that they cannot be here."""
    chosen = a or b
    if a and b:
        return "" if can_play else line("This page cannot play two takes in step: press Play at one after the other.")
    if chosen is None:
        return ""
    letters = "AB" if a else "BA"
    return line(f"{letters[0]} is {side_name(chosen)}. Press {letters[1]} at another take to hear them side by side.")


def link_to_keys() -> str:
    """Where keys are made, as a link."""
    return '<a href="https://aimlapi.com/app/keys" target="_blank" rel="noopener">aimlapi.com/app/keys</a>'


def picked_up_line(takes: Iterable[Take]) -> str:
    """How many songs from before are being picked up; empty when none is."""
    number = sum(take.picked_up and take.shown and take.ended is None for take in takes)
    many = "One song from before is" if number == 1 else f"{number} songs from before are"
    return line(f"{many} being picked up.") if number else ""


def ready_line(song: Song | None) -> str:
    """That a song got ready while another was being listened to."""
    return line(f"“{song.title}” is ready.", "good") if song else ""
