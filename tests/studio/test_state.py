"""The values of the studio and how they are drawn; no widget, no service."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from minimax_nb import Song, Status
from minimax_nb.api.key import Key
from minimax_nb.audio.timeline import read_timeline
from minimax_nb.catalogue import find_model
from minimax_nb.errors import Spent
from minimax_nb.library.budget import Budget, Spending
from minimax_nb.settings import Account, Settings
from minimax_nb.song import SongRequest
from minimax_nb.studio import html as drawing
from minimax_nb.studio.runner import with_money
from minimax_nb.studio.state import (
    LyricsState,
    ReferenceState,
    ServiceState,
    Store,
    StudioState,
    measure_lyrics,
    missing,
)
from minimax_nb.studio.take import Take
from tests.studio.hand import LYRICS

SUNG = {"lines": [[["Side ", 1.0, 1.5], ["by", 1.5, 2.0]], [["la", 3, 4]]], "notes": ["This was hummed."]}
MOMENT = datetime(2026, 8, 1, 12, 0, 7, tzinfo=UTC)


def a_song(name: str = "r", status: Status = Status.COMPLETED) -> Song:
    return Song(name, status, MOMENT, id=name, rehearsal=True, request=SongRequest("m", f"Song {name}", "", ""))


# The store


def test_a_view_that_is_slow_holds_nobody_up_and_sees_the_latest() -> None:
    entered, leave = threading.Event(), threading.Event()
    slow: list[int] = []
    quick: list[int] = []

    def show_slowly(state: StudioState) -> None:
        slow.append(state.most_listed)
        if state.most_listed == 1:
            entered.set()
            assert leave.wait(20)

    store = Store()
    store.show_to(lambda state: quick.append(state.most_listed), show_slowly)

    def count(number: int) -> None:
        store.change(lambda state: replace(state, most_listed=number))

    thread = threading.Thread(target=count, args=(1,))
    thread.start()
    assert entered.wait(20)
    for number in (2, 3, 4):
        count(number)
    assert quick == [0, 1, 2, 3, 4]
    assert slow == [0, 1]
    leave.set()
    thread.join(20)
    assert slow == [0, 1, 4]


def test_a_view_that_fails_is_shown_the_next_change() -> None:
    shown: list[int] = []

    def show(state: StudioState) -> None:
        shown.append(state.most_listed)
        if state.most_listed == 1:
            raise KeyboardInterrupt

    store = Store()
    store.show_to(show)
    with pytest.raises(KeyboardInterrupt):
        store.change(lambda state: replace(state, most_listed=1))
    store.change(lambda state: replace(state, most_listed=2))
    assert shown == [0, 1, 2]


def test_nobody_is_shown_anything_under_the_lock() -> None:
    free: list[bool] = []
    store = Store()

    def take_the_lock() -> None:
        free.append(store.lock.acquire(timeout=5))
        store.lock.release()

    def show(_: StudioState) -> None:
        thread = threading.Thread(target=take_the_lock)
        thread.start()
        thread.join()

    store.show_to(show)
    assert free == [True]


# Which song is in the player


def with_takes(*numbers: int) -> StudioState:
    state = StudioState()
    for number in numbers:
        state = state.begun(Take(number, True, ((Status.SENDING, 0.0),)))
    return state


def made(state: StudioState, number: int, *, playing: bool = False) -> StudioState:
    return state.changed(number, lambda take: take.moved(a_song(str(number)), 1.0), playing=playing)


def test_the_song_that_gets_ready_is_in_the_player() -> None:
    state = made(with_takes(1), 1)
    assert (state.playing, state.waiting) == (a_song("1"), None)


def test_an_earlier_song_plays_until_the_later_one_is_ready_and_not_after_it() -> None:
    state = made(with_takes(1, 2), 1)
    assert state.playing == a_song("1")
    assert made(state, 2).playing == a_song("2")
    state = made(made(with_takes(1, 2), 2), 1)
    assert (state.playing, state.waiting) == (a_song("2"), a_song("1"))


def test_a_song_that_is_listened_to_stays() -> None:
    state = made(made(with_takes(1, 2), 1), 2, playing=True)
    assert (state.playing, state.waiting) == (a_song("1"), a_song("2"))
    assert state.played(a_song("2")).waiting is None


def test_a_song_of_the_library_stays_in_the_player() -> None:
    state = made(with_takes(1).played(a_song("old")), 1)
    assert (state.playing, state.waiting, state.song) == (a_song("old"), a_song("1"), a_song("old"))


# The lyrics


@pytest.mark.parametrize(
    ("lyrics", "measured"),
    [
        ("", LyricsState(0, 600)),
        ("  \n", LyricsState(0, 600)),
        (LYRICS, LyricsState(71, 600, 2, 1)),
        ("## a\n\n\n\nb ##", LyricsState(8, 600, 2, 1)),
    ],
)
def test_what_is_sent_is_counted(lyrics: str, measured: LyricsState) -> None:
    assert measure_lyrics(lyrics, accompaniment=True) == measured


def test_the_meter_counts_an_emoji_as_two_as_the_service_may() -> None:
    assert measure_lyrics("🎵🎵 la", accompaniment=True).used == 4 + 4 + 3
    assert "Shorten them by 1" in measure_lyrics("x" * 595 + "🎵", accompaniment=True).problem


def test_without_accompaniment_fewer_characters_are_sent() -> None:
    assert measure_lyrics("la", accompaniment=False).used == 2


@pytest.mark.parametrize(
    ("lyrics", "words"), [("a" * 597, "Shorten them by 1"), ("##", "no words"), ("…", "no words")]
)
def test_what_does_not_fit_is_said(lyrics: str, words: str) -> None:
    assert words in measure_lyrics(lyrics, accompaniment=True).problem


@pytest.mark.parametrize(("length", "words"), [(300, ""), (396, "end at about a minute"), (700, "")])
def test_long_lyrics_get_advice(length: int, words: str) -> None:
    measured = measure_lyrics("a" * length, accompaniment=True)
    assert words in measured.advice
    assert bool(words) == bool(measured.advice)
    assert measured.seconds == pytest.approx((length + 4) / 10)


def test_a_model_of_longer_songs_gets_no_such_advice() -> None:
    model = find_model("minimax/music-2.0")
    measured = measure_lyrics("a" * 396, accompaniment=False, model=model, options={"style": "slow folk song"})
    assert measured.ready
    assert measured.advice == ""


def test_nothing_is_missing_when_all_is_there() -> None:
    for reference in (ReferenceState("x.wav", "x.wav"), ReferenceState(doing="x")):
        assert missing(StudioState(reference=reference, lyrics=LyricsState(10, 600, 1))) == ""


@pytest.mark.parametrize(
    ("model", "lyrics", "options", "words"),
    [
        ("minimax-music", "", {}, "Add a reference and some lyrics to begin."),
        ("minimax/music-2.6", "", {}, "Add some lyrics or a style to begin."),
        ("minimax/music-2.6", "", {"write_lyrics": True}, "Add a style to begin."),
        ("minimax/music-2.6", "", {"style": "calm piano"}, ""),
        ("minimax/music-1.5", "", {}, "Add some lyrics and a style to begin."),
        ("minimax/music-cover", "", {}, "Add a reference and a style to begin."),
        ("google/lyria2", "", {}, "Add a style to begin."),
        ("stable-audio", "", {"style": "rain", "seconds": 99}, "The settings are not right yet, see above."),
    ],
)
def test_each_model_says_what_it_still_needs(model: str, lyrics: str, options: dict[str, Any], words: str) -> None:
    row = find_model(model)
    measured = measure_lyrics(lyrics, accompaniment=row.marks_accompaniment, model=row, options=options)
    assert missing(StudioState(model=row, lyrics=measured)) == words


# Words and pictures


@pytest.mark.parametrize(
    ("amount", "text"), [(0.035, "$0.035"), (12.5, "$12.50"), (3, "$3.00"), (0.0, "$0.00"), (1234.56, "$1,234.56")]
)
def test_money_is_written_as_people_write_it(amount: float, text: str) -> None:
    assert drawing.money(amount) == text


def test_what_was_spent_is_said_beside_the_price() -> None:
    paid = [replace(a_song(name), rehearsal=False, cost_usd=0.035) for name in ("1", "2")]
    state = with_takes(1, 2)
    for number, song in enumerate(paid, start=1):
        state = state.changed(number, lambda take, song=song: take.moved(song, 1.0))  # type: ignore[misc]
    service = ServiceState(Settings(Key("a-key-of-sixteen"), rehearse=False), Account(0.035, 4.93))
    line = drawing.service_line(service, state.spent)
    assert "key ending …teen · $0.035 a song · $0.07 spent here · $4.93 left" in line


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(usd=2), "Budget: $0.40 of $2.00 left"),
        (Budget(songs=5), "Budget: 1 of 5 songs left"),
        (Budget(usd=1, songs=1), "Budget: $0.00 of $1.00 and 0 of 1 song left"),
    ],
)
def test_what_is_left_of_a_budget(budget: Budget, words: str) -> None:
    assert drawing.budget_words(budget, Spending(1.6, 4)) == words


def test_a_price_nobody_knows() -> None:
    assert "Spends credits" in drawing.hint_line("", Account(), 0.0, rehearsal=False)


def test_what_only_some_want_to_know_is_among_the_details() -> None:
    song = replace(a_song(), duration=60.0)
    assert "seed" not in drawing.song_head(song)
    details = drawing.song_details(song, None, 0.0)
    assert details.startswith("<details>")
    assert f"Seed <code>{song.seed}</code>" in details
    assert "Copy id" in details


def test_the_marks_are_explained_where_they_are_counted() -> None:
    told = drawing.lyrics_line(measure_lyrics("la", accompaniment=True))
    assert "6 of 600 characters, 4 of them for the accompaniment" in told
    assert "accompaniment" not in drawing.lyrics_line(measure_lyrics("la", accompaniment=False))


def test_the_id_is_shown_for_copying() -> None:
    song = Song("r", Status.QUEUED, MOMENT, id="<id>", rehearsal=True)
    title = drawing.progress_title(Take(1, True, ((Status.QUEUED, 0.0),), song))
    assert "<code>&lt;id&gt;</code>" in title
    assert "Copy id" in title


def test_takes_of_the_same_minute_differ() -> None:
    first, second = (
        Song("r", Status.COMPLETED, MOMENT + timedelta(seconds=seconds), duration=60.0) for seconds in (0, 1)
    )
    assert ":07</span>" in drawing.take_row(first)
    assert ":08</span>" in drawing.take_row(second)


@pytest.mark.parametrize(("pauses", "syllables"), [([], [2, 1]), ([1], [2, 0, 1])])
def test_words_have_their_times(pauses: list[int], syllables: list[int]) -> None:
    timeline = read_timeline({**SUNG, "pauses": pauses})
    song = Song("r", Status.COMPLETED, MOMENT, timeline=timeline)
    assert [len(line) for line in drawing.timed_lines(song)] == syllables
    assert drawing.timed_lines(replace(song, timeline=None)) == []


def test_an_unexpected_exception_says_whether_money_was_spent() -> None:
    hosted, free = (Take(1, rehearsal, ((Status.SENDING, 0.0),)) for rehearsal in (False, True))
    assert with_money(ZeroDivisionError(), hosted).spent is Spent.MAYBE
    assert with_money(ZeroDivisionError(), free).spent is Spent.NO
    assert with_money(ZeroDivisionError()).spent is Spent.NO


def test_steps_tell_what_is_done() -> None:
    take = Take(1, True, ((Status.SENDING, 0.0),))
    assert '<li class="mnb-now">Sending' in drawing.steps_list(take, 1.0)
    sent = take.sent(0.3)
    assert sent.sent(0.4) == sent
    song = Song("r", Status.QUEUED, MOMENT, id="id", rehearsal=True)
    queued = drawing.steps_list(sent.moved(song, 5.5), 6.0)
    assert all(words in queued for words in ("Reference sent</li>", "Submitted 5 s", '"mnb-now">In the queue'))
    assert '"mnb-now">Submitting' in drawing.steps_list(sent.moved(replace(song, status=Status.UNKNOWN), 0.5), 1.0)


def test_the_seconds_are_given_to_the_page_which_counts_on() -> None:
    take = Take(1, True, ((Status.SENDING, 0.0),), usual=10.0)
    lines = drawing.clock_lines(take, 7.5, 1000.0)
    assert 'data-began="992.500" data-usual="10.0"' in lines
    assert '<span class="mnb-elapsed">0:07</span><span class="mnb-usual"> of about 0:10</span>' in lines
    assert '<span class="mnb-usual">, longer than usual</span>' in drawing.clock_lines(take, 11.0, 1000.0)
    unknown = drawing.clock_lines(replace(take, usual=0.0), 11.0, 1000.0)
    assert "longer than usual" not in unknown, "nobody knows what is usual yet"


def test_a_song_from_before_says_when_it_was_asked_for() -> None:
    song = Song("r", Status.QUEUED, MOMENT, id="id", rehearsal=True)
    before = Take(1, True, (), song, requested=-100.0)
    assert 'requested <span class="mnb-elapsed">1:47</span> ago' in drawing.clock_lines(before, 7.5, 1000.0)
    assert "ago" not in drawing.clock_lines(before, 7200.0, 1000.0)


def test_a_hosted_song_that_is_left_may_be_charged() -> None:
    assert "and charged" in drawing.stopped_line(Take(1, False, ((Status.QUEUED, 0.0),)))
    assert "charged" not in drawing.stopped_line(Take(1, True, ((Status.QUEUED, 0.0),)))
