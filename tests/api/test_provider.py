"""The provider as it really answers, over a real socket: each kind of answer, and what becomes of the song."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minimax_nb import Session, Status
from minimax_nb.api.responses import read_problem
from minimax_nb.errors import (
    GenerationFailed,
    MusicError,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    Refused,
    Spent,
    Unavailable,
)
from tests.support.network import Answer, Seen, running_host
from tests.support.service import HASTY, PRICE, Running, audio_bytes, guest

LYRICS = "Side by side\n\nWe always win"
REFERENCE = audio_bytes(20)


@pytest.fixture
def session(service: Running, tmp_path: Path) -> Session:
    return guest(service, tmp_path)


@pytest.mark.parametrize("fault", ["gzip", "deflate", "br"])
def test_compressed_answers_and_songs_are_read(session: Session, service: Running, fault: str) -> None:
    service.commit({"fault": fault})
    song = session.generate(LYRICS, REFERENCE)
    assert song.status is Status.COMPLETED
    assert song.cost_usd == PRICE


def test_an_answer_that_unpacks_to_too_much_is_refused_and_the_song_kept(session: Session, service: Running) -> None:
    song = session.submit(LYRICS, REFERENCE)
    service.commit({"fault": "gzip_bomb", "call": "retrieve", "times": 2})
    with pytest.raises(MusicError, match=r"too large.*is paid for"):
        session.retrieve(song)
    assert session.wait(song).status is Status.COMPLETED


def test_a_compression_that_is_not_known_here_leaves_the_song_pending(tmp_path: Path) -> None:
    odd = Answer(b"{}", headers={"Content-Encoding": "compress"})
    with running_host(lambda seen: odd if seen.method == "GET" else submitted("x:1")(seen)) as host:
        session = Session(api_key="a-key-for-a-test", base_url=host.url, home=tmp_path, timeouts=HASTY)
        song = session.submit("la la", REFERENCE)
        with pytest.raises(MusicError, match="compressed in a way that is not known here"):
            session.retrieve(song)
    assert [song.status for song in session.songs()] == [Status.QUEUED]


@pytest.mark.parametrize("fault", ["early_404", "early_524"])
def test_a_fresh_song_that_the_service_does_not_know_yet_is_pending(
    session: Session, service: Running, fault: str
) -> None:
    service.commit({"fault": fault})
    song = session.submit(LYRICS, REFERENCE)
    assert session.retrieve(song).status is Status.QUEUED
    assert session.wait(song).status is Status.COMPLETED


def test_a_song_that_stays_unknown_to_the_service_ends_in_an_error(session: Session, service: Running) -> None:
    song = session.submit(LYRICS, REFERENCE)
    service.commit({"fault": "not_found", "call": "retrieve"})
    with pytest.raises(NotFound, match="has no song with the id"):
        session.wait(song, timeout=30)


@pytest.mark.parametrize("fault", ["cut_body", "generation_id", "status_200", "status_202"])
def test_a_song_has_its_id_at_once_however_it_is_said(session: Session, service: Running, fault: str) -> None:
    service.commit({"fault": fault, "call": "submit"})
    song = session.submit(LYRICS, REFERENCE)
    assert song.status is Status.QUEUED
    service.commit()
    assert session.wait(song).status is Status.COMPLETED
    assert service.jobs()[-1]["id"] == song.id


def test_a_header_that_may_be_cut_is_no_id(tmp_path: Path) -> None:
    cut = Answer(b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\nx-inference-id: 906aec79-b0", raw=True)
    with running_host(lambda _: cut) as host:
        session = Session(api_key="a-key-for-a-test", base_url=host.url, home=tmp_path, timeouts=HASTY)
        with pytest.raises(OutcomeUnknown):
            session.submit("la la", REFERENCE)


@pytest.mark.parametrize("fault", ["cost_in_meta", "cost_in_credits"])
def test_the_cost_is_read_wherever_it_is(session: Session, service: Running, fault: str) -> None:
    service.commit({"fault": fault, "call": "submit"})
    assert session.submit(LYRICS, REFERENCE).cost_usd == pytest.approx(PRICE)


DETAIL = {"detail": [{"loc": ["body", "image_url"], "msg": "not a URL", "type": "url", "input": "x"}]}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"error": DETAIL}, "image_url: not a URL"),
        (DETAIL, "image_url: not a URL"),
        ({"error": "out of memory"}, "out of memory"),
        ({"error": ["out of memory", "again"]}, "out of memory; again"),
        ({"error": {"name": "failed", "message": "out of memory"}}, "out of memory"),
        ({"message": ["a", "b"]}, "a; b"),
        ({"error": {"detail": "out of memory"}}, "out of memory"),
        ({"error": None}, "no reason given"),
        ({}, "no reason given"),
        (
            {
                "message": "Invalid payload provided",
                "error": {"data": [{"expected": "string", "received": "undefined", "path": ["a", 0]}]},
            },
            "Invalid payload provided: a.0: expected string, received undefined",
        ),
    ],
)
def test_every_shape_of_an_error_says_why(error: dict[str, Any], text: str) -> None:
    assert read_problem(error).text() == text


@pytest.mark.parametrize("fault", ["detail_error", "text_error", "list_error", "null_error"])
def test_a_song_that_failed_says_why(session: Session, service: Running, fault: str) -> None:
    song = session.submit(LYRICS, REFERENCE)
    service.commit({"fault": fault, "call": "retrieve"})
    with pytest.raises(GenerationFailed, match="Nothing was spent") as caught:
        session.wait(song)
    assert ("no reason given" in str(caught.value)) == (fault == "null_error")


def rejected(path: str, **row: str) -> Callable[[Seen], Answer]:
    body = {
        "title": "Bad Request",
        "status": 400,
        "message": "Invalid payload provided",
        "error": {"name": "BadRequestException", "data": [{"path": [path], **row}]},
    }
    return lambda _: Answer(json.dumps(body).encode(), 400)


def submitted(generation_id: str) -> Callable[[Seen], Answer]:
    return lambda _: Answer(json.dumps({"id": generation_id, "status": "queued"}).encode(), 201)


def test_a_rejected_field_is_named_as_people_know_it_with_what_was_expected(tmp_path: Path) -> None:
    plan = rejected("prompt", message="Too long", expected="600", received="700")
    with running_host(plan) as host:
        session = Session(api_key="a-key-for-a-test", base_url=host.url, home=tmp_path, timeouts=HASTY)
        with pytest.raises(Refused, match=r"lyrics: Too long \(expected 600, received 700\)") as caught:
            session.submit("la la", REFERENCE)
    assert caught.value.fields == ("prompt",)
    assert "Nothing was spent" in str(caught.value)


def test_a_refused_file_is_known_by_its_field_and_not_by_words(session: Session, service: Running) -> None:
    service.commit({"fault": "data_refused", "call": "submit"})
    with pytest.raises(Refused, match=r"reference: Invalid url.*reference_host"):
        session.submit(LYRICS, REFERENCE)
    with running_host(lambda _: Answer(b'{"message": "reference_audio_url is fine"}', 400)) as host:
        other = guest(service, session.journal.home, base_url=host.url)
        with pytest.raises(Refused) as caught:
            other.submit(LYRICS, REFERENCE)
    assert "reference_host" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "link"),
    [
        ("no_credits", "aimlapi.com/app/billing"),
        ("unverified_card", "aimlapi.com/app/verification"),
        ("key_scope", "model:audio"),
        ("key_limit", "Raise the limit of this key"),
    ],
)
def test_each_kind_of_forbidden_has_its_own_advice(session: Session, service: Running, fault: str, link: str) -> None:
    service.commit({"fault": fault, "call": "submit"})
    with pytest.raises(NoCredits, match="Nothing was spent") as caught:
        session.submit(LYRICS, REFERENCE)
    assert link in caught.value.do


@pytest.mark.parametrize("fault", ["server_error", "maintenance", "timeout_524"])
def test_a_poll_that_the_service_fails_is_made_again(session: Session, service: Running, fault: str) -> None:
    song = session.submit(LYRICS, REFERENCE)
    service.commit({"fault": fault, "call": "retrieve", "times": 2})
    if fault != "timeout_524":
        with pytest.raises(Unavailable, match="The service failed"):
            session.retrieve(song)
    assert session.wait(song).status is Status.COMPLETED


def test_songs_of_every_music_model_in_the_logs_are_found(session: Session, service: Running, tmp_path: Path) -> None:
    ids = {session.submit(f"{LYRICS} {number}", REFERENCE).id for number in range(2)}
    service.commit({"fault": "new_model"})
    elsewhere = guest(service, tmp_path / "elsewhere")
    found = elsewhere.recover(since="24h")
    assert ids <= {song.id for song in found}
    assert {song.model for song in found} - {"minimax-music"}, "a model that nobody knows makes music, too"


@pytest.mark.parametrize(
    ("fault", "suffix"),
    [
        ("wav_audio", ".wav"),
        ("flac_audio", ".flac"),
        ("m4a_audio", ".m4a"),
        ("tagged_mp3", ".mp3"),
        ("headerless_mp3", ".mp3"),
        ("variable_mp3", ".mp3"),
        ("wrong_size", ".mp3"),
        ("bare_link", ".mp3"),
        ("unknown_audio", ".mp3"),
    ],
)
def test_a_paid_song_is_kept_under_its_true_format(
    session: Session, service: Running, fault: str, suffix: str
) -> None:
    service.commit({"fault": fault})
    song = session.generate(LYRICS, REFERENCE)
    assert song.path is not None
    assert song.path.exists()
    assert song.path.suffix == suffix
    if fault in ("m4a_audio", "unknown_audio"):
        assert "cannot be checked" in song.error
    else:
        assert song.duration == pytest.approx(2, abs=0.15)
        assert song.error == ""
    assert [path.name for path in song.path.parent.iterdir()] == [song.path.name]
    assert guest(service, session.journal.home).songs() == [song]


def test_recover_says_songs_as_they_come_and_nobody_is_held_up(
    session: Session, service: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        session.submit(f"{LYRICS} {number}", REFERENCE)
    service.commit({"fault": "drop_before", "call": "submit"})
    with pytest.raises(OutcomeUnknown):
        session.submit(LYRICS, REFERENCE)
    service.commit()
    brief = guest(service, session.journal.home, timeouts=HASTY_AND_STUCK)
    recovered = brief.recover(timeout=600)
    assert [song.status for song in recovered] == [Status.COMPLETED] * 2
    said = capsys.readouterr().err
    assert said.count("ready, ") == 2
    assert "it is unknown" in said
    assert [song.status for song in brief.open_songs()] == [Status.UNKNOWN]


HASTY_AND_STUCK = type(HASTY)(**{**vars(HASTY), "stuck": 0.3})


def test_an_id_typed_wrongly_says_that_nothing_was_spent(session: Session) -> None:
    for call in (session.retrieve, session.wait):
        with pytest.raises(NotFound, match=r"no-such-song.*Nothing was spent") as caught:
            call("no-such-song")
        assert caught.value.spent is Spent.NO
    assert session.songs() == []


def test_deflate_without_a_zlib_header_is_read_too(tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(json.dumps({"id": "x:1", "status": "queued"}).encode()) + packer.flush()
    with running_host(lambda _: Answer(body, 201, {"Content-Encoding": "deflate"})) as host:
        session = Session(api_key="a-key-for-a-test", base_url=host.url, home=tmp_path, timeouts=HASTY)
        assert session.submit("la la", REFERENCE).id == "x:1"
