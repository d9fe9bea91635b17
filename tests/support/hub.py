"""A JupyterHub for tests: its node proxy, servers of students as processes of this computer, any password."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.support import ROOT, until
from tests.support.front_ends import missing

_PROXY = "configurable-http-proxy@5.3.0"
_TOKEN = "a-token-for-the-tests-alone"
_PATIENCE = 120.0  # s, for what several servers and kernels do at once
_REST = """
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.services[0]["environment"]["MINIMAX_NB_HOME"] = {home!r}
c.JupyterHub.services[0]["environment"]["PYTHONPATH"] = {root!r}
c.JupyterHub.services.append({{"name": "tests", "api_token": {token!r}}})
c.JupyterHub.load_roles = [
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "access:servers"]}}
]
"""


@dataclass
class Hub:
    """A running hub.

    Attributes
    ----------
    url : str
        Where it is, with a slash at the end.
    folder : pathlib.Path
        Where `homes/` has a folder for each student, and `room/` is the home of the room.
    """

    url: str
    folder: Path

    def home_of(self, name: str) -> Path:
        """The home folder of a user."""
        return self.folder / "homes" / name

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request as an administrator."""
        headers = {"Authorization": f"token {_TOKEN}"}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, headers=headers, timeout=60, **options)

    def start_server(self, name: str) -> None:
        """Start the server of a user."""
        self.home_of(name).mkdir(parents=True, exist_ok=True)
        self.ask("POST", f"hub/api/users/{name}").raise_for_status()
        self.ask("POST", f"hub/api/users/{name}/server").raise_for_status()

    def wait_for_server(self, name: str) -> None:
        """Wait until the server of a user answers."""
        until(lambda: self.ask("GET", f"hub/api/users/{name}").json().get("server"), _PATIENCE)

    def run(self, codes: Mapping[str, str]) -> dict[str, str]:
        """Run code in a new kernel of each user, all at once; return what was printed, or the error."""

        async def run_all() -> list[str]:
            kernels = {name: self.ask("POST", f"user/{name}/api/kernels").json()["id"] for name in codes}
            return await asyncio.gather(*(self._run(name, kernels[name], code) for name, code in codes.items()))

        # In a thread of its own: Playwright has an event loop running in this one.
        with ThreadPoolExecutor(1) as pool:
            return dict(zip(codes, pool.submit(asyncio.run, run_all()).result(), strict=True))

    async def _run(self, name: str, kernel: str, code: str) -> str:
        url = f"{self.url}user/{name}/api/kernels/{kernel}/channels".replace("http", "ws", 1)
        request = HTTPRequest(
            url, headers={"Authorization": f"token {_TOKEN}"}, connect_timeout=_PATIENCE, request_timeout=_PATIENCE
        )
        connection = await websocket_connect(request, max_message_size=1 << 26)
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "s", "username": name}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await connection.write_message(json.dumps(message))
        printed = []
        while True:
            answer = await asyncio.wait_for(connection.read_message(), _PATIENCE)
            if not isinstance(answer, str):
                continue
            found = json.loads(answer)
            if found["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            printed += [found["content"]["text"]] if found["msg_type"] == "stream" else []
            if found["msg_type"] == "error":
                printed.append("\n".join(found["content"]["traceback"]))
            if found["msg_type"] == "execute_reply":
                connection.close()
                return "".join(printed)


@contextmanager
def running_hub(folder: Path, configuration: str, url: str) -> Iterator[Hub]:
    """Run a hub with this configuration, and kill it and all that it started in the end."""
    for name in ("homes", "room"):
        (folder / name).mkdir(parents=True)
    proxy = _proxy(folder)
    more = _REST.format(
        homes=str(folder / "homes"), proxy=proxy, home=str(folder / "room"), root=str(ROOT), token=_TOKEN
    )
    (folder / "jupyterhub_config.py").write_text(configuration + more)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    log_file = folder / "hub.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    hub = Hub(url, folder)
    try:
        until(lambda: process.poll() is not None or _is_up(hub), 90)
        assert process.poll() is None, log_file.read_text()[-3000:]
        yield hub
    finally:
        _end(process.pid)
        process.wait()


def _proxy(folder: Path) -> str:
    """The proxy of the hub, which is a program for node: one that is here, else fetched."""
    there = shutil.which("configurable-http-proxy")
    if there:
        return there
    if not shutil.which("npm"):
        missing("npm is missing: apt install npm")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), _PROXY]
    subprocess.run(command, check=True)
    return str(folder / "node_modules" / ".bin" / "configurable-http-proxy")


def _is_up(hub: Hub) -> bool:
    try:
        return hub.ask("GET", "hub/api/").status_code == 200 and hub.ask("GET", "services/songs/").status_code == 404
    except requests.ConnectionError:
        return False


def _end(pid: int) -> None:
    started = psutil.Process(pid).children(recursive=True) if psutil.pid_exists(pid) else []
    for process in [*([psutil.Process(pid)] if psutil.pid_exists(pid) else []), *started]:
        try:
            process.kill()
        except psutil.Error:
            continue
