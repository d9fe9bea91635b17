"""The stand-in for Google Colab has what Colab has, and lacks what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from front_ends import COLAB, MESSAGE_LIMIT, FrontEnd, Server, open_notebook, run_cells, write_notebook
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PINS = Path(__file__).parents[1] / "data" / "colab-pins.txt"
PACKAGES = ("ipywidgets", "ipykernel", "ipython", "anywidget", "tornado", "traitlets", "numpy", "soundfile")
_VERSIONS = f"from importlib.metadata import version\nprint(*(f'{{name}}=={{version(name)}}' for name in {PACKAGES}))"
_ASK = """padding => new Promise(resolve => {
    const {ws_url, id} = Jupyter.notebook.kernel;
    const socket = new WebSocket(`${ws_url}/api/kernels/${id}/channels`);
    const msg_type = 'kernel_info_request';
    const header = {msg_id: 'm', session: 's', username: '', date: '', version: '5.3', msg_type};
    const metadata = {padding: 'x'.repeat(padding)};
    const question = {header, metadata, parent_header: {}, content: {}, buffers: [], channel: 'shell'};
    socket.onopen = () => socket.send(JSON.stringify(question));
    socket.onmessage = event => JSON.parse(event.data).msg_type === 'kernel_info_reply' && resolve('answered');
    socket.onclose = () => resolve('closed');
})"""
"""Asks the kernel something, in a message of a given size."""


@pytest.fixture
def colab(page: Page, serve: Callable[[FrontEnd], Server]) -> Server:
    """The stand-in."""
    return serve(COLAB)


def test_the_stand_in_has_its_versions_and_its_limit(page: Page, colab: Server) -> None:
    write_notebook(colab, "stand-in.ipynb", _VERSIONS)
    open_notebook(page, colab, "stand-in.ipynb")
    run_cells(page, colab, 0)
    pins = [line for line in PINS.read_text().splitlines() if line.partition("==")[0].lower() in PACKAGES]
    by_name = {line.partition("==")[0].lower(): line for line in pins}
    expect(page.get_by_text(" ".join(by_name[name] for name in PACKAGES))).to_be_visible()
    assert page.evaluate(_ASK, MESSAGE_LIMIT - 1000) == "answered"
    assert page.evaluate(_ASK, MESSAGE_LIMIT) == "closed"
