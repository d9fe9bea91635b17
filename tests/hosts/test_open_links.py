"""How long a link is up: until its songs are made, or nobody waits, or its deadline; and what is shared twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from minimax_nb.errors import InvalidReference, OutcomeUnknown, Refused, Unreachable
from minimax_nb.hosts import arrival, open_links
from minimax_nb.hosts.arrival import arrange
from minimax_nb.reference import Reference
from tests.support.tunnel import eventually


class Watched:
    """A host that remembers what was shared, and whether that is up."""

    name = "watched"
    ends = True

    def __init__(self) -> None:
        self.shared = 0
        self.up = 0
        self.fails = False

    @contextmanager
    def share(self, file: Path) -> Iterator[str]:
        if self.fails:
            raise Unreachable("It does not come up.")
        self.shared += 1
        self.up += 1
        try:
            time.sleep(0.02)
            yield f"https://example.org/{self.shared}/{file.name}"
        finally:
            self.up -= 1


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(arrival, "check_link", lambda url, **_: None)
    host = Watched()
    yield host
    open_links._close_all()
    assert not host.up
    assert eventually(lambda: not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()))


@pytest.fixture
def track(tmp_path: Path) -> Reference:
    return Reference("a track", path=tmp_path / "a.mp3")


def submitted(track: Reference, host: Watched, request_id: str = "one", error: BaseException | None = None) -> str:
    with arrange(track, host, request_id) as field:
        if error:
            raise error
        return field["reference_audio_url"]


def test_a_link_ends_with_its_song(host: Watched, track: Reference) -> None:
    assert submitted(track, host) == "https://example.org/1/a.mp3"
    open_links.end("another")
    assert host.up == 1
    open_links.end("one")
    assert eventually(lambda: not host.up and not open_links._shared)
    open_links.end("one")


def test_one_link_serves_all_songs_with_the_same_track(host: Watched, track: Reference) -> None:
    urls = []
    threads = [
        threading.Thread(target=lambda number=number: urls.append(submitted(track, host, str(number))))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert urls == ["https://example.org/1/a.mp3"] * 20
    for number in range(19):
        open_links.end(str(number))
    time.sleep(0.1)
    assert host.up == 1
    open_links.end("19")
    assert eventually(lambda: not host.up)
    assert submitted(track, host) == "https://example.org/2/a.mp3"


def test_a_link_ends_at_its_deadline(host: Watched, track: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_links, "MOST_SECONDS", 0.1)
    submitted(track, host)
    assert eventually(lambda: not host.up)


def test_a_link_ends_soon_after_nobody_waits_any_more(
    host: Watched, track: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_links, "LEFT_SECONDS", 0.2)
    submitted(track, host)
    open_links.leave("one")
    assert host.up
    assert eventually(lambda: not host.up)


def test_a_rejection_takes_it_away_and_an_unknown_outcome_does_not(host: Watched, track: Reference) -> None:
    for error, up in ((OutcomeUnknown("lost"), 1), (KeyboardInterrupt(), 1)):
        with pytest.raises(type(error)):
            submitted(track, host, error=error)
        assert host.up == up
    with pytest.raises(Refused):
        submitted(track, host, "two", Refused("no"))
    assert host.up == 1  # the first song may be made
    open_links.end("one")
    assert eventually(lambda: not host.up)


def test_a_link_that_does_not_work_is_not_given_to_the_next_song(
    host: Watched, track: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(track, host)

    def dead(url: str, **_: object) -> None:
        raise InvalidReference("It cannot be fetched.")

    monkeypatch.setattr(arrival, "check_link", dead)
    with pytest.raises(InvalidReference):
        submitted(track, host, "two")
    assert not host.up
    monkeypatch.setattr(arrival, "check_link", lambda url, **_: None)
    assert submitted(track, host, "three") == "https://example.org/2/a.mp3"


def test_a_host_that_gives_no_link_leaves_nothing(host: Watched, track: Reference) -> None:
    host.fails = True
    with pytest.raises(Unreachable):
        submitted(track, host)
    assert not open_links._shared
    host.fails = False
    assert submitted(track, host)
