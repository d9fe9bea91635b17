"""Waiting in a cell that cannot ``await``, on each kernel in the way that is safe there.

=====================  ==========================================  ====================================
where                  `run` an awaitable                          `wait_until` there is something
=====================  ==========================================  ====================================
no loop is running     ``asyncio.run``                             short sleeps
ipykernel 6 (Colab)    the kernel's own loop, entered once more    jupyter-ui-poll: buttons work, queued
                       through nest_asyncio                        cells stay in order
anything else          a loop in a helper thread                   short sleeps
=====================  ==========================================  ====================================

On ipykernel 7 nest_asyncio and jupyter-ui-poll break the kernel, so there they are not even imported: a cell
that waits keeps the kernel to itself, and clicks are handled when it ends. ``await`` in the cell has no such
drawback.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from enum import Enum, auto
from typing import Generic, TypeVar

T = TypeVar("T")

_STEP = 0.1  # s between two calls, and until the interrupt button is noticed
_EVENT_STEP, _EVENTS = 0.05, 10  # s between two rounds of events of the page, and how many are handled at once
_FAREWELL = 2.0  # s that an interrupted awaitable may take to end


class Way(Enum):
    """How an awaitable is run."""

    OWN_LOOP = auto()
    NESTED = auto()
    HELPER_THREAD = auto()


def choose(*, loop_runs: bool, ipykernel: str) -> Way:
    """Choose the way.

    Parameters
    ----------
    loop_runs : bool
        Whether an event loop runs in this thread.
    ipykernel : str
        The version of the kernel this code runs in; empty outside of one.
    """
    if not loop_runs:
        return Way.OWN_LOOP
    return Way.NESTED if ipykernel.partition(".")[0] == "6" else Way.HELPER_THREAD


def run(awaitable: Awaitable[T]) -> T:
    """Run an awaitable to its end, from a cell or a function that cannot ``await``.

    Where ``await`` is possible it is better: the widgets of the page stay alive meanwhile.

    Parameters
    ----------
    awaitable : awaitable
        Such as ``studio.result()`` or a coroutine of your own.

    Returns
    -------
    object
        What the awaitable returns; what it raises is raised.

    Raises
    ------
    KeyboardInterrupt
        When the person interrupts; the awaitable is cancelled.

    Examples
    --------
    >>> from minimax_nb import run, watch
    >>> async def last_status(song):
    ...     async for song in watch(song):
    ...         pass
    ...     return song.status
    >>> run(last_status(song))  # doctest: +SKIP
    <Status.COMPLETED: 'completed'>
    """
    way = choose(loop_runs=_loop_runs(), ipykernel=_ipykernel_version())
    if way is Way.OWN_LOOP:
        return asyncio.run(_settle(awaitable))
    if way is Way.NESTED:
        return _run_nested(awaitable)
    return _Helper(awaitable).wait()


def wait_until(result_of: Callable[[], T | None]) -> T:
    """Call `result_of` several times a second until it returns something.

    Parameters
    ----------
    result_of : callable
        Returns None while there is nothing; what it raises is raised.

    Raises
    ------
    KeyboardInterrupt
        When the person interrupts.
    """
    if choose(loop_runs=_loop_runs(), ipykernel=_ipykernel_version()) is Way.NESTED:
        from jupyter_ui_poll import run_ui_poll_loop

        found: T = run_ui_poll_loop(result_of, sleep=_EVENT_STEP, n=_EVENTS)
        return found
    while (result := result_of()) is None:
        time.sleep(_STEP)
    return result


async def _settle(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _ipykernel_version() -> str:
    # Only a kernel has this module loaded.
    return getattr(sys.modules.get("ipykernel"), "__version__", "")


def _run_nested(awaitable: Awaitable[T]) -> T:
    import nest_asyncio

    loop = asyncio.get_running_loop()
    nest_asyncio.apply(loop)
    task = asyncio.ensure_future(awaitable)
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt:
        task.cancel()
        raise


class _Helper(Generic[T]):
    """A daemon thread with a loop of its own, for one awaitable."""

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._awaitable = awaitable
        self._outcome: Future[T] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Future[T] | None = None

    def wait(self) -> T:
        """Wait in short steps; an interrupt cancels the awaitable before it goes on its way."""
        threading.Thread(target=self._work, name="minimax_nb run", daemon=True).start()
        try:
            while not self._outcome.done():
                wait([self._outcome], _STEP)
            return self._outcome.result()
        except KeyboardInterrupt:
            self._cancel()
            raise

    def _cancel(self) -> None:
        if self._loop and self._task and not self._outcome.done():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._outcome.exception(_FAREWELL)

    def _work(self) -> None:
        try:
            self._outcome.set_result(asyncio.run(self._main()))
        except BaseException as error:
            self._outcome.set_exception(error)

    async def _main(self) -> T:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._awaitable)
        return await self._task
