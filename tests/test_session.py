"""The verbs, end to end: a real service over a real socket, a real library, faults switched on."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import soundfile

from minimax_nb import Session, Song, Status, options
from minimax_nb import session as session_module
from minimax_nb.errors import (
    BudgetExceeded,
    DownloadFailed,
    GenerationFailed,
    InvalidInput,
    InvalidKey,
    InvalidLyrics,
    InvalidOption,
    InvalidReference,
    LibraryError,
    MusicError,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Spent,
    Unauthorized,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from minimax_nb.hosts.choice import choose
from minimax_nb.hosts.file_server import serve
from tests.support.service import Running, audio_bytes, guest, running_service

LYRICS = "Side by side\n\nWe always win"
REFERENCE = audio_bytes(20)
PRICE = 0.035


@pytest.fixture
def hosted(service: Running, tmp_path: Path) -> Session:
    """A session to which the service is the paid one."""
    return guest(service, tmp_path / "library")


def again(session: Session, home: Path | None = None) -> Session:
    """The same person in a fresh kernel, perhaps with another library."""
    settings = session.settings
    assert settings.key is not None
    home = home or session.journal.home
    return Session(api_key=settings.key._reveal(), base_url=settings.base_url, home=home, timeouts=session.timeouts)


def charges(service: Running, song_or_request_id: str) -> int:
    return sum(job["client_request_id"] == song_or_request_id for job in service.jobs())


def test_a_reference_that_takes_its_time_is_said_to_be_read(
    hosted: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(options, "_PATIENCE", 0.0)
    track = audio_bytes(31)
    hosted.submit(LYRICS, track)
    assert capsys.readouterr().err.count("Reading the reference…") == 1
    hosted.submit(LYRICS, track)
    assert "Reading" not in capsys.readouterr().err


def test_submit_is_step_one_and_nothing_else(hosted: Session, service: Running) -> None:
    song = hosted.submit(LYRICS, REFERENCE)
    assert song.status == "queued"
    assert song.id.endswith(":minimax-music")
    assert song.cost_usd == PRICE
    assert song.spent is Spent.YES
    assert not song.rehearsal
    assert song.request is not None
    assert (song.request.lyrics, song.request.prompt) == (LYRICS, f"##{LYRICS}##")
    assert charges(service, song.request_id) == 1
    job = next(job for job in service.jobs() if job["client_request_id"] == song.request_id)
    assert job["body"]["prompt"] == f"##{LYRICS}##"
    assert set(job["body"]) - {"reference_audio_url"} == {"model", "prompt"}


def test_retrieve_is_one_poll_and_brings_the_audio(hosted: Session) -> None:
    song = hosted.submit(LYRICS, REFERENCE)
    while not (polled := hosted.retrieve(song.id)).status.final:
        assert polled.status in ("queued", "generating")
    assert polled.status == "completed"
    assert polled.path is not None
    assert polled.duration == pytest.approx(2, abs=0.1) == soundfile.info(polled.path).duration
    assert polled.audio
    assert hosted.songs() == [polled]
    assert [file.name for file in polled.path.parent.iterdir()] == [polled.path.name]


def test_wait_and_generate_return_completed_songs(hosted: Session) -> None:
    assert hosted.wait(hosted.submit(LYRICS, REFERENCE)).status is Status.COMPLETED
    assert hosted.generate(LYRICS, REFERENCE, accompaniment=False).status is Status.COMPLETED


def test_several_songs_come_back_in_order(hosted: Session) -> None:
    songs = [hosted.submit(f"{LYRICS} {number}", REFERENCE) for number in range(4)]
    done = hosted.wait([songs[2], songs[0].id, songs[3], songs[1]])
    assert [song.request_id for song in done] == [songs[n].request_id for n in (2, 0, 3, 1)]
    assert all(song.status is Status.COMPLETED for song in done)
    assert hosted.wait([]) == []


def test_an_id_is_enough_in_a_fresh_kernel_with_an_empty_library(hosted: Session, tmp_path: Path) -> None:
    song = hosted.submit(LYRICS, REFERENCE)
    stranger = again(hosted, tmp_path / "another")
    found = stranger.wait(song.id)
    assert (found.status, found.id, found.request) == (Status.COMPLETED, song.id, None)
    assert "Untitled" in found.title
    assert stranger.songs() == [found]
    assert stranger.retrieve(song.id) == found


def test_recover_finishes_what_an_earlier_kernel_left_open(hosted: Session) -> None:
    songs = {hosted.submit(LYRICS, REFERENCE).request_id for _ in range(2)}
    recovered = again(hosted).recover()
    assert {song.request_id for song in recovered} == songs
    assert again(hosted).recover() == []


def test_recover_finds_songs_of_this_key_that_the_library_does_not_know(hosted: Session, tmp_path: Path) -> None:
    song = hosted.submit(LYRICS, REFERENCE)
    stranger = again(hosted, tmp_path / "another")
    recovered = {found.id for found in stranger.recover(since="1h")}
    assert song.id in recovered
    with pytest.raises(InvalidOption):
        stranger.recover(since="yesterday")


@pytest.mark.parametrize("fault", ["drop_after", "bad_gateway_after", "empty_body"])
def test_an_answer_that_got_lost_is_looked_up_and_never_paid_twice(
    hosted: Session, service: Running, fault: str
) -> None:
    service.commit({"fault": fault, "call": "submit", "times": 1})
    with pytest.raises(OutcomeUnknown) as caught:
        hosted.submit(LYRICS, REFERENCE)
    assert caught.value.spent is Spent.MAYBE
    (song,) = hosted.songs()
    assert (song.status, song.spent, caught.value.song_id) == (Status.UNKNOWN, Spent.MAYBE, song.request_id)
    (recovered,) = again(hosted).recover()
    assert (recovered.status, recovered.request_id) == (Status.COMPLETED, song.request_id)
    assert recovered.cost_usd == PRICE
    assert charges(service, song.request_id) == 1


def test_an_unknown_song_that_the_logs_do_not_show_stays_unknown(hosted: Session, service: Running) -> None:
    service.commit({"fault": "drop_before", "call": "submit"})
    with pytest.raises(OutcomeUnknown):
        hosted.submit(LYRICS, REFERENCE)
    (song,) = hosted.songs()
    assert charges(service, song.request_id) == 0
    assert hosted.retrieve(song).status is Status.UNKNOWN
    with pytest.raises(WaitTimeout) as caught:
        hosted.wait(song, timeout=0.5)
    assert caught.value.spent is Spent.MAYBE


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [("unauthorized", Unauthorized), ("no_credits", NoCredits), ("not_found", NotFound), ("data_refused", Refused)],
)
def test_a_clear_no_is_refused_and_free(
    hosted: Session, service: Running, fault: str, error_class: type[MusicError]
) -> None:
    service.commit({"fault": fault, "call": "submit"})
    with pytest.raises(error_class, match="Nothing was spent") as caught:
        hosted.submit(LYRICS, REFERENCE)
    (song,) = hosted.songs()
    assert (song.status, song.spent) == (Status.REFUSED, Spent.NO)
    assert song.error == caught.value.what
    assert service.fired() == [1]
    if fault == "data_refused":
        assert "Give a link to the track" in str(caught.value)
        assert "reference_host" in str(caught.value)


def test_a_limit_told_in_seconds_or_as_a_date_is_waited_for_by_submit(hosted: Session, service: Running) -> None:
    service.commit(
        {"fault": "rate_limit_seconds", "call": "submit", "times": 1, "seconds": 1},
        {"fault": "rate_limit_date", "call": "submit", "times": 1, "seconds": 1},
    )
    song = hosted.submit(LYRICS, REFERENCE)
    assert service.fired() == [1, 1]
    assert charges(service, song.request_id) == 1


def test_retrieve_makes_one_attempt_and_says_when_to_come_back(hosted: Session, service: Running) -> None:
    song = hosted.submit(LYRICS, REFERENCE)
    service.commit({"fault": "rate_limit_seconds", "call": "retrieve", "seconds": 7})
    with pytest.raises(RateLimited) as caught:
        hosted.retrieve(song)
    assert (caught.value.retry_after, caught.value.spent, caught.value.song_id) == (7.0, Spent.YES, song.id)
    assert service.fired() == [1]
    service.commit({"fault": "drop_before", "call": "retrieve"})
    with pytest.raises(Unreachable, match="is paid for"):
        hosted.retrieve(song)
    assert service.fired() == [1]


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "bad_gateway", "call": "retrieve", "times": 1},
        {"fault": "html_body", "call": "retrieve", "times": 1},
        {"fault": "html_ok", "call": "retrieve", "times": 1},
        {"fault": "empty_body", "call": "retrieve", "times": 1},
        {"fault": "drop_after", "call": "retrieve", "times": 1},
        {"fault": "rate_limit_date", "call": "retrieve", "times": 1},
        {"fault": "unknown_status", "call": "retrieve", "times": 2},
        {"fault": "missing_fields", "call": "retrieve"},
        {"fault": "slow", "call": "retrieve", "seconds": 0.5, "times": 2},
        {"fault": "expired_audio", "call": "download"},
        {"fault": "truncated_audio", "call": "download", "times": 1},
        {"fault": "short_audio", "call": "download", "times": 1},
        {"fault": "bad_gateway", "call": "download", "times": 1},
    ],
    ids=lambda fault: f"{fault['fault']}-{fault['call']}",
)
def test_a_wait_survives_whatever_passes(hosted: Session, service: Running, fault: dict[str, object]) -> None:
    service.commit(fault)
    song = hosted.wait(hosted.submit(LYRICS, REFERENCE), timeout=30)
    assert song.status is Status.COMPLETED
    assert song.duration == pytest.approx(2, abs=0.1)
    assert service.fired()[0] >= 1
    assert charges(service, song.request_id) == 1


def test_an_audio_that_never_comes_ends_in_an_error_and_the_song_stays_open(
    hosted: Session, service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimax_nb.tracking.tracker.DOWNLOAD_ATTEMPTS", 2)
    service.commit({"fault": "short_audio", "call": "download"})
    with pytest.raises(DownloadFailed, match="is paid for"):
        hosted.generate(LYRICS, REFERENCE)
    assert [song.status for song in hosted.songs()] == [Status.DOWNLOADING]
    service.commit()
    assert [song.status for song in hosted.recover()] == [Status.COMPLETED]


def test_a_song_that_fails_is_free_and_the_others_are_still_made(hosted: Session, service: Running) -> None:
    first = hosted.submit(LYRICS, REFERENCE)
    service.commit({"fault": "error_status", "call": "retrieve", "times": 1})
    with pytest.raises(GenerationFailed, match=r"The model failed.*Nothing was spent"):
        hosted.wait(first)
    assert hosted.retrieve(first).status is Status.FAILED
    second = hosted.submit(LYRICS, REFERENCE)
    with pytest.raises(GenerationFailed):
        hosted.wait([first, second])
    assert [song.status for song in hosted.songs()] == [Status.COMPLETED, Status.FAILED]


def test_an_id_that_does_not_exist_is_named_and_not_kept(hosted: Session) -> None:
    for ask in (hosted.retrieve, hosted.wait):
        with pytest.raises(NotFound, match="no-such-song"):
            ask("no-such-song")
    with pytest.raises(InvalidInput):
        hosted.retrieve("")
    assert hosted.songs() == []


def test_what_keeps_failing_is_given_up_at_the_deadline(hosted: Session, service: Running) -> None:
    song = hosted.submit(LYRICS, REFERENCE)
    service.commit({"fault": "bad_gateway", "call": "retrieve"})
    with pytest.raises(WaitTimeout, match="Bad gateway") as caught:
        hosted.wait(song, timeout=1)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.song_id, caught.value.spent) == (song.id, Spent.YES)
    with pytest.raises(Unavailable):
        hosted.retrieve(song)


BAD_INPUT = {
    "no lyrics": ({"lyrics": ""}, InvalidLyrics),
    "only ##": ({"lyrics": "##"}, InvalidLyrics),
    "too long": ({"lyrics": "x" * 597}, InvalidLyrics),
    "missing file": ({"reference": "missing.mp3"}, InvalidReference),
    "too short": ({"reference": audio_bytes(14)}, InvalidReference),
    "no sound": ({"reference": b"not music"}, InvalidReference),
    "model": ({"model": "minimax-musik"}, InvalidOption),
    "option": ({"volume": 11}, InvalidOption),
    "rehearsal option": ({"tempo": 92}, InvalidOption),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_said_before_anything_leaves_the_machine(hosted: Session, service: Running, case: str) -> None:
    before = len(service.jobs())
    changes, error_class = BAD_INPUT[case]
    with pytest.raises(error_class) as caught:
        hosted.submit(**{"lyrics": LYRICS, "reference": REFERENCE, **changes})
    assert isinstance(caught.value, ValueError)
    assert caught.value.spent is Spent.NO
    assert hosted.songs() == []
    assert len(service.jobs()) == before


def test_the_longest_prompt_that_fits_is_taken(hosted: Session) -> None:
    song = hosted.submit("x" * 596, REFERENCE)
    assert song.request is not None
    assert len(song.request.prompt) == 600


@pytest.mark.parametrize("key", ["", "   ", "two words", "short", "line\nbreak-in-a-key", "kéy-with-accent-123"])
def test_a_key_that_is_none_is_said_at_once(key: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        Session(api_key=key)
    assert not key.strip() or key not in str(caught.value)


def test_an_unreachable_host_costs_nothing_and_is_said(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    session = Session(api_key="a-key-for-nobody", base_url=f"http://127.0.0.1:{port}", home=tmp_path)
    with pytest.raises(Unreachable, match="Nothing was spent"):
        session.submit(LYRICS, REFERENCE)
    assert [song.status for song in session.songs()] == [Status.REFUSED]


@pytest.mark.parametrize(
    "url", ["http://example.org", "ftp://example.org", "https://", "https://user:pw@host", "x", "https://[", ""]
)
def test_a_key_travels_over_https_only(url: str) -> None:
    with pytest.raises(InvalidInput):
        Session(base_url=url)


def test_a_link_and_a_hosted_file_are_passed_on(hosted: Session, service: Running, tmp_path: Path) -> None:
    track = tmp_path / "track.mp3"
    track.write_bytes(REFERENCE)
    with serve(track) as served:
        song = hosted.submit(LYRICS, served)
        job = next(job for job in service.jobs() if job["client_request_id"] == song.request_id)
        assert job["body"]["reference_audio_url"] == served
        assert song.source == served
        hosted.host = choose(lambda path: served)
        song = hosted.submit(LYRICS, REFERENCE)
        job = next(job for job in service.jobs() if job["client_request_id"] == song.request_id)
        assert job["body"]["reference_audio_url"] == served
        assert Path(song.source).exists()
    hosted.host = choose(lambda path: "nowhere")
    with pytest.raises(InvalidReference, match="reference_host"):
        hosted.submit(LYRICS, REFERENCE)


def test_a_song_can_be_asked_for_again_with_its_own_reference(hosted: Session) -> None:
    first = hosted.submit(LYRICS, REFERENCE)
    second = hosted.submit(LYRICS, first.source)
    assert second.source == first.source
    assert second.request_id != first.request_id


def test_rehearsing_needs_no_key_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session_module, "_said", set())
    with running_service(tmp_path / "library") as service:
        session = Session(home=tmp_path / "library")
        song = session.generate(LYRICS, REFERENCE, seed=7, tempo=92)
        session.submit(LYRICS, REFERENCE)
        said = capsys.readouterr().err
        assert said.count("No key found: rehearsing on this computer, free.") == 1
        assert song.rehearsal
        assert song.spent is Spent.NO
        assert "free" in song.facts
        assert "seed 7" in song.facts
        assert service.jobs()[0]["seed"] == 7
        assert service.jobs()[1]["seed"] == session.songs()[0].seed


def test_a_rehearsal_whose_answer_got_lost_was_never_asked_or_is_picked_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_service(tmp_path) as service:
        session = Session(home=tmp_path, rehearse=True)
        service.commit({"fault": "drop_before", "call": "submit", "times": 1})
        with pytest.raises(OutcomeUnknown):
            session.submit(LYRICS, REFERENCE)
        service.commit({"fault": "drop_after", "call": "submit", "times": 1})
        with pytest.raises(OutcomeUnknown):
            session.submit(LYRICS, REFERENCE)
        assert len(session.recover()) == 1
        found, never_asked = session.songs()
        assert (found.status, never_asked.status) == (Status.COMPLETED, Status.REFUSED)
        assert f"{never_asked.request_id}: The song was not made" in capsys.readouterr().err


def test_the_environment_chooses_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session = Session(home=tmp_path)
    assert session.settings.service().rehearsal
    monkeypatch.setenv("AIMLAPI_API_KEY", "second-key-5678")
    assert session.settings.service().name == "AI/ML API, key ending …5678"
    monkeypatch.setenv("AIML_API_KEY", "first-key-1234")
    service = session.settings.service()
    assert (service.name, service.base_url) == ("AI/ML API, key ending …1234", "https://api.aimlapi.com")
    monkeypatch.setenv("MINIMAX_NB_BASE_URL", "https://elsewhere.example/")
    assert session.settings.service().base_url == "https://elsewhere.example"
    monkeypatch.setenv("MINIMAX_NB_REHEARSE", "1")
    assert session.settings.service().rehearsal
    assert not Session(rehearse=False).settings.service().rehearsal
    monkeypatch.delenv("AIML_API_KEY")
    monkeypatch.delenv("AIMLAPI_API_KEY")
    with pytest.raises(InvalidKey):
        Session(rehearse=False).settings.service()
    monkeypatch.delenv("MINIMAX_NB_REHEARSE")
    with pytest.raises(InvalidKey):
        Session().settings.service()
    with pytest.raises(InvalidInput):
        Session(rehearse=True, base_url="https://elsewhere.example")


def test_a_song_is_asked_for_at_its_own_service_and_no_key_goes_elsewhere(
    hosted: Session, service: Running, tmp_path: Path
) -> None:
    song = hosted.submit(LYRICS, REFERENCE)
    with running_service(tmp_path / "other") as other:
        visitor = guest(other, hosted.journal.home)
        assert visitor.recover() == []
        with pytest.raises(InvalidInput, match="has no key for that"):
            visitor.retrieve(song)
    assert hosted.retrieve(song).id == song.id


def test_the_key_is_shown_by_nothing(hosted: Session, service: Running) -> None:
    key = service.address.key
    song = hosted.generate(LYRICS, REFERENCE)
    with pytest.raises(NotFound) as caught:
        hosted.retrieve(f"{key}-is-not-an-id")
    shown = [
        repr(hosted.settings),
        repr(song),
        str(caught.value),
        repr(vars(hosted.settings.key)),
        song._repr_html_(),
    ]
    assert not any(key in text for text in shown)
    assert key[-4:] in repr(hosted.settings.key)
    with pytest.raises(TypeError):
        pickle.dumps(hosted.settings.key)
    for file in hosted.journal.home.rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no interrupt for a single process")
def test_an_interrupt_says_where_the_song_is(hosted: Session, tmp_path: Path) -> None:
    """A real interrupt, in a process of its own."""
    code = """
import os, signal, sys, threading
from pathlib import Path
from minimax_nb import Session
session = Session(api_key=sys.argv[1], base_url=sys.argv[2], home=sys.argv[3])
song = session.submit("la la", Path(sys.argv[4]))
print(song.id, flush=True)
threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
session.wait(song)
"""
    (tmp_path / "reference.wav").write_bytes(audio_bytes(16, kind="WAV"))
    with running_service(tmp_path / "slow", seconds=60) as slow:
        arguments = [slow.address.key, slow.address.base_url, str(tmp_path / "home"), str(tmp_path / "reference.wav")]
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
    assert "KeyboardInterrupt" in done.stderr
    generation_id = done.stdout.strip()
    assert f"Stopped waiting. It may still be made and charged; it is in your library: wait('{generation_id}')" in (
        done.stderr
    )


def test_a_read_only_home_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    session = Session(api_key="a-key-for-nobody", base_url="http://127.0.0.1:9", home=tmp_path / "home")
    for ask in (session.songs, lambda: session.submit(LYRICS, REFERENCE)):
        with pytest.raises(LibraryError, match="MINIMAX_NB_HOME"):
            ask()


def test_many_threads_share_one_session(hosted: Session, service: Running) -> None:
    songs: list[Song] = []
    threads = [threading.Thread(target=lambda: songs.append(hosted.generate(LYRICS, REFERENCE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({song.id for song in songs}) == 8
    assert all(song.status is Status.COMPLETED for song in songs)


def test_price_and_balance_are_asked_for_and_a_rehearsal_is_free(hosted: Session, tmp_path: Path) -> None:
    assert hosted.quote() == PRICE
    assert hosted.balance() is not None
    band = Session(home=tmp_path, rehearse=True)
    assert (band.quote(), band.balance()) == (0.0, None)


def submit_at_once(sessions: list[Session]) -> list[MusicError]:
    """Submit a song with each session at the same time; the errors."""
    errors: list[MusicError] = []
    together = threading.Barrier(len(sessions))

    def submit(session: Session) -> None:
        together.wait()
        try:
            session.submit(LYRICS, REFERENCE)
        except MusicError as error:
            errors.append(error)

    threads = [threading.Thread(target=submit, args=[session]) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.parametrize("budget", [{"budget_songs": 5}, {"budget_usd": 5 * PRICE}])
def test_a_budget_holds_under_twenty_clicks_at_once_in_many_kernels(
    service: Running, tmp_path: Path, budget: dict[str, float]
) -> None:
    before = len(service.jobs())
    errors = submit_at_once([guest(service, tmp_path, **budget) for _ in range(20)])
    assert len(service.jobs()) - before == 5
    assert [type(error) for error in errors] == [BudgetExceeded] * 15
    assert all("Nothing was spent" in str(error) for error in errors)
    session = guest(service, tmp_path, **budget)
    assert len(session.songs()) == 5
    assert session.journal.spending().usd == pytest.approx(5 * PRICE)
    with pytest.raises(BudgetExceeded, match="24 hours"):
        session.at(session.settings).submit(LYRICS, REFERENCE)
    Session(home=tmp_path, rehearse=True, budget_songs=0)


BUYER = """
import sys
from minimax_nb import BudgetExceeded, Session
session = Session(api_key=sys.argv[1], base_url=sys.argv[2], home=sys.argv[3], budget_songs=3)
for _ in range(3):
    try:
        print(session.submit("la la", sys.argv[4]).status)
    except BudgetExceeded:
        print("refused")
"""


def test_a_budget_holds_across_processes(service: Running, tmp_path: Path) -> None:
    (tmp_path / "reference.mp3").write_bytes(REFERENCE)
    arguments = [
        service.address.key,
        service.address.base_url,
        str(tmp_path / "home"),
        str(tmp_path / "reference.mp3"),
    ]
    processes = [
        subprocess.Popen([sys.executable, "-c", BUYER, *arguments], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [line for process in processes for line in process.communicate(timeout=60)[0].splitlines()]
    assert sorted(said) == ["queued"] * 3 + ["refused"] * 6


@pytest.mark.parametrize(("lines", "times"), [(3, 0), (36, 1)])
def test_too_many_words_for_a_minute_are_said_before_they_are_paid_for(
    hosted: Session, service: Running, capsys: pytest.CaptureFixture[str], lines: int, times: int
) -> None:
    service.commit({"fault": "no_credits", "call": "submit"})
    with pytest.raises(NoCredits):
        hosted.submit("la la la la la\n" * lines, REFERENCE)
    assert capsys.readouterr().err.count("Songs end at about a minute: the last lines may not be sung.\n") == times


def test_a_rehearsal_costs_nothing_and_is_not_warned_about(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_service(home):
        Session(rehearse=True).submit("la la la la la\n" * 36, REFERENCE)
    assert "minute" not in capsys.readouterr().err


def test_a_budget_in_dollars_needs_a_price(service: Running, tmp_path: Path) -> None:
    service.commit({"fault": "gone_model", "call": "models"})
    with pytest.raises(BudgetExceeded, match="does not say"):
        guest(service, tmp_path, budget_usd=5).submit(LYRICS, REFERENCE)


def test_songs_are_named_noted_starred_and_found_again(service: Running) -> None:
    session = Session(rehearse=True)
    rain = session.generate("Rain on the window", audio_bytes(16))
    side = session.generate("Side by side", audio_bytes(16))
    named = session.label(rain, name="  Tea\nin my hand ", note=" the bass is good ")
    assert (named.title, named.note) == ("Tea in my hand", "the bass is good")
    assert session.label(side.id, starred=True).starred
    assert session.songs("WINDOW bass") == [named]
    assert session.songs("window side") == []
    assert [song.title for song in session.songs(starred=True)] == ["Side by side"]
    assert session.songs(starred=False) == [named]
    assert "★ Side by side" in repr(session.songs())
    assert "the bass is good" in repr(session.songs())
    assert session.retrieve(rain.id).title == "Tea in my hand"
    with pytest.raises(InvalidInput, match="at most 80 characters"):
        session.label(rain, name="la " * 40)
    with pytest.raises(InvalidInput, match="not in your library"):
        session.label("no-such-song", starred=True)


def test_a_named_song_is_saved_under_its_name(service: Running, tmp_path: Path) -> None:
    session = Session(rehearse=True)
    song = session.label(session.generate("Rain", audio_bytes(16)), name='Tea: "one", two?')
    assert song.save(tmp_path).name == "Tea one, two.mp3"
