"""The studio without a page: a real service, a real library, clicks by program."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from soundfile import write as write_sound

import minimax_nb.studio.cards.service as service_module
from minimax_nb import MusicStudio, Session, Song, Status
from minimax_nb.errors import GenerationFailed, InvalidReference, MusicError, NoCredits, Refused, Spent, WaitTimeout
from minimax_nb.settings import Account
from minimax_nb.song import SongRequest
from minimax_nb.studio import components as parts
from minimax_nb.studio import html as drawing
from minimax_nb.studio import samples as shelf
from minimax_nb.studio.cards.song import Strip
from minimax_nb.studio.cards.takes import FIRST
from minimax_nb.studio.cards.upload import admit_parts, received
from minimax_nb.studio.runner import Work
from minimax_nb.studio.state import Meter, Take, Track, measure, missing
from minimax_nb.timeline import read_timeline
from tests.support.service import RATE, Running, audio_bytes, running_service

LYRICS = "Side by side, through thick and thin,\n\nWith a laugh, we always win."
KEY = "a-key-of-sixteen"


def until(happened: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@dataclass
class Hand:
    """What a person does with a studio, by program."""

    studio: MusicStudio

    def upload(self, content: bytes, name: str = "tone.wav") -> None:
        file = {"name": name, "type": "audio/wav", "size": len(content), "content": memoryview(content)}
        self.studio._reference.inlet.plain.value = ({**file, "last_modified": datetime.now()},)
        until(lambda: not self.track.doing)

    def write(self, lyrics: str) -> None:
        self.studio._lyrics.text.value = lyrics

    def click(self) -> None:
        self.studio._generate.click()

    def finish(self, timeout: float = 60) -> Song:
        return self.studio.wait(timeout)

    def show(self) -> None:
        """Display it, as the last line of a cell does."""
        self.studio._repr_mimebundle_()

    def click_again(self) -> None:
        """Click once the studio takes it for another click."""
        until(lambda: not self.studio._missing())
        self.click()

    @property
    def strip(self) -> Strip:
        """The song that was asked for last and is not ready."""
        return self.studio._card.strips[0]

    @property
    def track(self) -> Track:
        return self.studio._reference.track

    @property
    def hint(self) -> str:
        return str(self.studio._hint.value)

    @property
    def words(self) -> str:
        """What the song card says."""
        strips = "".join(strip.words.value for strip in self.studio._card.strips)
        return f"{self.studio._card.notice.value}{strips}{self.studio._card.note.value}"

    @property
    def trouble(self) -> str:
        """What the error box says."""
        return str(self.studio._trouble.value)


@pytest.fixture
def service(home: Path) -> Iterator[Running]:
    with running_service(home) as running:
        yield running


@pytest.fixture
def hand() -> Hand:
    return Hand(MusicStudio(session=Session(rehearse=True)))


@pytest.fixture
def ready(hand: Hand) -> Hand:
    hand.upload(audio_bytes(16, kind="WAV"))
    hand.write(LYRICS)
    return hand


# A song


def test_a_click_makes_a_song(service: Running, ready: Hand) -> None:
    seen = []
    ready.studio.observe(lambda change: seen.append(change["new"].status), "song")
    ready.click()
    song = ready.finish()
    assert song.status is Status.COMPLETED
    assert song.request is not None
    assert song.request.prompt == f"##{LYRICS}##"
    assert song.request.reference == "tone.wav, 0:16"
    assert ready.studio.song == song
    assert ready.studio.error is None
    assert seen[-1] is Status.COMPLETED
    assert "<audio" in ready.studio._card._player.outputs[0]["data"]["text/html"]
    assert Session().journal.get(song.request_id) == song


def test_result_belongs_to_the_latest_click_on_any_loop(service: Running, ready: Hand) -> None:
    ready.click()
    first = asyncio.run(ready.studio.result(20))
    ready.click_again()
    second = asyncio.run(ready.studio.result(20))
    assert first.id != second.id
    assert ready.studio.song == second


def test_result_waits_for_the_first_click(service: Running, ready: Hand) -> None:
    with pytest.raises(WaitTimeout, match="Press Generate") as caught:
        ready.studio.wait(0.2)
    assert caught.value.spent is Spent.NO

    async def cell() -> Song:
        waiting = asyncio.ensure_future(ready.studio.result(20))
        await asyncio.sleep(0.1)
        ready.click()
        return await waiting

    assert asyncio.run(cell()).status is Status.COMPLETED


def test_a_double_click_is_one_song(home: Path, ready: Hand) -> None:
    with running_service(home, seconds=1) as service:
        ready.click()
        ready.click()
        ready.studio._make()
        assert "On its way" in ready.hint
        ready.finish()
        assert len(service.jobs()) == 1


def test_several_songs_are_under_way_at_once(home: Path, ready: Hand) -> None:
    with running_service(home, seconds=3) as service:
        ready.click()
        until(lambda: ready.studio.songs)
        ready.write("Rain on the window")
        ready.click_again()
        until(lambda: len(ready.studio.songs) == 2)
        assert [song.title for song in ready.studio.songs] == [
            "Rain on the window",
            "Side by side, through thick and thin",
        ]
        assert len(ready.studio._card.strips) == 2
        second = ready.finish()
        assert second.title == "Rain on the window"
        assert ready.studio.song == second
        until(lambda: all(song.status is Status.COMPLETED for song in ready.studio.songs))
        assert ready.studio._card.strips == ()
        assert len(service.jobs()) == 2


def test_whoever_asked_is_called_and_what_that_raises_is_seen(service: Running, ready: Hand) -> None:
    heard: list[Song] = []

    def broken(song: Song) -> None:
        raise ZeroDivisionError("<oh>")

    ready.studio.on_song(broken)
    ready.studio.on_song(heard.append)
    ready.click()
    song = ready.finish()
    assert heard == [song]
    assert "&lt;oh&gt;" in ready.trouble
    assert ready.studio.error is None


def test_a_reference_given_from_code(service: Running, tmp_path: Path) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(audio_bytes(16, kind="WAV"))
    hand = Hand(MusicStudio(LYRICS, path, Session(rehearse=True)))
    assert "mine.wav" in hand.studio._reference._note.value
    hand.click()
    assert hand.finish().status is Status.COMPLETED


def test_a_click_while_the_reference_is_looked_at_is_not_lost(service: Running, tmp_path: Path) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(audio_bytes(90, kind="WAV"))
    hand = Hand(MusicStudio(LYRICS, path, Session(rehearse=True)))
    hand.show()
    assert hand.track.doing
    hand.click()
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
    until(lambda: hand.track.sound)
    assert "0:16" in hand.track.note


def test_threads_write_to_no_cell(service: Running, ready: Hand, capfd: pytest.CaptureFixture[str]) -> None:
    ready.click()
    ready.finish()
    assert capfd.readouterr() == ("", "")


def test_a_finished_song_is_saved_beside_the_notebook(
    service: Running, ready: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ready.click()
    song = ready.finish()
    ready.studio._card.save.click()
    assert [path.read_bytes() for path in tmp_path.glob("*.mp3")] == [song.audio]
    assert "beside the notebook" in ready.words


# What is not right


def test_the_form_says_what_is_missing(hand: Hand) -> None:
    assert "Add a reference and some lyrics" in hand.hint
    assert hand.studio._generate.disabled
    hand.write(LYRICS)
    assert "Add a reference to begin" in hand.hint
    hand.upload(audio_bytes(16, kind="WAV"))
    assert "Free" in hand.hint
    assert not hand.studio._generate.disabled
    hand.write("la " * 250)
    assert "The lyrics are not right yet" in hand.hint
    assert "Shorten them by" in hand.studio._lyrics._note.value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (audio_bytes(8, kind="WAV"), "8.0 s long"),
        (b"no sound at all", "not a wav or mp3"),
        (b"", "is empty"),
        (b"\0\0\0\x20ftypM4A " + bytes(64), "an m4a or mp4 file, which cannot be read here. Export it as mp3"),
    ],
)
def test_a_reference_that_cannot_be_used_is_said_under_the_field(hand: Hand, content: bytes, words: str) -> None:
    hand.upload(content, "<b>tone</b>.wav")
    assert words in hand.studio._reference._note.value
    assert "&lt;b&gt;tone" in hand.studio._reference._note.value
    assert "<b>" not in hand.studio._reference._note.value


def test_the_latest_reference_counts_and_the_same_file_can_come_again(hand: Hand) -> None:
    good = audio_bytes(16, kind="WAV")
    hand.upload(good)
    hand.studio._reference.link.value = "/nowhere/song.wav"
    until(lambda: hand.track.problem)
    hand.upload(good)
    assert hand.track.note == "tone.wav, 0:16 · wav · −13 dB"
    assert hand.studio._reference.link.value == ""


def test_the_excerpt_that_was_chosen_is_what_is_sent(service: Running, hand: Hand) -> None:
    hand.upload(audio_bytes(90, kind="WAV"))
    hand.write(LYRICS)
    wave = hand.studio._reference.wave
    assert wave.duration == pytest.approx(90, abs=0.1)
    assert wave.end - wave.start == pytest.approx(60)
    wave.start, wave.end = 30.0, 50.0
    sound, kind = hand.studio._reference._excerpt_sound()
    assert (kind, sound[:3] == b"RIFF") == ("audio/mpeg", False)
    hand.click()
    song = hand.finish()
    assert song.request is not None
    assert song.request.reference == "tone.wav, 1:30, 0:30 to 0:50"
    assert Path(song.source).stat().st_size < 25 * 16_000


@pytest.mark.parametrize(("gain", "words"), [(8.0, "clipped"), (0.004, "very quiet")])
def test_what_could_be_better_about_a_reference_is_said(hand: Hand, tmp_path: Path, gain: float, words: str) -> None:
    tone = np.clip(gain * 0.9 * np.sin(np.arange(16 * RATE) / 20), -1, 1)
    write_sound(tmp_path / "x.wav", tone, RATE)
    hand.upload((tmp_path / "x.wav").read_bytes())
    assert words in hand.track.advice
    assert hand.track.source is not None


def test_a_file_from_the_drop_zone(hand: Hand, tmp_path: Path) -> None:
    path = tmp_path / "arrived"
    path.write_bytes(audio_bytes(16))
    hand.studio._reference.inlet.zone._on_file(parts.Received(path, "song.mp3", path.stat().st_size))
    until(lambda: hand.track.source)
    assert "song.mp3, 0:16" in hand.track.note


def test_the_drop_zone_says_nothing_of_a_file_that_does_not_count(hand: Hand, tmp_path: Path) -> None:
    zone = hand.studio._reference.inlet.zone
    for number, (content, stays) in enumerate([(audio_bytes(16), True), (audio_bytes(8), False)]):
        path = tmp_path / str(number)
        path.write_bytes(content)
        zone._hand_over(parts.Received(path, "song.mp3", len(content)), "id")
        until(lambda: hand.track.source or hand.track.problem)
        assert bool(zone.note) is stays
        zone.note = "song.mp3"
    hand.studio._reference.link.value = "https://example.org/song.mp3"
    assert zone.note == ""


def test_without_anywidget_there_is_a_plain_button(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "available", lambda: False)
    hand = Hand(MusicStudio(LYRICS, session=Session(rehearse=True)))
    assert "need anywidget" in hand.studio._reference.inlet._why.value
    assert "mnb-hidden" not in hand.studio._reference.inlet._plain._dom_classes
    hand.upload(audio_bytes(16, kind="WAV"))
    hand.click()
    assert hand.finish().status is Status.COMPLETED
    assert "is ready" in hand.studio._live.widget.value


def test_a_page_that_cannot_draw_the_drop_zone_gets_the_plain_button(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimax_nb.studio.cards.upload._PATIENCE", 0.05)
    inlet = hand.studio._reference.inlet
    hand.show()
    until(lambda: "mnb-hidden" not in inlet._plain._dom_classes)
    assert "could not be drawn" in inlet._why.value
    inlet.zone.seen = True
    assert "mnb-hidden" in inlet._plain._dom_classes


def test_colab_is_asked_to_show_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    colab = ModuleType("google.colab")
    colab.output = SimpleNamespace(enable_custom_widget_manager=lambda: asked.append(True))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    admit_parts()
    assert asked


def test_sample_lyrics_write_over_nothing(hand: Hand) -> None:
    seen = []
    for _ in range(len(shelf.LYRICS) + 1):
        assert not hand.studio._lyrics.sample.disabled
        hand.studio._lyrics.sample.click()
        assert hand.studio._lyrics.meter.ready
        seen.append(hand.studio._lyrics.text.value)
    assert seen == [*shelf.LYRICS, shelf.LYRICS[0]]
    hand.write("My own")
    assert hand.studio._lyrics.sample.disabled


def test_the_exact_prompt_is_shown_on_demand(hand: Hand) -> None:
    hand.write("<la>\n\n\nla")
    assert hand.studio._lyrics._prompt.value == ""
    hand.studio._lyrics.exact.value = True
    assert "##&lt;la&gt;\n\nla##" in hand.studio._lyrics._prompt.value
    hand.studio._lyrics.accompaniment.value = False
    assert "##" not in hand.studio._lyrics._prompt.value


@pytest.mark.parametrize("number", range(len(shelf.REFERENCES)))
def test_sample_references_are_played_by_the_band(hand: Hand, number: int) -> None:
    hand.studio._reference.samples[number].click()
    until(lambda: not hand.track.doing, 60)
    assert "played by the rehearsal band" in hand.track.note
    assert shelf.REFERENCES[number].name in hand.track.note


def test_a_link_is_taken_as_it_is(hand: Hand) -> None:
    hand.studio._reference.link.value = " https://example.org/song.mp3 "
    until(lambda: hand.track.source)
    assert "https://example.org/song.mp3" in hand.track.note
    assert "There is no picture of a link" in hand.studio._reference._blank.value


def test_a_bad_reference_from_code_ends_under_the_field(service: Running) -> None:
    hand = Hand(MusicStudio(LYRICS, "/nowhere/song.wav", Session(rehearse=True)))
    hand.click()
    with pytest.raises(InvalidReference):
        hand.finish()
    assert "no file" in hand.track.problem
    assert "see the reference above" in hand.words
    assert hand.studio._lyrics.text.value == LYRICS


# What the service does


def test_an_error_is_shown_and_the_form_kept(service: Running, ready: Hand) -> None:
    service.commit({"fault": "no_credits", "call": "submit", "times": 1})
    ready.click()
    with pytest.raises(NoCredits):
        ready.finish()
    assert isinstance(ready.studio.error, NoCredits)
    assert "Nothing was spent." in ready.words
    assert ready.studio._lyrics.text.value == LYRICS
    until(lambda: not ready.studio._missing())
    ready.strip.again.click()
    assert ready.finish().status is Status.COMPLETED
    assert ready.studio.error is None
    assert ready.studio._card.strips == ()


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(service: Running, ready: Hand) -> None:
    service.commit({"fault": "drop_after", "call": "submit", "times": 1})
    ready.click()
    assert ready.finish().status is Status.COMPLETED
    assert len(service.jobs()) == 1


def test_an_answer_that_was_never_given(service: Running, ready: Hand) -> None:
    service.commit({"fault": "bad_gateway", "call": "submit", "times": 1})
    ready.click()
    with pytest.raises(GenerationFailed, match="Nothing was spent"):
        ready.finish()
    until(lambda: not ready.studio._missing())
    ready.strip.again.click()
    assert ready.finish().status is Status.COMPLETED


def test_a_service_that_takes_no_files_says_how_to_go_on(service: Running, ready: Hand) -> None:
    service.commit({"fault": "data_refused"})
    ready.click()
    with pytest.raises(Refused):
        ready.finish()
    assert "give its link" in ready.words


def test_a_song_that_fails(service: Running, ready: Hand) -> None:
    service.commit({"fault": "error_status"})
    ready.click()
    with pytest.raises(GenerationFailed):
        ready.finish()
    assert ready.studio.song is not None
    assert ready.studio.song.status is Status.FAILED


def test_nobody_has_to_wait(home: Path, ready: Hand) -> None:
    with running_service(home, seconds=2) as service:
        ready.click()
        until(lambda: ready.studio.song)
        ready.strip.stop.click()
        with pytest.raises(WaitTimeout, match="Nobody waits"):
            ready.finish()
        assert "may still be made. It is in your library and will be picked up." in ready.words
        ready.strip.resume.click()
        assert ready.finish().status is Status.COMPLETED
        assert len(service.jobs()) == 1


def test_a_surprise_ends_in_the_box(ready: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Song:
        raise ZeroDivisionError("<oh>")

    monkeypatch.setattr(Session, "submit", broken)
    ready.click()
    with pytest.raises(MusicError, match="unexpected"):
        ready.finish()
    assert "&lt;oh&gt;" in ready.words


def test_what_cannot_be_saved_is_said_beside_the_song(
    service: Running, ready: Hand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ready.click()
    song = ready.finish()
    assert song.path is not None
    song.path.unlink()
    monkeypatch.chdir(tmp_path)
    ready.studio._card.save.click()
    assert "cannot be written" in ready.words
    assert ready.studio._card._player.outputs


# What was before


def left_open(service: Running) -> Song:
    """A song whose kernel ended while it was made."""
    return Session(rehearse=True).submit(LYRICS, audio_bytes(16))


def test_what_an_earlier_kernel_left_open_is_picked_up(home: Path) -> None:
    with running_service(home, seconds=2) as service:
        song = left_open(service)
        began = time.monotonic()
        hand = Hand(MusicStudio(session=Session(rehearse=True)))
        assert hand.studio.songs == ()
        hand.show()
        assert "One song from before is being picked up." in hand.words
        hand.show()
        assert len(hand.studio._card.strips) == 1
        assert hand.studio._desk.works[0].take.began < began
        assert hand.finish().id == song.id
        assert "<audio" in hand.studio._card._player.outputs[0]["data"]["text/html"]
        assert [row.song.id for row in hand.studio._takes.rows if row.song] == [song.id]
        assert len(service.jobs()) == 1


def test_a_song_of_a_service_without_a_key_is_left_alone(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(api_key=service.address.key, base_url=service.address.base_url)
    song = session.submit(LYRICS, audio_bytes(16))
    hand = Hand(MusicStudio(session=Session(base_url=service.address.base_url, rehearse=False)))
    hand.show()
    assert hand.studio._card.strips == ()
    hand.studio._service.use_key(service.address.key)
    assert hand.finish().id == song.id


def test_an_answer_that_was_lost_long_ago_is_not_looked_for_at_every_start(service: Running) -> None:
    session = Session(rehearse=True)
    song = left_open(service)
    long_ago = datetime.now(timezone.utc) - timedelta(days=3)
    session.journal.add(replace(song, request_id="old", id="", status=Status.UNKNOWN, created=long_ago))
    hand = Hand(MusicStudio(session=session))
    hand.show()
    assert hand.finish().id == song.id
    assert len(hand.studio.songs) == 1


def library(session: Session, number: int) -> list[Song]:
    """Finished songs, oldest first."""
    folder = session.journal.home / "songs"
    folder.mkdir(parents=True)
    (folder / "x.mp3").write_bytes(audio_bytes(2))
    song = Song("", Status.COMPLETED, datetime.now(timezone.utc), rehearsal=True, path=folder / "x.mp3", duration=2.0)
    moments = [song.created + timedelta(minutes=minute) for minute in range(number)]
    return [
        session.journal.add(replace(song, request_id=f"r{minute}", id=f"g{minute}", created=moment))
        for minute, moment in enumerate(moments)
    ]


def test_the_library_is_listed_newest_first_and_more_on_demand() -> None:
    session = Session(rehearse=True)
    songs = library(session, FIRST + 3)
    takes = MusicStudio(session=session)._takes
    takes.load()
    assert [row.song for row in takes.rows] == songs[: -FIRST - 1 : -1]
    takes._more.click()
    assert [row.song for row in takes.rows] == songs[::-1]
    assert "mnb-hidden" in takes._more._dom_classes


def test_a_take_is_played_and_deleted_and_brought_back() -> None:
    session = Session(rehearse=True)
    old, new = library(session, 2)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    rows = hand.studio._takes.rows
    rows[1].play.click()
    assert hand.studio.song == old
    assert hand.studio.songs == ()
    assert hand.studio._card.shown == old
    rows[0].delete.click()
    assert session.songs() == [old]
    assert new.path is not None
    assert new.path.exists()
    assert "off the list" in rows[0]._what.value
    rows[0].undo.click()
    assert session.songs() == [new, old]


def test_settings_are_used_again(service: Running, ready: Hand) -> None:
    ready.studio._lyrics.accompaniment.value = False
    ready.click()
    first = ready.finish()
    ready.write("Something else")
    ready.studio._lyrics.accompaniment.value = True
    ready.studio._reference.refuse(InvalidReference("Gone."))
    ready.studio._takes.rows[0].again.click()
    until(lambda: ready.track.source)
    assert ready.studio._lyrics.text.value == LYRICS
    ready.click_again()
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
    hand.studio._takes.rows[0].again.click()
    assert "Also, when rehearsing: tempo 92, key A minor" in hand.studio._extras._line.value
    hand.click()
    second = hand.finish()
    assert first.request is not None
    assert second.request is not None
    assert second.request.options == first.request.options
    hand.studio._extras.drop.click()
    assert "mnb-hidden" in hand.studio._extras._dom_classes
    hand.click_again()
    third = hand.finish().request
    assert third is not None
    assert not third.options


def test_what_the_studio_does_not_take_over_is_said(hand: Hand) -> None:
    extras = hand.studio._extras
    extras.take(SongRequest("minimax/music-cover", "la", "la", "", {"style": "calm", "seed": 7}))
    assert "seed 7 · without style · without model minimax/music-cover" in extras._line.value
    assert extras.options(rehearsal=True) == {"seed": 7}
    assert extras.options(rehearsal=False) == {}


def test_a_take_whose_file_is_gone_is_an_error_that_is_seen() -> None:
    session = Session(rehearse=True)
    (song,) = library(session, 1)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    assert song.path is not None
    song.path.unlink()
    hand.studio._takes.rows[0].play.click()
    assert "cannot be read" in hand.trouble


def test_ones_own_songs_say_how_long_it_usually_takes() -> None:
    session = Session(rehearse=True)
    for song in library(session, 3):
        made = replace(song, request_id=song.request_id + "x", id="", status=Status.DOWNLOADING)
        made = replace(made, created=datetime.now(timezone.utc) - timedelta(seconds=25))
        session.journal.step(session.journal.add(made), Status.COMPLETED, path=song.path)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    hand.write(LYRICS)
    hand.studio._reference.link.value = "https://example.org/song.mp3"
    until(lambda: "usually ready in about 25 s" in hand.hint)


# Where it is made


def test_a_key_in_the_environment_is_used_and_can_be_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIML_API_KEY", KEY)
    studio = MusicStudio()
    assert "key ending …teen" in studio._service._name.value
    studio._service.switch.click()
    assert "Rehearsal" in studio._service._name.value
    studio._service.switch.click()
    assert "key ending" in studio._service._name.value


def test_without_a_key_it_rehearses_and_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    studio = MusicStudio()
    studio._service.switch.click()
    assert "Rehearsal" in studio._service._name.value
    assert "AIML_API_KEY" in studio._service.panel.children[1].value
    studio._service.switch.click()
    assert "No key was found there" in studio._service.panel.children[1].value
    monkeypatch.setenv("AIML_API_KEY", KEY)
    studio._service.switch.click()
    assert "key ending" in studio._service._name.value
    assert "mnb-hidden" in studio._service.panel._dom_classes


def test_a_malformed_key_is_said_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIML_API_KEY", "two words")
    studio = MusicStudio()
    assert "does not look like a key" in studio._service.note.value
    assert "Rehearsal" in studio._service._name.value
    studio._service.note.value = ""
    studio._service.switch.click()
    assert "does not look like a key" in studio._service.note.value


def test_the_switch_decides_where_the_song_is_made(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(api_key=service.address.key, base_url=service.address.base_url)
    hand = Hand(MusicStudio(LYRICS, audio_bytes(16), session))
    assert "Spends credits" in hand.hint
    hand.click()
    assert not hand.finish().rehearsal
    hand.studio._service.switch.click()
    hand.click_again()
    assert hand.finish().rehearsal


def test_price_and_balance_are_looked_up_in_the_background(home: Path) -> None:
    with running_service(home, price=0.035) as service:
        session = Session(api_key=service.address.key, base_url=service.address.base_url)
        hand = Hand(MusicStudio(LYRICS, audio_bytes(16), session))
        hand.show()
        until(lambda: hand.studio._service.account.price)
        assert "$0.035 a song · $" in hand.studio._service._name.value
        until(lambda: hand.track.sound)
        assert "$0.035 a song · usually ready" in hand.hint


@pytest.mark.parametrize(("fault", "words"), [("unauthorized", "does not know this key"), ("bad_gateway", "unknown")])
def test_a_price_that_is_not_to_be_had_is_said_quietly(service: Running, fault: str, words: str) -> None:
    service.commit({"fault": fault, "call": "models"})
    session = Session(api_key=service.address.key, base_url=service.address.base_url)
    hand = Hand(MusicStudio(session=session))
    hand.show()
    until(lambda: words in hand.studio._service._name.value, 30)


def test_a_key_that_is_typed_in_is_in_no_state_of_any_widget(service: Running) -> None:
    hand = Hand(MusicStudio(session=Session(base_url=service.address.base_url, rehearse=False)))
    hand.studio._service.switch.click()
    assert hand.studio._service.rehearsal
    hand.studio._service.switch.click()
    field = hand.studio._service.key_field
    field._on_message(field, {"type": "key", "value": service.address.key}, [])
    assert not hand.studio._service.rehearsal
    assert service.address.key[-4:] in hand.studio._service._name.value
    assert all(service.address.key not in repr(widget.get_state()) for widget in widgets_of(hand.studio))


def widgets_of(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from widgets_of(child)


def test_making_one_asks_nobody(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def asked() -> None:
        raise AssertionError("asked for a secret")

    monkeypatch.setattr(service_module, "find_key", asked)
    monkeypatch.setattr("minimax_nb.settings.find_key", asked)
    MusicStudio(LYRICS, "/nowhere/song.wav")
    assert not home.exists()


def test_an_unknown_keyword_is_an_error() -> None:
    with pytest.raises(TypeError):
        MusicStudio(lyric="la")  # type: ignore[call-arg]


# The values


@pytest.mark.parametrize(
    "value",
    [
        {"a.wav": {"metadata": {"name": "a.wav"}, "content": b"123"}},
        ({"name": "a.wav", "content": memoryview(b"123")},),
    ],
)
def test_both_shapes_of_an_upload_are_read(value: Any) -> None:
    assert received(value) == ("a.wav", b"123")


@pytest.mark.parametrize("value", [{}, ()])
def test_no_upload(value: Any) -> None:
    assert received(value) is None


@pytest.mark.parametrize(
    ("lyrics", "meter"),
    [
        ("", Meter(0, 600)),
        ("  \n", Meter(0, 600)),
        (LYRICS, Meter(71, 600, 2, 1)),
        ("## a\n\n\n\nb ##", Meter(8, 600, 2, 1)),
    ],
)
def test_the_meter_counts_what_is_sent(lyrics: str, meter: Meter) -> None:
    assert measure(lyrics, accompaniment=True) == meter


def test_the_meter_without_accompaniment() -> None:
    assert measure("la", accompaniment=False).used == 2


@pytest.mark.parametrize(
    ("lyrics", "words"), [("a" * 597, "Shorten them by 1"), ("##", "no words"), ("…", "no words")]
)
def test_the_meter_says_what_does_not_fit(lyrics: str, words: str) -> None:
    assert words in measure(lyrics, accompaniment=True).problem


@pytest.mark.parametrize(("length", "words"), [(300, ""), (396, "end at about a minute"), (700, "")])
def test_long_lyrics_get_advice(length: int, words: str) -> None:
    meter = measure("a" * length, accompaniment=True)
    assert words in meter.advice
    assert bool(words) == bool(meter.advice)
    assert meter.seconds == pytest.approx((length + 4) / 10)


@pytest.mark.parametrize(
    ("amount", "text"), [(0.035, "$0.035"), (12.5, "$12.50"), (3, "$3.00"), (0.0, "$0.00"), (1234.56, "$1,234.56")]
)
def test_money_is_written_as_people_write_it(amount: float, text: str) -> None:
    assert drawing.money(amount) == text


def test_a_price_nobody_knows() -> None:
    assert "Spends credits" in drawing.hint_line("", Account(), 0.0, rehearsal=False)


def test_the_id_is_shown_for_copying(hand: Hand) -> None:
    song = Song("r", Status.QUEUED, datetime.now(timezone.utc), id="<id>", rehearsal=True)
    title = drawing.strip_title(Take(True, ((Status.QUEUED, 0.0),), song))
    assert "<code>&lt;id&gt;</code>" in title
    assert "Copy id" in title


def test_takes_of_the_same_minute_differ() -> None:
    moment = datetime(2026, 8, 1, 12, 0, 7, tzinfo=timezone.utc)
    first, second = (
        Song("r", Status.COMPLETED, moment + timedelta(seconds=seconds), duration=60.0) for seconds in (0, 1)
    )
    assert ":07</span>" in drawing.take_row(first)
    assert ":08</span>" in drawing.take_row(second)


SUNG = {"lines": [[["Side ", 1.0, 1.5], ["by", 1.5, 2.0]], [["la", 3, 4]]], "notes": ["This was hummed."]}


@pytest.mark.parametrize(("pauses", "syllables"), [([], [2, 1]), ([1], [2, 0, 1])])
def test_words_have_their_times(pauses: list[int], syllables: list[int]) -> None:
    timeline = read_timeline({**SUNG, "pauses": pauses})
    song = Song("r", Status.COMPLETED, datetime.now(timezone.utc), timeline=timeline)
    assert [len(line) for line in drawing.timed_lines(song)] == syllables
    assert drawing.timed_lines(replace(song, timeline=None)) == []


def test_a_song_whose_times_are_known_lights_up_where_a_page_can_draw_that(hand: Hand) -> None:
    session = hand.studio._session
    (song,) = library(session, 1)
    sung = replace(song, request=SongRequest("m", "Side by\nla", "", ""), timeline=read_timeline(SUNG))
    card = hand.studio._card
    card.play(Take(True, (), sung))
    assert (card._words.lines, "Side by" in card._sung.value) == ([], True)
    card._words.seen = True
    card.play(Take(True, (), replace(sung)))
    assert (len(card._words.lines), card._sung.value) == (2, "")
    assert "This was hummed." in card._head.value


def test_an_unexpected_exception_says_whether_money_was_spent() -> None:
    work = Work(Session(rehearse=True), Take(False, ((Status.SENDING, 0.0),)), lambda _: None)
    work.fail(ZeroDivisionError())
    assert work.take.error is not None
    assert work.take.error.spent is Spent.MAYBE


def test_steps_tell_what_is_done(hand: Hand) -> None:
    take = Take(True, ((Status.SENDING, 0.0),))
    assert '<li class="mnb-now">Sending' in drawing.steps_list(take, 1.0)
    sent = take.sent(0.3)
    assert sent.sent(0.4) == sent
    song = Song("r", Status.QUEUED, datetime.now(timezone.utc), id="id", rehearsal=True)
    queued = drawing.steps_list(sent.moved(song, 0.5), 1.0)
    assert all(words in queued for words in ("Reference sent 0.3 s", "Submitted 0.2 s", '"mnb-now">In the queue'))
    assert '"mnb-now">Submitting' in drawing.steps_list(sent.moved(replace(song, status=Status.UNKNOWN), 0.5), 1.0)
    assert "0:07 of about 0:10" in drawing.clock_line(take, 7.5)
    assert "longer than usual" in drawing.clock_line(take, 11.0)
    before = Take(True, (), song, asked=-100.0)
    assert "asked for 1:47 ago" in drawing.clock_line(before, 7.5)
    assert "ago" not in drawing.clock_line(before, 7200.0)


def test_a_hosted_song_that_is_left_may_be_charged() -> None:
    assert "and charged" in drawing.left_line(Take(False, ((Status.QUEUED, 0.0),)))
    assert "charged" not in drawing.left_line(Take(True, ((Status.QUEUED, 0.0),)))


def test_nothing_is_missing_when_all_is_there() -> None:
    assert missing(Track("x.wav", "x.wav"), Meter(10, 600, 1)) == ""
    assert missing(Track(doing="x"), Meter(10, 600, 1)) == ""
