"""Kernels for tests: the one of this environment, and the one of the stand-in for Google Colab where there is one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient, KernelManager

from tests.support import ROOT

COLAB = os.environ.get("MINIMAX_NB_COLAB_PYTHON", "")

PYTHONS = [
    pytest.param(sys.executable, id="here"),
    pytest.param(COLAB, id="colab", marks=pytest.mark.skipif(not COLAB, reason="there is no stand-in for Colab")),
]
"""For `pytest.mark.parametrize`."""


@contextlib.contextmanager
def running_kernel(python: str, folder: Path) -> Iterator[BlockingKernelClient]:
    """Run a kernel of this Python in a folder; its `manager` can interrupt it."""
    try:
        client = _started(python, folder)
    except RuntimeError:
        # Its ports are chosen before it takes them, and another process may have been quicker.
        client = _started(python, folder)
    try:
        yield client
    finally:
        _end(client)


def _started(python: str, folder: Path) -> BlockingKernelClient:
    root = str(ROOT)
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv[0] = python
    manager.start_kernel(cwd=str(folder), env={**os.environ, "PYTHONPATH": root})
    client = manager.client()
    client.manager = manager
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
    except RuntimeError:
        _end(client)
        raise
    return client


def _end(client: BlockingKernelClient) -> None:
    client.stop_channels()
    client.manager.shutdown_kernel(now=True)


class Seen(list[dict[str, Any]]):
    """The outputs of one cell."""

    reply: dict[str, Any]

    @property
    def text(self) -> str:
        """All that was printed."""
        return "".join(each["text"] for each in self if "text" in each)

    @property
    def html(self) -> str:
        """All html that was displayed."""
        return "".join(each["data"].get("text/html", "") for each in self if "data" in each)


def run_cell(kernel: BlockingKernelClient, code: str) -> Seen:
    """Run a cell and return what was seen below it."""
    seen = Seen()
    # A kernel that stops on an error also throws away a cell that comes a moment later.
    answer = kernel.execute_interactive(
        code, timeout=60, stop_on_error=False, output_hook=lambda message: seen.append(message["content"])
    )
    seen.reply = answer["content"]
    return seen
