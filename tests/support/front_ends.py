"""The front ends: how each is started, opened and driven, and what is waited for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support import ROOT

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    # A page that a test answers for has no address, and would not be let to servers of this computer; and every new
    # window would load the pages of an address bar that nobody sees, for half a second of processor time.
    "--disable-features=LocalNetworkAccessChecks,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
]
MESSAGE_LIMIT = 1_000_000
"""The largest message that the way to Colab's kernels lets through, in bytes."""

_QUIET = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
_OPEN = ("--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.password=", "--allow-root")
_AT = ("--ServerApp.port={port}", "--ServerApp.root_dir={root}")
_OPEN_CLASSIC = ("--NotebookApp.ip=127.0.0.1", "--NotebookApp.token=", "--NotebookApp.password=", "--allow-root")
_AT_CLASSIC = ("--NotebookApp.port={port}", "--NotebookApp.notebook_dir={root}")
_LIMITED = f'--NotebookApp.tornado_settings={{"websocket_max_message_size": {MESSAGE_LIMIT}}}'

_LAB_READY = """() => {
    const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    const kernel = context?.session?.kernel;
    return context?.isReady && kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
}"""
# At first a widget manager looks for widgets that the kernel has. Those that a cell makes meanwhile would be in the
# page twice, and the one that is shown may not be the one that is kept up to date.
_LAB_SETTLE = """async () => {
    const pause = () => new Promise(done => setTimeout(done, 20));
    const {rendermime} = window.jupyterapp.shell.currentWidget.content;
    for (;;) {
        const view = rendermime.createRenderer('application/vnd.jupyter.widget-view+json');
        const manager = await Promise.race([view._manager?.promise, pause()]);
        view.dispose();
        if (manager?.restoredStatus) return;
        await pause();
    }
}"""
# No promise is returned: it lasts as long as the cells do.
_LAB_RUN = """cells => {
    const {commands, shell} = window.jupyterapp;
    const run = async () => {
        for (const cell of cells) {
            shell.currentWidget.content.activeCellIndex = cell;
            commands.execute('notebook:run-cell');
        }
    };
    run();
}"""
_LAB_OPEN = """async name => {
    window.leftEmpty = false;
    const {commands, shell} = window.jupyterapp;
    const shown = await commands.execute('docmanager:open', {path: name});
    shell.activateById(shown.id);
}"""
_LAB_SHOWN = "name => window.jupyterapp.shell.currentWidget?.context?.path === name"
_LAB_CLOSE = """async () => {
    const {serviceManager, shell} = window.jupyterapp;
    for (const widget of [...shell.widgets('main')]) widget.dispose();
    await serviceManager.sessions.shutdownAll();
    document.body.style.minHeight = '';
    window.leftEmpty = true;
}"""
_LAB_EMPTY = "() => Boolean(window.leftEmpty)"
_LAB_END = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.shutdown()"
_CLASSIC_READY = """() => {
    const kernel = window.Jupyter?.notebook?.kernel;
    return kernel?.is_connected() && kernel.widget_manager && kernel.info_reply?.status === 'ok';
}"""
# Its widget manager does the same; a second look ends after the first.
_CLASSIC_SETTLE = """async () => {
    const kernel = Jupyter.notebook.kernel;
    const {content} = await new Promise(done => kernel.comm_info('jupyter.widget', done));
    if (!Object.keys(content.comms).length) await kernel.widget_manager._loadFromKernel();
}"""
_CLASSIC_RUN = "cells => Jupyter.notebook.execute_cells(cells)"
_CLASSIC_END = "() => new Promise(done => Jupyter.notebook.session.delete(done, done))"


@dataclass(frozen=True)
class FrontEnd:
    """One front end, as data.

    Attributes
    ----------
    module : str
        What ``python -m`` starts.
    arguments : tuple of str
        With ``{port}`` and ``{root}`` to fill in.
    page : str
        Where a notebook is, with ``{name}`` to fill in.
    ready, settle, run, end : str
        JavaScript: whether the kernel is there, waiting until the page has looked for widgets in it, running cells of
        given numbers, ending the kernel. Empty where the front end does it by itself.
    message_limit : int
        The largest message its server takes, in bytes.
    python : str
        The environment variable that names its Python; empty for the one that runs the tests.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    page: str
    ready: str = ""
    settle: str = ""
    run: str = ""
    end: str = ""
    message_limit: int = 10 << 20
    python: str = ""


_LAB_LIKE = {"ready": _LAB_READY, "settle": _LAB_SETTLE, "run": _LAB_RUN, "end": _LAB_END}
LAB = FrontEnd(
    "lab", "jupyterlab", (*_OPEN, *_AT, "--LabApp.expose_app_in_browser=True"), "lab/tree/{name}?reset", **_LAB_LIKE
)
NOTEBOOK = FrontEnd(
    "notebook7",
    "notebook",
    (*_OPEN, *_AT, "--JupyterNotebookApp.expose_app_in_browser=True"),
    "notebooks/{name}",
    **_LAB_LIKE,
)
VOILA = FrontEnd(
    "voila",
    "voila",
    ("--port={port}", "--Voila.ip=127.0.0.1", "--show_tracebacks=True", "{root}"),
    "voila/render/{name}",
)
COLAB = FrontEnd(
    "colab",
    "notebook",
    (*_OPEN_CLASSIC, *_AT_CLASSIC, _LIMITED),
    "notebooks/{name}",
    ready=_CLASSIC_READY,
    settle=_CLASSIC_SETTLE,
    run=_CLASSIC_RUN,
    end=_CLASSIC_END,
    message_limit=MESSAGE_LIMIT,
    python="MINIMAX_NB_COLAB_PYTHON",
)
FRONT_ENDS = {front_end.name: front_end for front_end in (LAB, NOTEBOOK, VOILA, COLAB)}


@dataclass(frozen=True)
class Server:
    """A running front end of our own.

    Attributes
    ----------
    front_end : FrontEnd
    url : str
    root : pathlib.Path
        The folder it shows, with the notebooks.
    home : pathlib.Path
        The library its kernels use.
    """

    front_end: FrontEnd
    url: str
    root: Path
    home: Path


def missing(what: str) -> None:
    """Skip on a person's machine that lacks something; fail where nothing may be skipped."""
    if os.environ.get("CI") or os.environ.get("MINIMAX_NB_REQUIRE_BROWSER") == "1":
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def running(front_end: FrontEnd, folder: Path) -> Iterator[Server]:
    """Run a front end with nothing but fresh folders."""
    port = _free_port()
    server = Server(front_end, f"http://127.0.0.1:{port}", folder / "root", folder / "home")
    server.root.mkdir(parents=True)
    arguments = [
        part.replace("{port}", str(port)).replace("{root}", str(server.root)) for part in front_end.arguments
    ]
    command = [_python_of(front_end), "-m", front_end.module, "--no-browser", *arguments]
    log_file = folder / "server.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, env=_environment(folder), stdout=log, stderr=log, cwd=server.root)
        try:
            _wait_until_up(server.url, process, log_file)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _filled(argument: str, places: Mapping[str, str]) -> str:
    for place, value in places.items():
        argument = argument.replace(place, value)
    return argument


def _python_of(front_end: FrontEnd) -> str:
    if not front_end.python:
        return sys.executable
    python = os.environ.get(front_end.python, "")
    if not python:
        missing(f"{front_end.python} names no Python with the packages of the front end {front_end.name}")
    return python


def _environment(folder: Path) -> Mapping[str, str]:
    config = folder / "config"
    (config / "labconfig").mkdir(parents=True)
    (config / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(_QUIET))
    own = {
        "JUPYTER_CONFIG_DIR": config,
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTER_RUNTIME_DIR": folder / "runtime",
        "IPYTHONDIR": folder / "ipython",
        "MINIMAX_NB_HOME": folder / "home",
        "PYTHONPATH": ROOT,
    }
    return {**os.environ, **{name: str(path) for name, path in own.items()}}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(f"{url}/api", timeout=5):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"{process.args} did not start:\n{log.read_text()[-2000:]}")


def write_notebook(server: Server, name: str, *cells: str) -> None:
    """Write a notebook of code cells; each test uses a name of its own, for Lab keeps a kernel per path."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, server.root / name)


def open_notebook(page: Page, server: Server, name: str) -> None:
    """Open a notebook and wait until its kernel is there; where Lab was left with nothing open, in the same page."""
    if server.front_end is LAB and page.url.startswith(f"{server.url}/lab") and page.evaluate(_LAB_EMPTY):
        page.evaluate(_LAB_OPEN, name)
        page.wait_for_function(_LAB_SHOWN, arg=name)
    else:
        page.goto(f"{server.url}/{server.front_end.page.format(name=name)}")
    wait_for_kernel(page, server)


def close_notebooks(page: Page) -> None:
    """Leave Lab with nothing open and no kernel, for `open_notebook`; any other page is left."""
    if page.evaluate("() => Boolean(window.jupyterapp?.shell?.widgets)"):
        page.evaluate(_LAB_CLOSE)
    else:
        page.goto("about:blank")


def wait_for_kernel(page: Page, server: Server) -> None:
    """Wait until the kernel of the open notebook can run something."""
    if server.front_end.ready:
        page.wait_for_function(server.front_end.ready, timeout=60_000)
    if server.front_end.settle:
        page.evaluate(server.front_end.settle)


def run_cells(page: Page, server: Server, *cells: int) -> None:
    """Run cells of the open notebook by their numbers; where a front end runs all by itself, do nothing."""
    if server.front_end.run:
        page.evaluate(server.front_end.run, list(cells))


def open_and_run(page: Page, server: Server, name: str) -> Locator:
    """Open a notebook, run all of it, and return its studio."""
    open_notebook(page, server, name)
    number = len(nbformat.read(server.root / name, as_version=4).cells)
    run_cells(page, server, *range(number))
    return shown_studio(page)


def shown_studio(page: Page) -> Locator:
    """The studio, once it is shown."""
    studio = page.locator(".mnb-studio")
    expect(studio).to_be_visible(timeout=30_000)
    return studio


def end_kernel(page: Page, server: Server) -> None:
    """End the kernel of the notebook that is open."""
    if server.front_end.end:
        page.evaluate(server.front_end.end)
    else:
        # Its page ends its kernel when it is left.
        page.goto("about:blank")
