"""The journal: a real file, two connections, every step."""

import sqlite3
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from minimax_nb.audio.timeline import Line, Syllable, Timeline
from minimax_nb.errors import LibraryError, Spent
from minimax_nb.library.journal import Journal
from minimax_nb.library.schema import MIGRATIONS, to_row
from minimax_nb.library.storage import Library, locate
from minimax_nb.song import ALLOWED_STEPS, Song, SongRequest, Status


def new_song(name: str = "a", **changes: object) -> Song:
    request = SongRequest("minimax-music", "la", "##la##", "a.wav, 0:20", {"seed": 7})
    song = Song(name, Status.SENDING, datetime.now(UTC), model="minimax-music", request=request)
    return replace(song, **changes)  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(locate(tmp_path / "library"))


def test_a_song_comes_back_as_it_was_written(journal: Journal, tmp_path: Path) -> None:
    source = str(tmp_path / "library" / "references" / "abc.mp3")
    song = new_song(source=source, base_url="https://api.example", cost_usd=0.5, error="x")
    assert journal.add(song) == song
    assert Journal(journal.library).get("a") == song
    moved = Journal(locate(journal.home.rename(tmp_path / "moved"))).get("a")
    assert moved is not None
    assert moved.source == str(tmp_path / "moved" / "references" / "abc.mp3")


def test_a_song_that_is_asked_for_again_and_again_is_known_as_it_stands(journal: Journal) -> None:
    other, song = Journal(journal.library), new_song(base_url="https://api.example")
    journal.add(song, lease=60)
    assert journal.known(song) == song
    queued = journal.step(song, Status.QUEUED, id="x")
    assert journal.known(song) == journal.known(song) == queued
    assert journal.step(song, Status.GENERATING) == journal.known(song)
    made = other.step(song, Status.DOWNLOADING, audio_url="https://files.invalid/a.mp3")
    deadline = time.monotonic() + 10
    while journal.known(song) != made:  # what somebody else has written is seen soon
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert journal.known(new_song("another")) is None


def test_a_timeline_comes_back_as_it_was_written(journal: Journal) -> None:
    line = Line((Syllable("Qué ", 1.0, 1.25), Syllable("día", 1.25, 2.0)))
    timeline = Timeline((line,), "es", ("The voice cannot say ☃.",))
    journal.add(new_song(status=Status.QUEUED))
    stands = journal.step(new_song(), Status.DOWNLOADING, timeline=timeline)
    assert stands.timeline == timeline
    assert stands.notes == ("The voice cannot say ☃.",)
    assert Journal(journal.library).get("a") == stands
    assert (line.text, line.start, line.end) == ("Qué día", 1.0, 2.0)


def test_a_library_from_before_timelines_is_brought_up_to_date(journal: Journal) -> None:
    journal.library.database.mkdir(parents=True)
    with sqlite3.connect(journal.library.database / "library.db") as old:
        for statement in MIGRATIONS[0]:
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        old.execute(
            "INSERT INTO songs VALUES ('a', '', 'sending', '2026-01-01T00:00:00+00:00', 'm', NULL, NULL, NULL, NULL,"
            " '', '', 1, '', NULL, NULL, NULL, '', '', 0)"
        )
        for prompt in ("la", "##la##"):
            old.execute(
                f"INSERT INTO songs VALUES ('{prompt}', '', 'sending', '2026-01-01T00:00:00+00:00', 'm', 'la',"
                f" '{prompt}', '', '{{}}', '', '', 1, '', NULL, NULL, NULL, '', '', 0)"
            )
    old.close()
    requests = [song.request for song in journal.songs() if song.request]
    assert {request.prompt: request.accompaniment for request in requests} == {"la": False, "##la##": True}
    found = journal.get("a")
    assert found is not None
    assert found.timeline is None
    assert found.notes == ()


def test_every_step_that_is_not_in_the_table_is_not_made(journal: Journal) -> None:
    for before in Status:
        for after in Status:
            song = new_song(f"{before}-{after}", status=before)
            journal.add(song)
            stands = journal.step(song, after, error="moved")
            if after in ALLOWED_STEPS[before]:
                assert (stands.status, stands.error) == (after, "moved")
            else:
                assert (stands.status, stands.error) == (before, "")


def test_of_two_that_want_the_same_step_both_see_what_one_made(journal: Journal) -> None:
    song = new_song(status=Status.DOWNLOADING)
    journal.add(song)
    results: list[Song] = []

    def complete(number: int) -> None:
        path = journal.home / "songs" / f"{number}.mp3"
        results.append(Journal(journal.library).step(song, Status.COMPLETED, path=path, duration=1.0))

    threads = [threading.Thread(target=complete, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({result.path for result in results}) == 1


def test_songs_come_newest_first_and_open_ones_oldest_first(journal: Journal) -> None:
    start = datetime.now(UTC)
    for minute, status in enumerate([Status.QUEUED, Status.COMPLETED, Status.GENERATING]):
        journal.add(new_song(str(minute), status=status, created=start + timedelta(minutes=minute)))
    assert [song.request_id for song in journal.songs()] == ["2", "1", "0"]
    assert [song.request_id for song in journal.open_songs()] == ["0", "2"]


def test_a_deleted_song_is_off_the_list_until_it_is_restored(journal: Journal) -> None:
    done = journal.add(new_song("done", status=Status.COMPLETED))
    waiting = journal.add(new_song("waiting", status=Status.GENERATING))
    assert journal.delete(done)
    assert not journal.delete(waiting)
    assert journal.songs() == [waiting]
    assert {song.request_id for song in journal.songs(deleted=True)} == {"done", "waiting"}
    assert journal.open_songs() == [waiting]
    assert journal.restore(done)
    assert done in journal.songs()


def test_a_file_of_the_first_version_is_brought_up_to_date(journal: Journal) -> None:
    journal.home.mkdir()
    row = to_row(new_song(status=Status.DOWNLOADING), journal.home) | {"owner": "", "deadline": 0.0}
    del row["timeline"], row["accompaniment"]
    with sqlite3.connect(journal.home / "library.db") as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        connection.execute(
            f"INSERT INTO songs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
        )
    (song,) = journal.songs()
    assert journal.step(song, Status.COMPLETED).status is Status.COMPLETED
    assert journal.delete(song)


def test_how_long_songs_usually_take_is_learned_from_the_latest(journal: Journal) -> None:
    now = datetime.now(UTC)
    assert journal.usual_seconds(rehearsal=False) is None
    for number, seconds in enumerate([20, 30, 25, 5000]):
        song = new_song(str(number), status=Status.DOWNLOADING, created=now - timedelta(seconds=seconds))
        journal.step(journal.add(song), Status.COMPLETED)
    assert journal.usual_seconds(rehearsal=False) == pytest.approx(25, abs=3)
    assert journal.usual_seconds(rehearsal=True) is None


def test_a_generation_id_is_found_at_its_own_service(journal: Journal) -> None:
    journal.add(new_song("a", id="x", base_url="https://one.example"))
    journal.add(new_song("b", id="x", base_url="https://two.example"))
    found = journal.find("x", "https://two.example", False)
    assert found is not None
    assert found.request_id == "b"
    assert journal.find("") is None
    twin = journal.add(new_song("c", id="x", base_url="https://one.example"))
    assert twin.request_id == "a"


def test_what_is_written_is_on_disk_when_the_call_returns(journal: Journal) -> None:
    journal.add(new_song())
    with sqlite3.connect(journal.home / "library.db") as other:
        assert other.execute("SELECT status FROM songs").fetchall() == [("sending",)]
        assert other.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert journal._connect().execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL: each commit is synced


def test_a_file_of_a_newer_version_is_left_alone(journal: Journal) -> None:
    journal.home.mkdir()
    with sqlite3.connect(journal.home / "library.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(LibraryError, match="newer version"):
        journal.songs()


def test_a_library_that_cannot_be_used_is_an_error_that_keeps_the_id_in_sight(journal: Journal) -> None:
    song = journal.add(new_song(status=Status.QUEUED, id="generation-7"))
    (journal.home / "library.db").write_bytes(b"not a database at all" * 100)
    for leftover in journal.home.glob("library.db-*"):
        leftover.unlink()
    with pytest.raises(LibraryError, match="generation-7") as caught:
        Journal(journal.library).step(song, Status.GENERATING)
    assert caught.value.spent is Spent.YES
    assert caught.value.song_id == "generation-7"


def test_a_star_a_note_and_a_name_are_seen_by_another_kernel(journal: Journal) -> None:
    song = journal.add(new_song(status=Status.COMPLETED))
    other = Journal(journal.library)
    before = other.version()
    stands = journal.label(song, name="Rainy window", note="The chorus!\nTwice.", starred=True)
    assert (stands.title, stands.note, stands.starred) == ("Rainy window", "The chorus!\nTwice.", True)
    assert other.version() != before
    assert other.songs() == [stands]
    assert other.label(stands, starred=False) == replace(stands, starred=False), "what is not given stays"
    assert journal.get("a") == replace(stands, starred=False)
    assert journal.label(song, name="").title == "la"


def test_a_library_from_before_stars_is_brought_up_to_date(journal: Journal) -> None:
    journal.library.database.mkdir(parents=True)
    with sqlite3.connect(journal.library.database / "library.db") as old:
        for statements in MIGRATIONS[:5]:
            for statement in statements:
                old.execute(statement)
        old.execute("PRAGMA user_version = 5")
        row = to_row(new_song(status=Status.COMPLETED), journal.home) | {"owner": "", "deadline": 0.0}
        old.execute(f"INSERT INTO songs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
    old.close()
    (song,) = journal.songs()
    assert (song.name, song.note, song.starred) == ("", "", False)
    assert journal.label(song, starred=True).starred


def test_what_a_person_said_last_counts_on_a_network_mount(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    one, two = (Journal(Library(drive, tmp_path / name, remote=True)) for name in ("one", "two"))
    song = one.add(new_song(status=Status.COMPLETED))
    one.label(song, name="First", starred=True)
    assert two.songs()[0].name == "First", "a computer that did not know it yet"
    two.label(song, name="Second")
    again = Journal(one.library)
    assert (again.songs()[0].name, again.songs()[0].starred) == ("Second", True)
    again.delete(song)
    assert Journal(two.library).songs() == []
