"""The day before a lesson, and the room as it is opened from a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minimax_nb import classroom, doctor
from minimax_nb.cli import main
from minimax_nb.errors import LibraryError
from tests.support import ROOT
from tests.support.room import running_room
from tests.support.service import running_service


def test_a_check_tries_everything_and_writes_a_page(home: Path, tmp_path: Path) -> None:
    page = tmp_path / "check.html"
    with running_service(home):
        classroom.mint(["Mia"], 1, name="7b", folder=tmp_path, confirm=lambda _: True, rehearse=True)
        report = classroom.check(page, class_name="7b", rehearse=True)
        none = classroom.check(None, class_name="8a", rehearse=True)
        classroom.close("7b", rehearse=True)
    found = {finding.about: finding for finding in report}
    assert report.ok
    assert found["Song"].what.startswith("made on this computer in ")
    assert found["Class"].what == "7b has 1 keys, for up to $1.00 in all"
    assert {finding.about: finding for finding in none}["Class"].what == "8a has no keys"
    text = page.read_text(encoding="utf-8")
    for words in ("Ready to rehearse.", "minimax_nb", "Python", "Loopback", "API", "Song"):
        assert words in text
    with pytest.raises(LibraryError, match="cannot be written"):
        classroom.check(tmp_path / "no" / "folder.html")


def test_the_doctor_looks_at_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Room" not in {finding.about for finding in doctor()}
    with running_room(tmp_path / "teacher", "--processes", "1") as room:
        monkeypatch.setenv("MINIMAX_NB_ROOM", room.address.base_url)
        (found,) = [finding for finding in doctor() if finding.about == "Room"]
        assert found.what == f"{room.address.base_url} lets this library in"
    monkeypatch.setenv("MINIMAX_NB_ROOM", "http://127.0.0.1:9")
    report = doctor()
    (found,) = [finding for finding in report if finding.about == "Room"]
    assert "MINIMAX_NB_ROOM" in found.do
    assert not report.ok


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no interrupts to others")
@pytest.mark.parametrize("seconds", [0, 4])  # its processes are starting; they wait for songs
def test_a_terminal_opens_a_room_and_closes_it(home: Path, seconds: float) -> None:
    command = [sys.executable, "-m", "minimax_nb.cli", "room", "--port", "0", "--processes", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as room:
        assert room.stdout is not None
        said = [room.stdout.readline() for _ in range(3)]
        assert said[0] == "The room is open for this computer alone. Students set, before Jupyter starts:\n"
        assert said[1].startswith("  MINIMAX_NB_ROOM=http://127.0.0.1:")
        time.sleep(seconds)
        os.killpg(room.pid, signal.SIGINT)  # as Ctrl-C does: to all of its processes
        _, problems = room.communicate(timeout=30)
    assert room.returncode == 0
    assert problems == ""


def test_a_terminal_is_told_that_a_network_needs_tls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["room", "--host", "0.0.0.0"]) == 1
    assert "needs TLS" in capsys.readouterr().err
