"""One file behind a temporary public address: up while it is needed, and nothing of it afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from minimax_nb.errors import InvalidOption, Unreachable
from minimax_nb.hosts import tunnel
from minimax_nb.hosts.file_server import serve
from minimax_nb.hosts.tunnel import Tunnel
from tests.support import ROOT
from tests.support.service import audio_bytes
from tests.support.tunnel import StandIn, eventually, put_on_path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reference.mp3"
    path.write_bytes(audio_bytes(20))
    return path


@pytest.fixture
def cloudflared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return put_on_path(tmp_path / "bin", monkeypatch)


def ports() -> set[int]:
    """The ports on which this process and its children listen."""
    me = psutil.Process()
    found = set()
    for process in (me, *me.children(recursive=True)):
        found |= {each.laddr.port for each in process.net_connections() if each.status == psutil.CONN_LISTEN}
    return found


def threads() -> set[str]:
    """What of this room is still running; songs of other tests may still be polled."""
    return {thread.name for thread in threading.enumerate()} & {"minimax_nb file", "minimax_nb tunnel"}


def nothing_is_left(cloudflared: StandIn, before: set[int]) -> bool:
    return eventually(lambda: not cloudflared.processes and not threads() and ports() == before)


def ask(url: str, method: str = "GET", **headers: str) -> requests.Response:
    with requests.Session() as http:
        http.trust_env = False
        return http.request(method, url, headers=headers, timeout=10)


def test_the_file_is_served_whole_and_in_ranges(file: Path) -> None:
    data = file.read_bytes()
    with serve(file) as url:
        whole = ask(url)
        assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, data, "audio/mpeg")
        head = ask(url, "HEAD")
        assert (head.status_code, head.content, int(head.headers["Content-Length"])) == (200, b"", len(data))
        for span, expected in {
            "bytes=0-99": data[:100],
            "bytes=100-": data[100:],
            "bytes=-50": data[-50:],
            f"bytes=10-{len(data) * 2}": data[10:],
        }.items():
            part = ask(url, Range=span)
            assert (part.status_code, part.content) == (206, expected), span
        assert ask(url, Range="bytes=0-99").headers["Content-Range"] == f"bytes 0-99/{len(data)}"
        assert ask(url, Range=f"bytes={len(data)}-").status_code == 416
        assert ask(url, Range="bytes=-0").status_code == 416
        assert ask(url, Range="lines=1-2").status_code == 200


def test_nothing_else_is_on_that_port(file: Path) -> None:
    with serve(file) as url:
        root = url.removesuffix(urlsplit(url).path)
        assert len(urlsplit(url).path.split("/")[1]) >= 32
        for path in (
            "/",
            "/reference.mp3",
            urlsplit(url).path + "x",
            urlsplit(url).path + "/../..",
            "/%2e%2e/etc/passwd",
        ):
            answer = ask(root + path)
            assert (answer.status_code, answer.content) == (404, b"")
            assert "Python" not in str(answer.headers)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
            assert ask(url, method).status_code == 405
        assert urlsplit(url).hostname == "127.0.0.1"


def test_who_is_still_reading_is_cut_off(file: Path) -> None:
    with serve(file) as url:
        idle = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))
        assert ask(url).status_code == 200  # so that the idle connection has been accepted
    idle.settimeout(5)
    assert idle.recv(1) == b""
    idle.close()
    assert not threads()


def test_a_tunnel_leads_to_the_file_and_is_gone_afterwards(file: Path, cloudflared: StandIn) -> None:
    before = ports()
    with Tunnel().share(file) as url:
        assert ask(url).content == file.read_bytes()
        assert ask(url.rpartition("/")[0]).status_code == 404
        assert len(cloudflared.processes) == 1
    with pytest.raises(requests.ConnectionError):
        ask(url)
    assert nothing_is_left(cloudflared, before)


def test_settings_of_other_tunnels_are_none_of_its_business(
    file: Path, cloudflared: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNNEL_TOKEN", "somebody's")  # the stand-in refuses to run with one
    with Tunnel().share(file) as url:
        assert ask(url, "HEAD").status_code == 200


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("never", "did not come up"),
        ("refused", "429 Too Many Requests"),
        ("unreachable", "cannot be reached"),
        ("dies", "cannot be reached. cloudflared ended"),
    ],
)
def test_one_that_does_not_come_up_says_so_and_leaves_nothing(
    behaviour: str, says: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "START_SECONDS", 1.5)
    monkeypatch.setattr(tunnel, "REACH_SECONDS", 1.5)
    cloudflared, before = put_on_path(tmp_path / "bin", monkeypatch, behaviour), ports()
    with pytest.raises(Unreachable) as caught, Tunnel().share(file):
        pytest.fail("there is no link")
    assert says in str(caught.value)
    assert "Nothing was spent." in str(caught.value)
    assert "give a link to the track" in str(caught.value)
    assert cloudflared.ran == 1
    assert nothing_is_left(cloudflared, before)


def test_killed_in_the_middle_it_leaves_nothing(file: Path, cloudflared: StandIn) -> None:
    before = ports()
    with Tunnel().share(file) as url:
        cloudflared.processes[0].kill()
        assert eventually(lambda: not cloudflared.processes)
        with pytest.raises(requests.ConnectionError):
            ask(url)
    assert nothing_is_left(cloudflared, before)


SHARING = """
import sys, time
from pathlib import Path
from minimax_nb.hosts.open_links import share
from minimax_nb.hosts.tunnel import Tunnel
print(share(Tunnel(), Path(sys.argv[1]), "a song").url, flush=True)
{then}
"""


def other_kernel(file: Path, then: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SHARING.format(then=then), str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_process_that_is_killed_takes_its_tunnel_down(file: Path, cloudflared: StandIn) -> None:
    with other_kernel(file, "time.sleep(600)") as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert ask(url, "HEAD").status_code == 200
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    assert eventually(lambda: not any(child.is_running() for child in children))
    assert not cloudflared.processes


def test_a_process_that_ends_takes_its_tunnel_down(file: Path, cloudflared: StandIn) -> None:
    with other_kernel(file, "") as process:
        assert process.stdout
        assert process.stdout.readline()
        assert process.wait(20) == 0
    assert not cloudflared.processes


def test_without_the_program_it_says_how_to_get_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pycloudflared.util", None)
    with pytest.raises(InvalidOption, match="brew install cloudflared") as caught, Tunnel().share(file):
        pytest.fail("there is no link")
    assert "[tunnel]" in str(caught.value)


def test_the_package_gives_its_own_program(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    put_on_path(tmp_path / "bin", monkeypatch)
    program = str(tmp_path / "bin" / "cloudflared")
    monkeypatch.setenv("PATH", "")
    package = tmp_path / "site" / "pycloudflared"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    fetched = package / "cloudflared-linux-amd64"
    (package / "util.py").write_text(
        f"import types\ndef get_info():\n    return types.SimpleNamespace(executable={str(fetched)!r})\n"
    )
    (package / "__main__.py").write_text(f"import shutil\nshutil.copy({program!r}, {str(fetched)!r})\nprint('99%')\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.syspath_prepend(str(package.parent))
    assert tunnel.is_available()
    for _ in range(2):
        with Tunnel().share(file) as url:
            assert ask(url, "HEAD").status_code == 200
    assert capfd.readouterr() == ("", "")
    for name in ("pycloudflared", "pycloudflared.util"):
        del sys.modules[name]
