"""The service of a home as a process: found, started, killed, ended, replaced."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from minimax_nb.errors import RehearsalError
from minimax_nb.rehearsal import launcher
from minimax_nb.rehearsal.launcher import address, start_ahead
from tests.support import ROOT, until
from tests.support.network import Host
from tests.support.service import (
    PRICE,
    Running,
    good_body,
    running_service,
)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def record(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "rehearsal" / "service.json").read_text()))


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "minimax_nb.rehearsal", "--home", str(home), *arguments]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose service, if the test starts one, ends with it."""
    yield tmp_path
    if (tmp_path / "rehearsal" / "service.json").exists():
        with contextlib.suppress(OSError):
            os.kill(record(tmp_path)["pid"], signal.SIGTERM)


def test_a_killed_service_makes_its_songs_again(tmp_path: Path) -> None:
    with running_service(tmp_path, seconds=0.6, price=PRICE) as service:
        finished = service.submit(client_request_id="one").json()["id"]
        first = requests.get(service.wait(finished)["audio_file"]["url"], timeout=10).content
        ids = [service.submit(client_request_id="one").json()["id"] for _ in range(3)]
        until(lambda: service.retrieve(ids[0]).json()["status"] == "generating")
        before = service.address
        service.kill()
        assert [job["status"] in ("queued", "generating") for job in service.jobs()] == [False, True, True, True]
        service.start()
        assert service.address == before
        for job_id in [finished, *ids]:
            song = service.wait(job_id)
            assert requests.get(song["audio_file"]["url"], timeout=10).content == first
        assert sum(job["cost_usd"] for job in service.jobs()) == pytest.approx(4 * PRICE)


def test_two_starts_at_once_give_one_service_that_outlives_them(home: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from minimax_nb.rehearsal.launcher import address\n"
        "print(address(Path(sys.argv[1])).base_url, flush=True); time.sleep(60)"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home)],
            env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    urls = [starter.stdout.readline().strip() for starter in starters if starter.stdout]
    assert urls[0] == urls[1] != ""
    # By now the process that came second has met the lock; else it would take over when the first is stopped.
    time.sleep(1)
    for starter in starters:
        if os.name != "nt":
            os.killpg(starter.pid, signal.SIGINT)
        starter.kill()
        starter.wait()
    pid = record(home)["pid"]
    assert address(home).base_url == urls[0]
    assert record(home)["pid"] == pid


def test_the_first_one_to_ask_is_told_that_it_is_started(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = address(home)
    assert capsys.readouterr().err == "Starting the rehearsal service…\n"
    assert address(home) == first
    assert capsys.readouterr().err == ""


def test_a_second_process_ends_quietly(shared: Running) -> None:
    second = subprocess.run(command(shared.home), env=environment(), capture_output=True, timeout=20, check=False)
    assert (second.returncode, second.stdout, second.stderr) == (0, b"", b"")


def test_an_idle_service_ends(tmp_path: Path) -> None:
    began = time.monotonic()
    idle = subprocess.run(command(tmp_path, "--idle", "1"), env=environment(), timeout=20, check=False)
    assert idle.returncode == 0
    assert 1 <= time.monotonic() - began < 8


def test_a_service_nobody_can_find_any_more_ends(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        (tmp_path / "rehearsal" / "service.json").unlink()
        service.process.join(10)
        assert service.process.exitcode == 0


def test_a_service_that_makes_a_song_is_not_idle(tmp_path: Path) -> None:
    with running_service(tmp_path, seconds=60) as service:
        service.submit()
        assert service.ask("POST", "/rehearsal/stop").status_code == 409


@pytest.mark.skipif(os.name == "nt", reason="Windows has no interrupt for a single process")
def test_an_interrupted_service_ends_well(tmp_path: Path) -> None:
    process = subprocess.Popen(command(tmp_path), env=environment(), stderr=subprocess.DEVNULL)
    until((tmp_path / "rehearsal" / "service.json").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_only_the_owner_reads_key_log_and_jobs(home: Path) -> None:
    address(home)
    folder = home / "rehearsal"
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("service.json", "service.log", "jobs")}
    assert modes == {"service.json": 0o600, "service.log": 0o600, "jobs": 0o700}


def test_the_address_hides_its_key(shared: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_NB_HOME", str(shared.home))
    found = address()
    assert found == address(shared.home) == shared.address
    assert found.key not in repr(found)


def test_no_key_query_or_body_in_the_log(service: Running) -> None:
    service.submit(good_body(prompt="sung in secret"), client_request_id="log-me-not")
    service.ask("GET", "/v2/logs?period=24h&model=whispered")
    log = (service.home / "rehearsal" / "service.log").read_text()
    for secret in (service.address.key, "sung in secret", "whispered", "period=24h"):
        assert secret not in log


def test_another_program_at_the_port_never_sees_the_key(home: Path, site: Host) -> None:
    folder = home / "rehearsal"
    folder.mkdir()
    stale = {"port": urlsplit(site.url).port, "key": "k" * 43, "version": "0", "pid": 1}
    (folder / "service.json").write_text(json.dumps(stale))
    found = address(home)
    assert found.base_url != site.url
    assert site.seen
    assert not any("k" * 43 in seen.text for seen in site.seen)


@pytest.mark.parametrize("text", [
        "", "[]", "\x00", '{"port": "x", "key": 1, "version": 2, "pid": 3}',
        '{"port": 80, "key": "", "version": "1", "pid": 3}',
    ])  # fmt: skip
def test_a_broken_record_is_no_record(home: Path, text: str) -> None:
    (home / "rehearsal").mkdir()
    (home / "rehearsal" / "service.json").write_text(text)
    assert len(address(home).key) == 43


def rewrite_record(home: Path, **changes: Any) -> None:
    (home / "rehearsal" / "service.json").write_text(json.dumps({**record(home), **changes}))


def test_a_service_of_an_older_version_gives_way(home: Path) -> None:
    with running_service(home) as old:
        rewrite_record(home, version="")
        assert address(home)
        old.process.join(10)
        assert old.process.exitcode == 0
        assert record(home)["pid"] != old.process.pid


def test_a_service_of_an_older_version_makes_its_songs_first(home: Path) -> None:
    with running_service(home, seconds=60) as old:
        old.submit()
        rewrite_record(home, version="")
        assert address(home) == old.address
        assert old.process.is_alive()


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "rehearsal").mkdir()
    (tmp_path / "rehearsal" / "jobs").write_text("in the way")
    with pytest.raises(RehearsalError, match=r"right after it started.*exists") as caught:
        address(tmp_path)
    assert caught.value.spent == "no"
    assert str(caught.value).count("Nothing was spent.") == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(RehearsalError, match="cannot be created"):
        address(tmp_path / "file")


def test_a_service_that_was_started_ahead_is_the_one_that_is_waited_for(home: Path) -> None:
    start_ahead(home)
    process, _ = launcher._ahead[home / "rehearsal"]
    start_ahead(home)
    found = address(home)
    assert record(home)["pid"] == process.pid
    start_ahead(home)
    assert address(home) == found
    assert record(home)["pid"] == process.pid


def test_a_service_that_could_not_be_started_ahead_is_started_once_it_can(home: Path) -> None:
    in_the_way = home / "rehearsal"
    in_the_way.write_text("")
    start_ahead(home)
    with pytest.raises(RehearsalError, match="cannot be created"):
        address(home)
    in_the_way.unlink()
    in_the_way.mkdir()
    (in_the_way / "jobs").write_text("in the way")
    start_ahead(home)
    with pytest.raises(RehearsalError, match=r"right after it started.*exists"):
        address(home)
    (in_the_way / "jobs").unlink()
    start_ahead(home)
    assert address(home)


def test_a_wrong_fault_on_the_command_line_is_one_line(tmp_path: Path) -> None:
    wrong = subprocess.run(
        command(tmp_path, "--fault", '{"fault": "earthquake"}'),
        env=environment(), capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("There is no fault 'earthquake'")
    assert "Traceback" not in wrong.stderr


def test_importing_costs_neither_tornado_nor_numpy() -> None:
    code = "import sys, minimax_nb.rehearsal; sys.exit(bool({'tornado', 'numpy', 'requests'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env=environment(), check=False).returncode == 0
