"""`async for update in watch(song)`: a real service, a real library, a real event loop."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from minimax_nb import Session, Song, Status
from minimax_nb.errors import InvalidInput, Unauthorized, WaitTimeout
from minimax_nb.tracking import pollers
from minimax_nb.tracking.pollers import Pollers
from tests.support.kernels import PYTHONS, run_cell, running_kernel
from tests.support.service import Running, audio_bytes, guest, running_service

LYRICS = "Side by side\n\nWe always win"
REFERENCE = audio_bytes(20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watch")


@pytest.fixture(scope="module")
def quick(folder: Path) -> Iterator[Running]:
    with running_service(folder / "quick") as running:
        yield running


@pytest.fixture(scope="module")
def endless(folder: Path) -> Iterator[Running]:
    """A service whose band never comes to an end."""
    with running_service(folder / "endless", seconds=600) as running:
        yield running


@pytest.fixture
def session(quick: Running, tmp_path: Path) -> Iterator[Session]:
    quick.commit()
    yield guest(quick, tmp_path)
    quick.commit()


@pytest.fixture
def waiting(endless: Running, tmp_path: Path) -> tuple[Session, Song]:
    session = guest(endless, tmp_path)
    return session, session.submit(LYRICS, REFERENCE)


async def seen(session: Session, song: Song | str, **options: float) -> list[Song]:
    return [update async for update in session.watch(song, **options)]


async def heartbeats(beats: list[int]) -> None:
    while True:
        beats.append(1)
        await asyncio.sleep(0.005)


def test_each_change_from_the_present_state_to_the_last_and_the_loop_stays_free(session: Session) -> None:
    async def cell() -> tuple[list[Song], int]:
        beats: list[int] = []
        heart = asyncio.create_task(heartbeats(beats))
        updates = await seen(session, song)
        heart.cancel()
        return updates, len(beats)

    song = session.submit(LYRICS, REFERENCE)
    updates, beats = asyncio.run(cell())
    assert updates[0] == song
    assert [update.status for update in updates][-2:] == ["downloading", "completed"]
    assert all(one != next_one for one, next_one in itertools.pairwise(updates))
    assert updates[-1].path is not None
    assert session.songs() == [updates[-1]]
    assert beats > 3
    assert asyncio.run(seen(session, song.id)) == [updates[-1]]  # what is final is all there is


def test_several_are_watched_side_by_side(session: Session) -> None:
    async def cell() -> list[list[Song]]:
        return await asyncio.gather(*[seen(session, song) for song in songs])

    songs = [session.submit(f"{LYRICS} {number}", REFERENCE) for number in range(6)]
    ends = [updates[-1] for updates in asyncio.run(cell())]
    assert [(end.request_id, end.status) for end in ends] == [(song.request_id, "completed") for song in songs]


def test_what_passes_is_passed_over_and_what_does_not_is_raised(session: Session, quick: Running) -> None:
    song = session.submit(LYRICS, REFERENCE)
    quick.commit(
        {"fault": "bad_gateway", "call": "retrieve", "times": 1},
        {"fault": "truncated_audio", "call": "download", "times": 1},
    )
    assert asyncio.run(seen(session, song))[-1].status is Status.COMPLETED
    assert quick.fired() == [1, 1]
    song = session.submit(LYRICS, REFERENCE)
    quick.commit({"fault": "unauthorized", "call": "retrieve"})
    with pytest.raises(Unauthorized) as caught:
        asyncio.run(seen(session, song))
    assert (caught.value.spent, caught.value.song_id) == ("yes", song.id)


def test_a_song_that_could_not_be_made_comes_as_it_is(session: Session, quick: Running) -> None:
    song = session.submit(LYRICS, REFERENCE)
    quick.commit({"fault": "error_status", "call": "retrieve", "times": 1})
    last = asyncio.run(seen(session, song))[-1]
    assert last.status is Status.FAILED
    assert last.error
    with pytest.raises(InvalidInput):
        session.watch("")


def test_who_stops_waiting_leaves_the_song_open_and_nothing_behind(
    waiting: tuple[Session, Song], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pollers, "_shared", Pollers(idle=0.1))
    session, song = waiting

    async def leave_by_break() -> None:
        async for _ in session.watch(song):
            break

    async def leave_by_closing() -> None:
        updates = session.watch(song)
        await updates.__anext__()
        await updates.aclose()

    async def leave_by_cancelling() -> None:
        async def watching() -> None:
            async for _ in session.watch(song):
                begun.set()

        begun = asyncio.Event()
        task = asyncio.create_task(watching())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for leave in (leave_by_break, leave_by_closing, leave_by_cancelling):
        asyncio.run(leave())
    with pytest.raises(WaitTimeout, match="recover"):
        asyncio.run(seen(session, song, timeout=0.2))
    assert [each.id for each in session.open_songs()] == [song.id]
    for thread in threading.enumerate():
        if thread.name == pollers.NAME:
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.kernel
@pytest.mark.parametrize("python", PYTHONS)
def test_in_a_real_kernel_with_the_interrupt_button(
    python: str, quick: Running, endless: Running, tmp_path: Path
) -> None:
    (tmp_path / "reference.mp3").write_bytes(REFERENCE)
    with running_kernel(python, tmp_path) as kernel:
        for name, service in (("quick", quick), ("endless", endless)):
            run_cell(
                kernel,
                f"import minimax_nb\n{name} = minimax_nb.Session(home={str(service.home)!r}, rehearse=True)\n"
                f"{name}_song = {name}.submit('La la', 'reference.mp3')",
            )
        cell = run_cell(
            kernel,
            "async for update in quick.watch(quick_song):\n    print(update.status)\nprint(update.path.exists())",
        )
        assert cell.text.splitlines()[-2:] == ["completed", "True"], cell
        cell = run_cell(kernel, "async for update in endless.watch(endless_song):\n    break\nprint('left')")
        assert cell.text == "left\n"
        timer = threading.Timer(1.0, kernel.manager.interrupt_kernel)
        timer.start()
        cell = run_cell(kernel, "async for update in endless.watch(endless_song):\n    print(update.status)")
        assert cell.reply["ename"] in ("KeyboardInterrupt", "CancelledError")
        cell = run_cell(
            kernel,
            "import sys, ipykernel\nprint(endless.retrieve(endless_song).status.final)\n"
            "print('nest_asyncio' in sys.modules and ipykernel.__version__ >= '7')",
        )
        assert cell.text == "False\nFalse\n"
