"""Pages of our own over the packages that other front ends are made of: VS Code's renderer, Colab's widget manager.

Node's packages are installed, and the pages built, once for each state of ``tests/browser/pages``. VS Code's renderer
is one file that has its dependencies inside; what its package names beside it is not installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from filelock import FileLock
from playwright.sync_api import Page, Route

from tests.support import ROOT
from tests.support.front_ends import COLAB, LAB, FrontEnd, Server, missing

SOURCES = ROOT / "tests" / "browser" / "pages"
_READY = "() => window.notebook?.kernel.status === 'idle'"
_RUN = "cells => notebook.run(cells)"
_END = "() => window.notebook?.end()"
_OURS = {"ready": _READY, "settle": "", "run": _RUN, "end": _END}
VSCODE = replace(LAB, name="vscode", page="page/vscode.html?notebook={name}", **_OURS)
COLAB_MANAGER = replace(COLAB, name="colab-manager", page="page/colab.html?notebook={name}", **_OURS)


def built_pages(cache: Path) -> Path:
    """Build the pages, unless that was done before.

    Parameters
    ----------
    cache : pathlib.Path
        A folder that outlives this run.

    Returns
    -------
    pathlib.Path
        The folder with the pages.
    """
    sources = sorted(SOURCES.iterdir())
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    folder = cache / digest
    with FileLock(cache / "lock"):
        if not (folder / "built").exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(SOURCES, folder)
            _build(folder)
            (folder / "built").touch()
    return folder


def _build(folder: Path) -> None:
    if not shutil.which("npm"):
        missing("npm is missing: apt install npm")
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    esbuild = folder / "node_modules" / ".bin" / "esbuild"
    # Packages that find a `define` would take the page's own for theirs.
    how = ["--bundle", "--outdir=.", "--allow-overwrite", "--define:define=undefined"]
    subprocess.run([esbuild, "vscode.js", "colab.js", *how], cwd=folder, check=True)
    shutil.copy(folder / "node_modules" / "requirejs" / "require.js", folder)
    shutil.rmtree(folder / "node_modules")


def offer(page: Page, server: Server, front_end: FrontEnd, pages: Path) -> Server:
    """Let a server have one of the pages as well; its kernels run what the page asks for."""
    python = Path(os.environ[front_end.python]) if front_end.python else Path(sys.executable)
    anywidget = python.parents[1] / "share" / "jupyter" / "nbextensions" / "anywidget" / "index.js"
    page.route(f"{server.url}/page/*", lambda route: route.fulfill(path=pages / _name(route)))
    page.route(f"{server.url}/page/anywidget.js", lambda route: route.fulfill(path=anywidget))
    return replace(server, front_end=front_end)


def _name(route: Route) -> str:
    return route.request.url.partition("?")[0].rpartition("/")[2]
