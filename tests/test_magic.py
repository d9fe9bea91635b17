"""`%%song` and `%song`: in a real IPython shell, and in real kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from minimax_nb import Song, Status, songs
from minimax_nb.errors import GenerationFailed, InvalidInput, InvalidReference, WaitTimeout
from tests.support.kernels import PYTHONS, run_cell, running_kernel
from tests.support.service import Running, audio_bytes, running_service

CELL = "%%song reference.mp3 {}\nSide by side\n\nWe always win;\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("magic")
    (folder / "reference.mp3").write_bytes(audio_bytes(20))
    return folder


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[Running]:
    with running_service(folder / "library") as running:
        yield running


@pytest.fixture
def service(shared: Running, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The service of the default library."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MINIMAX_NB_HOME", str(shared.home))
    shared.commit()
    yield shared
    shared.commit()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> InteractiveShell:
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config, ipython_dir=str(tmp_path_factory.mktemp("ipython")))
    shell.run_line_magic("load_ext", "minimax_nb")
    return shell


@pytest.fixture
def run(shell: InteractiveShell) -> Callable[[str], Any]:
    """Run a cell; what it gives is returned, what it raises is raised."""

    def run(code: str) -> Any:
        done = shell.run_cell(code)
        done.raise_error()
        return done.result

    shell.user_ns.pop("song", None)
    return run


def test_the_player_is_the_output_and_the_song_is_in_the_variable(
    service: Running, shell: InteractiveShell, run: Callable[[str], Any], folder: Path
) -> None:
    made = run(CELL.format("--name my_song --seed 7 --unaccompanied --output beside.mp3"))
    assert isinstance(made, Song)
    assert made.status is Status.COMPLETED
    assert shell.user_ns["my_song"] is made
    assert made.request is not None
    assert (made.request.lyrics, made.seed) == ("Side by side\n\nWe always win;\n", 7)
    assert made.request.prompt == "Side by side\n\nWe always win;"
    assert '<audio controls preload="metadata" src="beside.mp3">' in made._repr_html_()
    assert (folder / "beside.mp3").read_bytes() == made.audio


def test_the_line_shows_the_last_one_or_waits_for_it(
    service: Running, shell: InteractiveShell, run: Callable[[str], Any]
) -> None:
    run(CELL.format("--rehearse"))
    first = shell.user_ns["song"]
    assert run("%song --name again") == first == shell.user_ns["again"]
    with pytest.raises(WaitTimeout):
        run(CELL.format("--timeout 0"))
    left = shell.user_ns["song"]
    assert (left.status.final, left.request_id == first.request_id) == (False, False)
    assert run("%song").request_id == left.request_id
    assert shell.user_ns["song"].status is Status.COMPLETED


def test_what_stands_in_a_variable_can_be_the_reference(
    service: Running, shell: InteractiveShell, run: Callable[[str], Any], folder: Path
) -> None:
    shell.user_ns["track"] = folder / "a reference.mp3"
    shell.user_ns["track"].write_bytes(audio_bytes(16))
    assert run('%%song "{track}"\nLa la').status is Status.COMPLETED


def test_a_model_without_a_reference_takes_a_style(service: Running, run: Callable[[str], Any]) -> None:
    made = run('%%song --model minimax/music-2.6 --style "slow, warm soul" --rehearse\n[Verse]\nLa la')
    assert made.status is Status.COMPLETED
    body = service.jobs()[-1]["body"]
    assert body == {"model": "minimax/music-2.6", "lyrics": "[Verse]\nLa la", "prompt": "slow, warm soul"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reference.mp3 --nme x", "unrecognized arguments: --nme x"),
        ("reference.mp3 --tempo fast", "invalid float value: 'fast'"),
        ("reference.mp3 --name 'my song'", "'my song' is not a valid variable name"),
        ("reference.mp3 --name class", "'class' is not a valid variable name"),
        ("", "the following arguments are required: reference"),
        ("my reference.mp3", 'needs quotes, as in "my song.mp3"'),
        ("reference.mp3 --key A minor", 'needs quotes, as in "my song.mp3"'),
        ('"reference.mp3', "no closing quotation"),
    ],
)
def test_a_wrong_option_shows_the_usage_and_nothing_is_sent(
    service: Running,
    run: Callable[[str], Any],
    line: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = len(service.jobs())
    with pytest.raises(UsageError, match="usage: %%song"):
        run(f"%%song {line}\nLa la")
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.out + said.err
    assert len(service.jobs()) == before


def test_help_is_printed_and_the_shell_lives(
    service: Running, run: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for code in ("%song --help", "%%song --help\nLa la"):
        assert run(code) is None
        said = capsys.readouterr().out
        assert "usage: %%song" in said
        assert "--unaccompanied" in said


def test_an_error_is_one_short_text(
    service: Running, run: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidReference):
        run("%%song nowhere.mp3\nLa la")
    with pytest.raises(InvalidInput, match="no folder"):
        run(CELL.format("-o no/such/folder.mp3"))
    capsys.readouterr()
    service.commit({"fault": "error_status", "call": "retrieve", "times": 1})
    with pytest.raises(GenerationFailed):
        run(CELL.format(""))
    said = capsys.readouterr().out
    assert said.startswith("GenerationFailed: The song was not made")
    assert "Nothing was spent." in said
    assert "Traceback" not in said
    assert songs()[0].status is Status.FAILED


def test_without_a_song_the_line_says_how_to_make_one(run: Callable[[str], Any]) -> None:
    with pytest.raises(InvalidInput, match="no song in your library"):
        run("%song")


@pytest.mark.kernel
@pytest.mark.parametrize("python", PYTHONS)
def test_in_a_real_kernel(service: Running, folder: Path, python: str) -> None:
    with running_kernel(python, folder) as kernel:
        assert run_cell(kernel, "%load_ext minimax_nb").reply["status"] == "ok"
        cell = run_cell(kernel, CELL.format("--name my_song -o beside.mp3"))
        assert cell.reply["status"] == "ok", cell
        assert 'src="beside.mp3"' in cell.html
        assert run_cell(kernel, "print(my_song.status)").text == "completed\n"
        wrong = run_cell(kernel, CELL.format("--loud"))
        assert wrong.reply["ename"] == "UsageError"
        assert "usage: %%song" in wrong.text
        assert 'src="beside.mp3"' in run_cell(kernel, "%song").html
        missing = run_cell(kernel, "%%song nowhere.mp3\nLa la")
        (error,) = [each["traceback"] for each in missing if "traceback" in each]
        assert error == ["InvalidReference: " + missing.reply["evalue"]]
