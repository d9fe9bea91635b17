"""The studio without a page: a real service, a real library, clicks by program."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from service_helper import Running, audio_bytes, running_service

import minimax_nb.studio.widget as widget_module
from minimax_nb import MusicStudio, Session, Song, Status
from minimax_nb.errors import (
    GenerationFailed,
    InvalidReference,
    MusicError,
    NoCredits,
    Refused,
    Spent,
    WaitTimeout,
)
from minimax_nb.studio import drawing
from minimax_nb.studio.state import Meter, Take, Track, measure, missing
from minimax_nb.studio.upload import Received, received

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
        self.studio._reference.upload.value = ({**file, "last_modified": datetime.now()},)
        until(lambda: not self.track.doing)

    def write(self, lyrics: str) -> None:
        self.studio._lyrics.text.value = lyrics

    def click(self) -> None:
        self.studio._generate.click()

    def finish(self, timeout: float = 20) -> Song:
        return self.studio.wait(timeout)

    @property
    def track(self) -> Track:
        return self.studio._reference.track

    @property
    def hint(self) -> str:
        return str(self.studio._hint.value)

    @property
    def words(self) -> str:
        return str(self.studio._card._words.value)


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
    ready.click()
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


def test_a_second_click_while_busy_does_nothing(home: Path, ready: Hand) -> None:
    with running_service(home, seconds=1) as service:
        ready.click()
        ready.click()
        ready.studio._make()
        assert "One song at a time" in ready.hint
        ready.finish()
        assert len(service.ledger()) == 1


def test_a_reference_given_from_code(service: Running, tmp_path: Path) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(audio_bytes(16, kind="WAV"))
    hand = Hand(MusicStudio(LYRICS, path, Session(rehearse=True)))
    assert "mine.wav" in hand.studio._reference._note.value
    hand.click()
    assert hand.finish().status is Status.COMPLETED


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
    [(audio_bytes(8, kind="WAV"), "8.0 s long"), (b"no sound at all", "not a wav or mp3"), (b"", "is empty")],
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
    assert hand.track.note == "tone.wav, 0:16 · 1.4 MB"
    assert hand.studio._reference.link.value == ""


def test_sample_lyrics_write_over_nothing(hand: Hand) -> None:
    assert not hand.studio._lyrics.sample.disabled
    hand.studio._lyrics.sample.click()
    assert hand.studio._lyrics.meter.ready
    assert hand.studio._lyrics.sample.disabled


def test_a_sample_reference_is_played_by_the_band(hand: Hand) -> None:
    hand.studio._reference.sample.click()
    until(lambda: not hand.track.doing, 60)
    assert "played by the rehearsal band" in hand.track.note


def test_a_link_is_taken_as_it_is(hand: Hand) -> None:
    hand.studio._reference.link.value = " https://example.org/song.mp3 "
    until(lambda: hand.track.source)
    assert "https://example.org/song.mp3" in hand.track.note


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
    ready.studio._card.again.click()
    assert ready.finish().status is Status.COMPLETED
    assert ready.studio.error is None


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(service: Running, ready: Hand) -> None:
    service.commit({"fault": "drop_after", "call": "submit", "times": 1})
    ready.click()
    assert ready.finish().status is Status.COMPLETED
    assert len(service.ledger()) == 1


def test_an_answer_that_was_never_given(service: Running, ready: Hand) -> None:
    service.commit({"fault": "bad_gateway", "call": "submit", "times": 1})
    ready.click()
    with pytest.raises(GenerationFailed, match="Nothing was spent"):
        ready.finish()
    ready.studio._card.again.click()
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
        ready.studio._card.stop.click()
        with pytest.raises(WaitTimeout, match="Nobody waits"):
            ready.finish()
        assert "may still be made; it is in your library" in ready.words
        ready.studio._card.resume.click()
        assert ready.finish().status is Status.COMPLETED
        assert len(service.ledger()) == 1


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
    assert "AIML_API_KEY" in studio._service_note.value
    monkeypatch.setenv("AIML_API_KEY", KEY)
    studio._service.switch.click()
    assert "key ending" in studio._service._name.value
    assert studio._service_note.value == ""


def test_a_malformed_key_is_said_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIML_API_KEY", "two words")
    studio = MusicStudio()
    assert "does not look like a key" in studio._service_note.value
    assert "Rehearsal" in studio._service._name.value
    studio._service_note.value = ""
    studio._service.switch.click()
    assert "does not look like a key" in studio._service_note.value


def test_the_switch_decides_where_the_song_is_made(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(api_key=service.address.key, base_url=service.address.base_url)
    hand = Hand(MusicStudio(LYRICS, audio_bytes(16), session))
    assert "Spends credits" in hand.hint
    hand.click()
    assert not hand.finish().rehearsal
    hand.studio._service.switch.click()
    hand.click()
    assert hand.finish().rehearsal


def test_making_one_asks_nobody(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def asked() -> None:
        raise AssertionError("asked for a secret")

    monkeypatch.setattr(widget_module, "find_key", asked)
    monkeypatch.setattr("minimax_nb.services.find_key", asked)
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
    assert received(value) == Received("a.wav", b"123")


@pytest.mark.parametrize("value", [{}, ()])
def test_no_upload(value: Any) -> None:
    assert received(value) is None


@pytest.mark.parametrize(
    ("lyrics", "meter"),
    [
        ("", Meter(0, 600)),
        ("  \n", Meter(0, 600)),
        (LYRICS, Meter(71, 600, 2, 1)),
        ("## a\n\n\n\nb ##", Meter(12, 600, 2, 1)),
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


def test_steps_tell_what_is_done(hand: Hand) -> None:
    take = Take(True, ((Status.SENDING, 0.0), (Status.QUEUED, 0.5)))
    assert '<li class="mnb-now">Sending' in drawing.steps_list(take, 1.0)
    assert "0:07 of about 0:10" in drawing.clock_line(take, 7.5)
    assert "longer than usual" in drawing.clock_line(take, 11.0)


def test_a_hosted_song_that_is_left_may_be_charged() -> None:
    assert "and charged" in drawing.left_line(Take(False, ((Status.QUEUED, 0.0),)))
    assert "charged" not in drawing.left_line(Take(True, ((Status.QUEUED, 0.0),)))


def test_nothing_is_missing_when_all_is_there() -> None:
    assert missing(Track("x.wav", "x.wav"), Meter(10, 600, 1), None) == ""
    assert "looked at" in missing(Track(doing="x"), Meter(10, 600, 1), None)
