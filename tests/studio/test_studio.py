"""The studio without a page: a real service, a real library, clicks by program."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ipywidgets as widgets
import pytest

from minimax_nb import MusicStudio, Session, Song, Status
from minimax_nb.audio.timeline import read_timeline
from minimax_nb.errors import GenerationFailed, InvalidReference, MusicError, NoCredits, Refused, Spent, WaitTimeout
from minimax_nb.song import SongRequest
from minimax_nb.studio.components import KeyField, Listener, Words
from minimax_nb.studio.state import FIRST
from minimax_nb.studio.studio import ONE_CLICK
from tests.studio.hand import LYRICS, Hand, PageEnd, shown_widgets
from tests.support import until
from tests.support.service import Running, audio_bytes, running_service
from tests.support.tunnel import eventually, put_on_path

SUNG = {"lines": [[["Side ", 1.0, 1.5], ["by", 1.5, 2.0]], [["la", 3, 4]]], "notes": ["This was hummed."]}


def another_click(hand: Hand) -> None:
    """Press the button again, late enough to mean it."""
    time.sleep(ONE_CLICK)
    hand.generate()


# A song


def test_a_click_makes_a_song(service: Running, ready: Hand) -> None:
    seen = []
    ready.studio.observe(lambda change: seen.append(change["new"].status), "song")
    ready.generate()
    song = ready.finish()
    assert song.status is Status.COMPLETED
    assert song.request is not None
    assert song.request.prompt == f"##{LYRICS}##"
    assert song.request.reference == "tone.wav, 0:16"
    assert ready.studio.song == song
    assert ready.studio.error is None
    assert seen[-1] is Status.COMPLETED
    assert ready.playing == song.audio
    assert Session().journal.get(song.request_id) == song


def test_result_belongs_to_the_latest_click_on_any_loop(service: Running, ready: Hand) -> None:
    ready.generate()
    first = asyncio.run(ready.studio.result(20))
    another_click(ready)
    second = asyncio.run(ready.studio.result(20))
    assert first.id != second.id
    assert ready.studio.song == second


def test_result_waits_for_the_first_click(service: Running, ready: Hand) -> None:
    with pytest.raises(WaitTimeout, match="Press “Generate song”") as caught:
        ready.studio.wait(0.2)
    assert caught.value.spent is Spent.NO

    async def cell() -> Song:
        waiting = asyncio.ensure_future(ready.studio.result(20))
        await asyncio.sleep(0)
        ready.generate()
        return await waiting

    assert asyncio.run(cell()).status is Status.COMPLETED


def test_a_double_click_is_one_song_and_so_is_a_key_held_down(home: Path, ready: Hand) -> None:
    with running_service(home, seconds=1) as service:
        began = time.monotonic()
        while time.monotonic() - began < 1.5 * ONE_CLICK:
            ready.generate()
        ready.finish()
        assert len(service.jobs()) == 1


def test_several_songs_are_made_at_once(home: Path, ready: Hand) -> None:
    with running_service(home, seconds=4) as service:
        ready.generate()
        ready.write("Rain on the window")
        ready.generate()  # at once: something else is asked for
        until(lambda: len(ready.studio.songs) == 2)
        assert [song.title for song in ready.studio.songs] == [
            "Rain on the window",
            "Side by side, through thick and thin",
        ]
        assert len(ready.buttons("Stop waiting")) == 2
        second = ready.finish()
        assert second.title == "Rain on the window"
        assert ready.studio.song == second
        until(lambda: all(song.status is Status.COMPLETED for song in ready.studio.songs))
        until(lambda: not ready.buttons("Stop waiting"))
        assert len(service.jobs()) == 2


def test_a_callback_gets_the_song_and_what_it_raises_is_seen(service: Running, ready: Hand) -> None:
    given: list[Song] = []

    def broken(song: Song) -> None:
        raise ZeroDivisionError("<oh>")

    ready.studio.on_song(broken)
    ready.studio.on_song(given.append)
    ready.generate()
    song = ready.finish()
    assert given == [song]
    ready.sees("<oh>")
    assert "&lt;oh&gt;" in ready.html
    assert ready.studio.error is None


@pytest.mark.parametrize("kind", ["callback", "observer"])
def test_a_slow_callback_hangs_nothing(service: Running, ready: Hand, kind: str) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            entered.set()
            assert leave.wait(30)

    if kind == "callback":
        ready.studio.on_song(slow)
    else:
        ready.studio.observe(slow, "song")
    ready.generate()
    assert entered.wait(20)
    try:
        began = time.monotonic()
        ready.write("Something else")
        ready.sees("18 of 600 characters, 4 of them for the accompaniment · 1 line")
        ready.press("Show the exact prompt")
        ready.sees("##Something else##")
        assert time.monotonic() - began < 5
    finally:
        leave.set()
    assert ready.finish().status is Status.COMPLETED


def test_a_reference_given_from_code(service: Running, tmp_path: Path) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(audio_bytes(16, kind="WAV"))
    hand = Hand(MusicStudio(LYRICS, path, Session(rehearse=True)))
    assert "mine.wav" in hand.words
    hand.generate()
    assert hand.finish().status is Status.COMPLETED


def test_a_click_while_the_reference_is_read_is_not_lost(service: Running, tmp_path: Path) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(audio_bytes(90, kind="WAV"))
    hand = Hand(MusicStudio(LYRICS, path, Session(rehearse=True)))
    hand.show()
    assert "mine.wav…" in hand.words
    hand.generate()
    song = hand.finish()
    assert song.status is Status.COMPLETED
    assert song.request is not None
    assert song.request.reference.startswith("mine.wav, 1:30")


@pytest.mark.parametrize("kind", ["path", "bytes"])
def test_a_reference_given_from_code_is_seen_when_the_studio_is_shown(kind: str, tmp_path: Path) -> None:
    content = audio_bytes(16, kind="WAV")
    (tmp_path / "mine.wav").write_bytes(content)
    hand = Hand(MusicStudio(LYRICS, content if kind == "bytes" else tmp_path / "mine.wav", Session(rehearse=True)))
    hand.show()
    hand.sees(", 0:16")
    until(lambda: hand.wave.duration)


def test_threads_write_to_no_cell(service: Running, ready: Hand, capfd: pytest.CaptureFixture[str]) -> None:
    ready.generate()
    ready.finish()
    assert capfd.readouterr() == ("", "")


def test_a_song_takes_one_thread(home: Path, ready: Hand) -> None:
    with running_service(home, seconds=2):
        ready.generate()
        until(lambda: ready.studio.songs)
        ours = [each for each in threading.enumerate() if each.name == "minimax_nb studio"]
        assert len(ours) == 1
        ready.finish()
        until(lambda: not [each for each in threading.enumerate() if each.name == "minimax_nb studio"])


def test_a_finished_song_is_saved_beside_the_notebook(
    service: Running, ready: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ready.generate()
    song = ready.finish()
    ready.press("Save beside the notebook")
    assert [path.read_bytes() for path in tmp_path.glob("*.mp3")] == [song.audio]
    assert "thin.mp3” beside the notebook." in ready.words


def test_a_finished_song_travels_to_the_page_once(service: Running, ready: Hand) -> None:
    player = PageEnd(ready.player)
    player.say({"type": "hello"})
    ready.generate()
    song = ready.finish()
    assert [len(bytes(buffer)) for buffers in player.buffers for buffer in buffers] == [len(song.audio or b"")]
    assert player.sent[-1]["name"] == "Side by side, through thick and thin.mp3"
    assert "data:" not in ready.html
    player.say({"type": "hello"})
    assert player.buffers[-1] == [song.audio], "a page that was opened later gets it too"


def test_a_song_that_gets_ready_does_not_cut_off_the_one_that_plays(service: Running, ready: Hand) -> None:
    page = PageEnd(ready.player)
    page.say({"type": "hello"})
    ready.generate()
    first = ready.finish()
    ready.player.set_state({"playing": True})
    ready.write("Something else")
    ready.generate()
    second = ready.finish()
    assert ready.studio.song == second
    ready.sees("“Something else” is ready.")
    assert first.id in ready.html
    assert page.buffers[-1] == [first.audio]
    ready.press("Play it")
    assert page.buffers[-1] == [second.audio]
    assert page.sent[-1]["play"]
    assert "“Something else” is ready." not in ready.words


# What is not right


def test_the_form_says_what_is_missing(hand: Hand) -> None:
    assert "Add a reference and some lyrics to begin." in hand.words
    assert hand.button("Generate song").disabled
    hand.write(LYRICS)
    assert "Add a reference to begin." in hand.words
    hand.upload(audio_bytes(16, kind="WAV"))
    hand.sees("Free")
    assert not hand.button("Generate song").disabled
    hand.write("la " * 250)
    assert "The lyrics are not right yet" in hand.words
    assert "Shorten them by" in hand.words


def test_a_bad_reference_from_code_ends_under_the_field(service: Running) -> None:
    hand = Hand(MusicStudio(LYRICS, "/nowhere/song.wav", Session(rehearse=True)))
    hand.generate()
    with pytest.raises(InvalidReference):
        hand.finish()
    assert "There is no file" in hand.words
    assert "Nothing was sent: see the reference above." in hand.words
    assert hand.lyrics.value == LYRICS


# What the service does


def test_an_error_is_shown_and_the_form_kept(service: Running, ready: Hand) -> None:
    service.commit({"fault": "no_credits", "call": "submit", "times": 1})
    ready.generate()
    with pytest.raises(NoCredits):
        ready.finish()
    assert isinstance(ready.studio.error, NoCredits)
    assert "Nothing was spent." in ready.words
    assert ready.lyrics.value == LYRICS
    ready.press("Try again")
    assert ready.finish().status is Status.COMPLETED
    assert ready.studio.error is None
    assert not ready.buttons("Try again")


def test_trying_again_twice_is_one_song(service: Running, ready: Hand) -> None:
    service.commit({"fault": "no_credits", "call": "submit", "times": 1})
    ready.generate()
    with pytest.raises(NoCredits):
        ready.finish()
    again = ready.button("Try again")
    again.click()
    again.click()
    ready.finish()
    assert len(service.jobs()) == 1


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(service: Running, ready: Hand) -> None:
    service.commit({"fault": "drop_after", "call": "submit", "times": 1})
    ready.generate()
    assert ready.finish().status is Status.COMPLETED
    assert len(service.jobs()) == 1


def test_an_answer_that_was_never_given(service: Running, ready: Hand) -> None:
    service.commit({"fault": "bad_gateway", "call": "submit", "times": 1})
    ready.generate()
    with pytest.raises(GenerationFailed, match="Nothing was spent"):
        ready.finish()
    ready.press("Try again")
    assert ready.finish().status is Status.COMPLETED


def test_a_service_that_takes_no_files_says_how_to_go_on(service: Running, ready: Hand) -> None:
    service.commit({"fault": "data_refused"})
    ready.generate()
    with pytest.raises(Refused):
        ready.finish()
    ready.sees("Nothing was spent.", "The service wants a link.")
    ready.press("Give a link")
    assert not ready.buttons("Give a link")


def test_a_file_is_shared_through_a_tunnel_after_the_person_agreed(
    service: Running, ready: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloudflared = put_on_path(tmp_path / "bin", monkeypatch)
    service.commit({"fault": "data_refused", "call": "submit"})
    ready.generate()
    with pytest.raises(Refused):
        ready.finish()
    ready.sees("Share this one file through a temporary public address?")
    assert cloudflared.ran == 0
    ready.press("Share this one file")
    assert ready.finish().status is Status.COMPLETED
    assert cloudflared.ran == 1
    assert "files are sent through a temporary public address" in ready.words
    assert eventually(lambda: not cloudflared.processes)
    assert len(service.jobs()) == 1


def test_a_song_that_fails(service: Running, ready: Hand) -> None:
    service.commit({"fault": "error_status"})
    ready.generate()
    with pytest.raises(GenerationFailed):
        ready.finish()
    assert ready.studio.song is not None
    assert ready.studio.song.status is Status.FAILED


def test_nobody_has_to_wait(home: Path, ready: Hand) -> None:
    with running_service(home, seconds=2) as service:
        ready.generate()
        until(lambda: ready.studio.song)
        ready.press("Stop waiting")
        with pytest.raises(WaitTimeout, match="Stopped waiting"):
            ready.finish()
        assert "may still be made. It is in your library and will be picked up." in ready.words
        ready.press("Wait again")
        assert ready.finish().status is Status.COMPLETED
        assert len(service.jobs()) == 1


def test_a_surprise_ends_in_the_box(ready: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Song:
        raise ZeroDivisionError("<oh>")

    monkeypatch.setattr(Session, "submit", broken)
    ready.generate()
    with pytest.raises(MusicError, match="unexpected"):
        ready.finish()
    assert "&lt;oh&gt;" in ready.html


def test_what_cannot_be_saved_is_said_beside_the_song(
    service: Running, ready: Hand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ready.generate()
    song = ready.finish()
    assert song.path is not None
    playing = ready.playing
    song.path.unlink()
    monkeypatch.chdir(tmp_path)
    ready.press("Save beside the notebook")
    assert "cannot be written" in ready.words
    assert ready.playing == playing


# What was before


def left_open(service: Running) -> Song:
    """A song whose kernel ended while it was made."""
    return Session(rehearse=True).submit(LYRICS, audio_bytes(16))


def test_what_an_earlier_kernel_left_open_is_picked_up(home: Path) -> None:
    with running_service(home, seconds=2) as service:
        song = left_open(service)
        hand = Hand(MusicStudio(session=Session(rehearse=True)))
        assert hand.studio.songs == ()
        hand.show()
        assert "One song from before is being picked up." in hand.words
        assert "requested 0:0" in hand.words
        hand.show()
        assert len(hand.buttons("Stop waiting")) == 1
        finished = hand.finish()
        assert finished.id == song.id
        assert hand.playing == finished.audio
        assert len(hand.takes) == 1
        assert len(service.jobs()) == 1
        assert "being picked up" not in hand.words


def test_a_song_of_a_service_without_a_key_is_left_alone(service: Running) -> None:
    session = Session(api_key=service.address.key, base_url=service.address.base_url)
    song = session.submit(LYRICS, audio_bytes(16))
    hand = Hand(MusicStudio(session=Session(base_url=service.address.base_url, rehearse=False)))
    hand.show()
    assert not hand.buttons("Stop waiting")
    give_key(hand, service.address.key)
    assert hand.finish().id == song.id


def give_key(hand: Hand, key: str) -> None:
    """Type a key into the field for it."""
    if hand.buttons("Rehearse instead"):
        hand.press("Rehearse instead")
    hand.press("Use my key")
    PageEnd(hand.the(KeyField)).say({"type": "key", "value": key})


def test_an_answer_that_was_lost_long_ago_is_not_looked_for_at_every_start(service: Running) -> None:
    session = Session(rehearse=True)
    song = left_open(service)
    long_ago = datetime.now(UTC) - timedelta(days=3)
    session.journal.add(replace(song, request_id="old", id="", status=Status.UNKNOWN, created=long_ago))
    hand = Hand(MusicStudio(session=session))
    hand.show()
    assert hand.finish().id == song.id
    assert len(hand.studio.songs) == 1


# The takes


def library(session: Session, number: int, **more: object) -> list[Song]:
    """Finished songs, oldest first."""
    folder = session.journal.home / "songs"
    folder.mkdir(parents=True)
    (folder / "x.mp3").write_bytes(audio_bytes(2))
    song = Song("", Status.COMPLETED, datetime.now(UTC), rehearsal=True, path=folder / "x.mp3", duration=2.0)
    moments = [song.created + timedelta(minutes=minute) for minute in range(number)]
    requests = [SongRequest("minimax-music", f"Song {minute}", "", "") for minute in range(number)]
    return [
        session.journal.add(
            replace(song, request_id=f"r{minute}", id=f"g{minute}", created=moment, request=requests[minute], **more)
        )
        for minute, moment in enumerate(moments)
    ]


def test_the_library_is_listed_newest_first_and_more_on_demand() -> None:
    session = Session(rehearse=True)
    titles = [song.title for song in library(session, FIRST + 3)]
    hand = Hand(MusicStudio(session=session))
    hand.show()
    assert [take.split(" 0:02")[0] for take in hand.takes] == titles[: -FIRST - 1 : -1]
    hand.press("More")
    assert [take.split(" 0:02")[0] for take in hand.takes] == titles[::-1]
    assert not hand.buttons("More")


def test_a_take_is_played_and_deleted_and_brought_back() -> None:
    session = Session(rehearse=True)
    old, new = library(session, 2)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    player = PageEnd(hand.player)
    player.say({"type": "hello"})
    hand.press("Play", 1)
    assert hand.studio.song == old
    assert hand.studio.songs == ()
    assert player.sent[-1]["play"]
    assert player.buffers[-1] == [old.audio]
    hand.press("Play", 1)
    assert player.sent[-1] == {"type": "play"}, "it is there already"
    hand.press("Delete")
    assert session.songs() == [old]
    assert new.path is not None
    assert new.path.exists()
    assert "off the list" in hand.takes[0]
    hand.press("Undo")
    assert session.songs() == [new, old]


def test_a_take_is_deleted_for_good(tmp_path: Path) -> None:
    session = Session(rehearse=True)
    (song,) = library(session, 1)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    hand.press("Delete")
    assert "Its file stays in the library until it is deleted for good." in hand.takes[0]
    hand.press("Delete for good")
    assert song.path is not None
    assert not song.path.exists()
    assert hand.takes == ["“Song 0” is deleted for good."]
    assert not hand.buttons("Undo")
    assert session.songs() == []


def test_a_second_studio_lists_the_song_of_the_first(service: Running, ready: Hand) -> None:
    ready.show()
    second = Hand(MusicStudio(session=Session(rehearse=True)))
    second.show()
    assert second.takes == []
    ready.generate()
    ready.finish()
    until(lambda: len(second.takes) == 1)
    assert len(ready.takes) == 1


def test_it_is_never_said_that_a_song_will_appear_once_it_was_asked_for(service: Running, ready: Hand) -> None:
    texts = [each for each in shown_widgets(ready.studio) if isinstance(each, widgets.HTML)]
    (invitation,) = (each for each in texts if "will appear here" in each.value)
    ready.generate()
    shown: list[bool] = []
    invitation.observe(lambda change: shown.append("mnb-hidden" not in change["new"]), "_dom_classes")
    ready.finish()
    assert shown == []
    assert "will appear here" not in ready.words


def test_a_page_that_shows_no_widgets_gets_one_sentence(hand: Hand) -> None:
    assert repr(hand.studio) == "The studio of minimax_nb: run this cell to make a song with it."


def test_what_settings_were_taken_over_is_shown(service: Running) -> None:
    session = Session(rehearse=True)
    library(session, 1)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    page = PageEnd(hand.the(Listener))
    hand.press("Use these settings again")
    assert {"type": "show", "what": ".mnb-cards"} in page.sent


def test_settings_are_used_again(service: Running, ready: Hand) -> None:
    ready.show()
    ready.field("With accompaniment").value = False
    ready.generate()
    first = ready.finish()
    ready.write("Something else")
    ready.field("With accompaniment").value = True
    ready.link.value = "/nowhere/song.wav"
    ready.sees("There is no file")
    ready.press("Use these settings again")
    ready.sees("✓ tone.wav")
    assert ready.lyrics.value == LYRICS
    another_click(ready)
    second = ready.finish()
    assert first.request is not None
    assert second.request is not None
    assert second.request.prompt == first.request.prompt
    assert second.source == first.source


def test_what_has_no_field_is_used_again_too(service: Running) -> None:
    session = Session(rehearse=True)
    first = session.generate(LYRICS, audio_bytes(16), tempo=92, key="A minor")
    hand = Hand(MusicStudio(session=session))
    hand.show()
    hand.press("Use these settings again")
    assert "Also, when rehearsing: tempo 92, key A minor" in hand.words
    hand.generate()
    second = hand.finish()
    assert first.request is not None
    assert second.request is not None
    assert second.request.options == first.request.options
    hand.press("Leave out")
    assert "tempo 92" not in hand.words
    another_click(hand)
    third = hand.finish().request
    assert third is not None
    assert not third.options


def test_a_take_whose_file_is_gone_is_an_error_that_is_seen() -> None:
    session = Session(rehearse=True)
    (song,) = library(session, 1)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    assert song.path is not None
    song.path.unlink()
    hand.press("Play")
    assert "cannot be read" in hand.words
    hand.write(LYRICS)
    assert "2 lines" in hand.words, "the studio goes on"


def test_ones_own_songs_say_how_long_it_usually_takes() -> None:
    session = Session(rehearse=True)
    for song in library(session, 3):
        made = replace(song, request_id=song.request_id + "x", id="", status=Status.DOWNLOADING)
        made = replace(made, created=datetime.now(UTC) - timedelta(seconds=25))
        session.journal.step(session.journal.add(made), Status.COMPLETED, path=song.path)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    hand.write(LYRICS)
    hand.link.value = "https://example.org/song.mp3"
    hand.sees("usually ready in about 25 s")


def test_a_song_whose_times_are_known_lights_up_where_a_page_can_draw_that() -> None:
    session = Session(rehearse=True)
    library(session, 2, timeline=read_timeline(SUNG))
    hand = Hand(MusicStudio(session=session))
    hand.show()
    words = hand.the(Words)
    hand.press("Play")
    assert words.lines == []
    assert "This was hummed." in hand.words
    PageEnd(words).say({"type": "hello"})
    hand.press("Play", 1)
    assert len(words.lines) == 2


# Made from code


def test_making_one_asks_nobody(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def asked() -> None:
        raise AssertionError("asked for a secret")

    monkeypatch.setattr("minimax_nb.studio.cards.service.find_key", asked)
    monkeypatch.setattr("minimax_nb.settings.find_key", asked)
    MusicStudio(LYRICS, "/nowhere/song.wav")
    assert not home.exists()


def test_an_unknown_keyword_is_an_error() -> None:
    with pytest.raises(TypeError):
        MusicStudio(lyric="la")  # type: ignore[call-arg]
