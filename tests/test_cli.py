"""The command line, as processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from service_helper import Running, audio_bytes, running_service


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Running]:
    """A library whose rehearsal service has a band that needs no time."""
    (tmp_path / "lyrics.txt").write_text("Side by side\n\nWe always win\n", encoding="utf-8")
    (tmp_path / "reference.wav").write_bytes(audio_bytes(20, kind="WAV"))
    with running_service(tmp_path / "library") as running:
        yield running


def command(folder: Path, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "minimax_nb.cli", *arguments],
        cwd=folder,
        env={**os.environ, "MINIMAX_NB_HOME": str(folder / "library"), **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_both_steps_in_one_command(library: Running, tmp_path: Path) -> None:
    done = command(tmp_path, "song", "lyrics.txt", "reference.wav", "-o", "out.mp3", "--seed", "7")
    assert (done.returncode, done.stdout.strip()) == (0, "out.mp3"), done.stderr
    assert soundfile.info(tmp_path / "out.mp3").duration == pytest.approx(2, abs=0.1)
    assert "completed" in done.stderr
    assert "\r" not in done.stderr
    assert "seed 7" in done.stderr


def test_the_two_steps_one_by_one_and_the_library(library: Running, tmp_path: Path) -> None:
    asked = command(tmp_path, "submit", "-", "reference.wav", stdin="La la la")
    assert asked.returncode == 0, asked.stderr
    generation_id = asked.stdout.strip()
    assert generation_id.endswith(":minimax-music")
    recovered = command(tmp_path, "recover")
    assert generation_id in recovered.stdout
    looked = command(tmp_path, "retrieve", generation_id, "-o", "out.mp3")
    assert looked.stdout.startswith("completed\t")
    assert (tmp_path / "out.mp3").stat().st_size > 1000
    listed = command(tmp_path, "songs")
    assert [line.split("\t")[1] for line in listed.stdout.splitlines()] == [generation_id]
    assert "Nothing to finish" in command(tmp_path, "recover").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["song", "missing.txt", "reference.wav"], "missing.txt cannot be read"),
        (["song", "reference.wav", "reference.wav"], "not a text file"),
        (["song", "lyrics.txt", "missing.wav"], "There is no file missing.wav"),
        (["song", "lyrics.txt"], "A reference is missing"),
        (["song", "lyrics.txt", "reference.wav", "-o", "no/such/folder.mp3"], "no folder"),
        (["song", "lyrics.txt", "reference.wav", "--model", "x"], "no model 'x'"),
        (["retrieve", "no-such-song"], "no-such-song"),
        (["recover", "--since", "never"], "no span of time"),
    ],
)
def test_an_error_is_one_clear_line_and_exit_status_1(
    library: Running, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = command(tmp_path, *arguments, MINIMAX_NB_REHEARSE="1")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "Nothing was spent" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_command_that_does_not_exist_shows_the_usage(tmp_path: Path) -> None:
    assert command(tmp_path, "sing").returncode == 2
    assert command(tmp_path, "songs", "--loud").returncode == 2
    assert command(tmp_path, "song", "--help").returncode == 0


def test_rehearse_runs_the_service_in_the_foreground(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "minimax_nb.cli", "rehearse", "--fault", '{"fault": "no_credits", "call": "submit"}'],
        env={**os.environ, "MINIMAX_NB_HOME": str(tmp_path / "library")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        (tmp_path / "lyrics.txt").write_text("la la")
        (tmp_path / "reference.wav").write_bytes(audio_bytes(20, kind="WAV"))
        done = command(tmp_path, "submit", "lyrics.txt", "reference.wav")
        assert done.returncode == 1
        assert "out of credits" in done.stderr
        assert command(tmp_path, "rehearse").returncode == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_without_files_a_sample_song_is_made_by_the_real_band(tmp_path: Path) -> None:
    done = command(tmp_path, "song", AIML_API_KEY="a-key-that-must-not-be-used")
    try:
        assert done.returncode == 0, done.stderr
        assert soundfile.info(tmp_path / "song.mp3").duration >= 20
        assert "rehearsal band" in done.stderr
    finally:
        stop_service(tmp_path / "library")


def stop_service(home: Path) -> None:
    """End the service that a command started for this library."""
    import json

    record = json.loads((home / "rehearsal" / "service.json").read_text())
    os.kill(record["pid"], 9)


def test_lab_brings_the_notebooks_and_overwrites_none(tmp_path: Path) -> None:
    (tmp_path / "02_two_steps.ipynb").write_text("mine")
    done = command(tmp_path, "lab", "--version")
    assert done.returncode == 0, done.stderr
    shipped = sorted(path.name for path in (Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
    assert sorted(path.name for path in tmp_path.glob("*.ipynb")) == shipped
    assert (tmp_path / "02_two_steps.ipynb").read_text() == "mine"
