"""Driving JupyterLab the way a person does, and waiting for what a person would wait for."""

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
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import nbformat
from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).parents[2]
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
]

_QUIET = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
_KERNEL_READY = """() => {
    const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    const kernel = context?.session?.kernel;
    return context?.isReady && kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
}"""
_PLAYS = """audio => new Promise(resolve => {
    audio.addEventListener('canplay', () => resolve(audio.error ? -1 : audio.duration), {once: true});
    audio.addEventListener('error', () => resolve(-1), {once: true});
    audio.load();
})"""


@dataclass(frozen=True)
class Server:
    """A Jupyter server of our own.

    Attributes
    ----------
    url : str
    root : pathlib.Path
        The folder it shows, with the notebooks.
    home : pathlib.Path
        The library its kernels use.
    """

    url: str
    root: Path
    home: Path


@contextmanager
def running_lab(folder: Path) -> Iterator[Server]:
    """Run JupyterLab with nothing but fresh folders."""
    port = _free_port()
    server = Server(f"http://127.0.0.1:{port}", folder / "root", folder / "home")
    server.root.mkdir(parents=True)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--IdentityProvider.token=", "--ServerApp.password="]
    command += [f"--ServerApp.root_dir={server.root}", "--LabApp.expose_app_in_browser=True"]
    with (folder / "lab.log").open("wb") as log:
        process = subprocess.Popen(command, env=_environment(folder), stdout=log, stderr=log, cwd=server.root)
        try:
            _wait_until_up(server.url, process, folder / "lab.log")
            yield server
        finally:
            process.terminate()
            process.wait(20)


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
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


def write_notebook(server: Server, name: str, *cells: str) -> None:
    """Write a notebook of code cells; each test uses a name of its own, for Lab keeps a kernel per path."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, server.root / name)


def open_and_run(page: Page, server: Server, name: str) -> Locator:
    """Open a notebook, run all of it, and return its studio."""
    page.goto(f"{server.url}/lab/tree/{name}?reset")
    page.wait_for_function(_KERNEL_READY, timeout=60_000)
    # The promise is not returned: it lasts as long as the cells do.
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    studio = page.locator(".mnb-studio")
    expect(studio).to_be_visible(timeout=30_000)
    return studio


def shut_kernel_down(page: Page) -> None:
    """End the kernel of the notebook that is open."""
    page.evaluate("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.shutdown()")


def upload(page: Page, studio: Locator, file: Path) -> None:
    """Pick a file with the button; its input is never in the page."""
    with page.expect_file_chooser() as chooser:
        studio.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)


def playable_seconds(studio: Locator) -> float:
    """How long the player of the studio plays; −1 when it does not."""
    return float(studio.locator("audio").evaluate(_PLAYS))
