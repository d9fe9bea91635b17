"""The command line, as processes of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import soundfile

from minimax_nb.catalogue import MODELS
from minimax_nb.cli import main
from minimax_nb.display.servers import free_port
from tests.support import ROOT
from tests.support.service import Running, audio_bytes, running_service
from tests.test_catalogue import LEAST


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
    narrow = {"PYTHONIOENCODING": "ascii"}  # not unlike a pipe on Windows
    submitted = command(tmp_path, "submit", "-", "reference.wav", stdin="La la 歌", **narrow)
    assert submitted.returncode == 0, submitted.stderr
    generation_id = submitted.stdout.strip()
    assert generation_id.endswith(":minimax-music")
    library.commit({"fault": "unknown_status", "call": "retrieve", "times": 1})
    hurried = command(tmp_path, "retrieve", generation_id, "-o", "out.mp3")
    assert (hurried.returncode, "Not ready yet" in hurried.stderr) == (0, True), hurried.stderr
    recovered = command(tmp_path, "recover")
    assert generation_id in recovered.stdout
    retrieved = command(tmp_path, "retrieve", generation_id, "-o", "out.mp3")
    assert retrieved.stdout.startswith("completed\t")
    assert (tmp_path / "out.mp3").stat().st_size > 1000
    listed = command(tmp_path, "songs", **narrow)
    assert r"La la \u6b4c" in listed.stdout
    assert [line.split("\t")[1] for line in listed.stdout.splitlines()] == [generation_id]
    assert "Nothing to finish" in command(tmp_path, "recover").stderr


@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_makes_a_song_of_the_least_it_needs(library: Running, tmp_path: Path, model: str) -> None:
    given = LEAST[model]
    files = (
        ["lyrics.txt", "reference.wav"] if MODELS[model].reference else ["lyrics.txt"] if "lyrics" in given else []
    )
    style = ["--style", given["style"]] if "style" in given else []
    made = said(tmp_path, "song", *files, "--model", model, *style, "--rehearse", "-o", "out.audio")
    assert (made["status"], made["model"]) == ("completed", model)
    assert (tmp_path / "out.audio").stat().st_size > 1000
    assert library.jobs()[-1]["body"]["model"] == model


def test_a_model_that_takes_neither_lyrics_nor_reference(library: Running, tmp_path: Path) -> None:
    asked = ["--model", "stable-audio", "--style", "calm piano", "--seconds", "20", "--rehearse"]
    made = said(tmp_path, "song", *asked, "-o", "out.wav")
    assert (made["status"], made["model"], made["title"]) == ("completed", "stable-audio", "calm piano")
    assert library.jobs()[-1]["body"] == {"model": "stable-audio", "prompt": "calm piano", "seconds_total": 20}


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
        (["recover", "--since", "never"], "not a valid time span"),
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


SONG_NAMES = {
    *("id", "request_id", "status", "final", "title", "model", "rehearsal", "created", "duration", "cost_usd"),
    *("spent", "seed", "path", "saved", "error", "notes"),
}


def said(folder: Path, *arguments: str, status: int = 0, **environment: str) -> Any:
    """What a command prints as JSON."""
    done = command(folder, *arguments, "--json", **environment)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def test_for_scripts_each_command_speaks_json(library: Running, tmp_path: Path) -> None:
    submitted = said(
        tmp_path, "submit", "lyrics.txt", "reference.wav", "--rehearse", AIML_API_KEY="not-for-a-rehearsal"
    )
    assert set(submitted) == SONG_NAMES
    assert (submitted["status"], submitted["final"], submitted["rehearsal"], submitted["spent"]) == (
        "queued",
        False,
        True,
        "no",
    )
    (finished,) = said(tmp_path, "recover")
    assert (finished["id"], finished["status"], finished["duration"] > 1) == (submitted["id"], "completed", True)
    retrieved = said(tmp_path, "retrieve", submitted["id"], "-o", "out.mp3")
    assert retrieved == {**finished, "saved": "out.mp3"}
    made = said(tmp_path, "song", "lyrics.txt", "reference.wav", "-o", "song.mp3", "--seed", "7")
    assert (made["seed"], made["saved"], made["title"]) == (7, "song.mp3", "Side by side")
    assert said(tmp_path, "songs") == [{**made, "saved": None}, finished]
    assert said(tmp_path, "recover") == []


def test_for_scripts_an_error_is_json_too(library: Running, tmp_path: Path) -> None:
    wrong = said(tmp_path, "song", "lyrics.txt", "reference.wav", "--model", "x", status=1)["error"]
    assert (wrong["type"], wrong["spent"]) == ("InvalidOption", "no")
    assert set(wrong) == {"type", "what", "spent", "do", "song_id", "retry_after"}
    library.commit({"fault": "no_credits", "call": "submit"})
    paid = {"AIML_API_KEY": library.address.key, "MINIMAX_NB_BASE_URL": library.address.base_url}
    wrong = said(tmp_path, "submit", "lyrics.txt", "reference.wav", status=1, **paid)["error"]
    assert (wrong["type"], wrong["spent"], wrong["retry_after"]) == ("NoCredits", "no", None)
    library.commit({"fault": "drop_after", "call": "submit"})
    wrong = said(tmp_path, "submit", "lyrics.txt", "reference.wav", status=1, **paid)["error"]
    assert (wrong["type"], wrong["spent"]) == ("OutcomeUnknown", "maybe")
    assert wrong["song_id"].startswith("minimax_nb-")


def test_the_help_of_each_command_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    names = re.findall(r"^    (\w+) ", capsys.readouterr().out, flags=re.MULTILINE)
    assert {"lab", "song", "submit", "retrieve", "songs", "recover", "doctor", "rehearse"} <= set(names)
    for name in set(names) - {"COMMAND"}:
        with pytest.raises(SystemExit):
            main([name, "--help"])
        assert f"\n  minimax-nb {name}" in capsys.readouterr().out


def findings(said: Any) -> dict[str, tuple[str, str, str]]:
    return {each["about"]: (each["state"], each["what"], each["do"]) for each in said["findings"]}


def test_the_doctor_of_somebody_with_a_key(library: Running, tmp_path: Path) -> None:
    key = library.address.key
    paid = {"AIMLAPI_API_KEY": key, "MINIMAX_NB_BASE_URL": library.address.base_url}
    found = said(tmp_path, "doctor", **paid)
    assert found["ok"]
    assert found["versions"]["ipywidgets"]
    seen = findings(found)
    assert {state for state, *_ in seen.values()} == {"ok"}
    assert f"…{key[-4:]}, in the environment variable AIMLAPI_API_KEY" in seen["Key"][1]
    assert key not in str(found)
    assert f"{library.address.base_url} answers; $" in seen["API"][1]
    assert str(tmp_path / "library") in seen["Library"][1]
    library.commit({"fault": "unauthorized", "call": "billing"})
    refused = command(tmp_path, "doctor", **paid)
    assert refused.returncode == 0
    assert re.search(
        r"^note  API .*\n(?: {18}.*\n)* +-> Make a key at aimlapi.com", refused.stdout, flags=re.MULTILINE
    )
    assert refused.stdout.endswith("\nReady to rehearse.\n")


def test_the_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("a file in the way")
    elsewhere = "http://127.0.0.1:9"
    found = said(tmp_path, "doctor", status=1, MINIMAX_NB_BASE_URL=elsewhere)
    assert not found["ok"]
    seen = findings(found)
    assert seen["Key"][0] == "wrong"  # an address of one's own needs a key
    assert seen["Library"][0] == "wrong"
    assert "MINIMAX_NB_HOME" in seen["Library"][2]
    assert (seen["API"][0], "127.0.0.1:9" in seen["API"][1]) == ("note", True)
    (tmp_path / "library").unlink()
    seen = findings(said(tmp_path, "doctor", MINIMAX_NB_BASE_URL=elsewhere, MINIMAX_NB_REHEARSE="1"))
    assert (seen["Key"][0], seen["Library"][0]) == ("note", "ok")
    assert not (tmp_path / "library").exists()


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
        second = command(tmp_path, "rehearse")
        assert (second.returncode, "another folder" in second.stderr) == (1, True)
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
    record = json.loads((home / "rehearsal" / "service.json").read_text())
    os.kill(record["pid"], 9)


def test_lab_brings_the_notebooks_and_overwrites_none(tmp_path: Path) -> None:
    (tmp_path / "02_two_steps.ipynb").write_text("mine")
    done = command(tmp_path, "lab", "--version")
    assert done.returncode == 0, done.stderr
    assert f"The notebooks are in {tmp_path}." in done.stdout
    shipped = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted(path.name for path in tmp_path.glob("*.ipynb")) == shipped
    assert (tmp_path / "02_two_steps.ipynb").read_text() == "mine"


HESITANT = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: (time.sleep(0.5), sys.exit(7)))
print("up", flush=True)
time.sleep(60)
"""
"""As JupyterLab does, it takes its time over a Ctrl-C."""


def test_lab_leaves_ctrl_c_to_jupyterlab_and_ends_when_that_does(tmp_path: Path) -> None:
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").touch()
    (tmp_path / "jupyterlab" / "__main__.py").write_text(HESITANT)
    arguments = [sys.executable, "-m", "minimax_nb.cli", "lab"]
    with subprocess.Popen(
        arguments, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert "up\n" in iter(process.stdout.readline, "")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 7


def jupyter_folders(folder: Path) -> dict[str, str]:
    """Folders of its own for a notebook server."""
    names = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    own = {name: str(folder / place) for name, place in {**names, "IPYTHONDIR": "ipython"}.items()}
    return {**os.environ, **own, "MINIMAX_NB_HOME": str(folder / "library")}


def until_it_answers(url: str) -> Any:
    deadline = time.monotonic() + 60
    while True:
        try:
            return requests.get(url, timeout=10).json()
        except (requests.ConnectionError, ValueError):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_lab_asks_about_no_news_and_ends_with_its_kernels(tmp_path: Path) -> None:
    port = free_port()
    arguments = [
        "lab",
        "--no-browser",
        f"--port={port}",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=1",
    ]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "minimax_nb.cli", *arguments],
        cwd=tmp_path, env=jupyter_folders(tmp_path), stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        until_it_answers(f"{url}/api")
        asked = until_it_answers(f"{url}/lab/api/settings/@jupyterlab/apputils-extension:notification")
        assert asked["schema"]["properties"]["fetchNews"]["default"] == "false"
        requests.post(f"{url}/api/kernels", json={}, timeout=30).raise_for_status()
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= 2  # JupyterLab and a kernel
        process.terminate()
        process.wait(30)
    assert not psutil.wait_procs(started, timeout=1)[1]


def test_lab_ends_kernels_that_their_server_leaves_behind(tmp_path: Path) -> None:
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").touch()
    (tmp_path / "jupyterlab" / "__main__.py").write_text(
        "import subprocess, sys, time\n"
        "sleeper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print(sleeper.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "minimax_nb.cli", "lab"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        left = psutil.Process(int([process.stdout.readline() for _ in range(2)][1]))
        process.terminate()
        process.wait(30)
    _, running = psutil.wait_procs([left], timeout=5)
    # One that has ended stays a zombie for as long as nobody asks for its result.
    assert not [kernel for kernel in running if kernel.status() != psutil.STATUS_ZOMBIE]
