"""Running an awaitable for a synchronous caller."""

from __future__ import annotations

import _thread
import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient

from minimax_nb.display.waiting import Way, choose, run, wait_until
from minimax_nb.errors import WaitTimeout
from tests.support.kernels import run_cell, running_kernel


@pytest.mark.parametrize(
    ("loop_runs", "ipykernel", "way"),
    [
        (False, "", Way.OWN_LOOP),
        (False, "6.17.1", Way.OWN_LOOP),
        (True, "6.17.1", Way.NESTED),
        (True, "6.31.0", Way.NESTED),
        (True, "7.0.1", Way.HELPER_THREAD),
        (True, "7.4.0", Way.HELPER_THREAD),
        (True, "10.0", Way.HELPER_THREAD),
        (True, "60.1", Way.HELPER_THREAD),
        (True, "", Way.HELPER_THREAD),
    ],
)
def test_the_way_is_chosen_by_loop_and_kernel(loop_runs: bool, ipykernel: str, way: Way) -> None:
    assert choose(loop_runs=loop_runs, ipykernel=ipykernel) is way


async def soon(value: object) -> object:
    await asyncio.sleep(0.01)
    if isinstance(value, BaseException):
        raise value
    return value


async def from_a_running_loop(awaitable: object) -> object:
    return run(awaitable)  # type: ignore[arg-type]


def test_without_a_loop() -> None:
    assert run(soon(42)) == 42


def test_with_a_running_loop() -> None:
    assert asyncio.run(from_a_running_loop(soon(42))) == 42


@pytest.mark.parametrize("error", [ValueError("no"), WaitTimeout("not yet"), TimeoutError("late")])
def test_what_it_raises_is_raised(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error.args[0])):
        run(soon(error))
    with pytest.raises(type(error), match=str(error.args[0])):
        asyncio.run(from_a_running_loop(soon(error)))


def test_what_is_waited_for_comes_after_a_few_looks() -> None:
    results = iter([None, None, 42])
    assert wait_until(lambda: next(results)) == 42

    async def cell() -> int:
        results = iter([None, 43])
        return wait_until(lambda: next(results))

    assert asyncio.run(cell()) == 43


def test_what_a_look_raises_is_raised() -> None:
    def poll() -> None:
        raise WaitTimeout("not yet")

    with pytest.raises(WaitTimeout):
        wait_until(poll)


def test_an_interrupt_cancels() -> None:
    cancelled = threading.Event()

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    # Not asyncio.run, which takes the interrupt for itself.
    loop = asyncio.new_event_loop()
    threading.Timer(0.3, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(from_a_running_loop(long()))
    loop.close()
    assert cancelled.is_set()


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[BlockingKernelClient]:
    with running_kernel(sys.executable, tmp_path) as kernel:
        yield kernel


def reply(kernel: BlockingKernelClient, code: str) -> dict[str, Any]:
    return run_cell(kernel, code).reply


SOON = """
import asyncio, sys
from minimax_nb import run
ended = []
async def soon(seconds):
    try:
        await asyncio.sleep(seconds)
    finally:
        ended.append(seconds)
    return 42
"""


@pytest.mark.kernel
def test_in_a_real_kernel(kernel: BlockingKernelClient) -> None:
    assert reply(kernel, SOON)["status"] == "ok"
    assert reply(kernel, "assert run(soon(0.1)) == 42")["status"] == "ok"
    assert reply(kernel, "assert await soon(0.1) == 42")["status"] == "ok"
    assert (
        reply(
            kernel, "import time; from minimax_nb.display.waiting import wait_until; late = time.monotonic() + 0.5"
        )["status"]
        == "ok"
    )
    assert reply(kernel, "assert wait_until(lambda: time.monotonic() > late or None)")["status"] == "ok"
    safe = "import ipykernel\nassert 'nest_asyncio' not in sys.modules or ipykernel.__version__.startswith('6.')"
    assert reply(kernel, safe)["status"] == "ok"


@pytest.mark.kernel
def test_the_interrupt_button_in_a_real_kernel(kernel: BlockingKernelClient) -> None:
    assert reply(kernel, SOON)["status"] == "ok"
    timer = threading.Timer(1.0, kernel.manager.interrupt_kernel)
    timer.start()
    assert reply(kernel, "run(soon(60))")["ename"] == "KeyboardInterrupt"
    assert reply(kernel, "assert ended == [60]")["status"] == "ok"
    threading.Timer(1.0, kernel.manager.interrupt_kernel).start()
    assert (
        reply(kernel, "from minimax_nb.display.waiting import wait_until; wait_until(lambda: None)")["ename"]
        == "KeyboardInterrupt"
    )
    assert reply(kernel, "assert run(soon(0.1)) == 42")["status"] == "ok"
