"""What people paste, said alike through every door: a function, the command line, ``%%song`` and the studio."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from minimax_nb import MusicStudio, Session, songs, submit
from minimax_nb.cli import main
from minimax_nb.errors import InvalidInput, InvalidLyrics, InvalidReference, Spent
from tests.studio.hand import Hand
from tests.support import sounds, until
from tests.support.service import audio_bytes

LYRICS = "Side by side"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what people have, and a hosted service that nobody reaches: what is wrong is said before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIML_API_KEY", "a-key-for-tests-0123456789")
    monkeypatch.setenv("MINIMAX_NB_BASE_URL", "https://music.invalid")
    (tmp_path / "lyrics.txt").write_text(LYRICS, encoding="utf-8")
    (tmp_path / "my song.mp3").write_bytes(audio_bytes(20))
    (tmp_path / "take.raw").write_bytes(sounds.pcm(sounds.song(20)))
    (tmp_path / "shut").mkdir()
    os.mkfifo(tmp_path / "pipe.mp3")
    return tmp_path


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> InteractiveShell:
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config, ipython_dir=str(tmp_path_factory.mktemp("ipython")))
    shell.run_line_magic("load_ext", "minimax_nb")
    return shell


def said_by_function(reference: str, capsys: pytest.CaptureFixture[str], shell: InteractiveShell) -> str:
    with pytest.raises(InvalidReference) as caught:
        submit(LYRICS, reference)
    assert caught.value.spent is Spent.NO
    return str(caught.value)


def said_by_command_line(reference: str, capsys: pytest.CaptureFixture[str], shell: InteractiveShell) -> str:
    assert main(["submit", "lyrics.txt", reference]) == 1
    return capsys.readouterr().err


def said_by_magic(reference: str, capsys: pytest.CaptureFixture[str], shell: InteractiveShell) -> str:
    with pytest.raises(InvalidReference):
        shell.run_cell(f"%%song {shlex.quote(reference)}\n{LYRICS}").raise_error()
    return capsys.readouterr().out


def said_by_studio(reference: str, capsys: pytest.CaptureFixture[str], shell: InteractiveShell) -> str:
    hand = Hand(MusicStudio(session=Session()))
    hand.link.value = reference
    until(lambda: hand.studio._store.state.reference.problem)
    return hand.words


DOORS = {
    "function": said_by_function,
    "command line": said_by_command_line,
    "magic": said_by_magic,
    "studio": said_by_studio,
}

REFERENCES = [
    ("file:///nowhere/song.mp3", "There is no file /nowhere/song.mp3"),
    ("'my other song.mp3'", "There is no file my other song.mp3"),
    ("~/no such song.mp3", "no such song.mp3"),
    ("~nobody-here/x.mp3", "There is no user 'nobody-here'"),
    ("s3://bucket/song.mp3", "A link that begins with s3:// is not fetched"),
    ("https://www.youtube.com/watch?v=x", "A YouTube page plays music in a browser and gives no file"),
    ("  https://open.spotify.com/track/x  ", "A Spotify page"),
    ("https://drive.google.com/drive/folders/0123456789abc", "does not lead to a single audio file"),
    ("https://www.dropbox.com/sh/abc/x?dl=0", "Copy link on the track itself"),
    ("http://localhost:8888/files/song.mp3", "The link points into your own network"),
    ("https://192.168.1.5/song.mp3", "The link points into your own network"),
    ("https://nas/song.mp3", "The link points into your own network"),
    ("https://my-nas.local:5001/song.mp3", "The link points into your own network"),
    ("https://0x7f000001/song.mp3", "The link points into your own network"),
    ("[song](https://127.1/song.mp3)", "The link points into your own network"),
    ("<https://[::ffff:10.0.0.1]/song.mp3>", "The link points into your own network"),
    ("https://music.apple.com/de/album/x", "An Apple Music page"),
    ("https://suno.com/song/x", "A Suno page"),
    ("https://1drv.ms/u/s!x", "A OneDrive link leads to a page"),
    ("spotify:track:4uLU6hMCjMI75M1A2tKUQC", "A link that begins with spotify: is not fetched"),
    ("www.example.org/song.mp3", "If it is a link, give all of it, from https:// on."),
    ("https:/example.org/song.mp3", "is not a complete link."),
    ("pipe.mp3", "pipe.mp3 is a device or a pipe, not a file"),
    ("shut", "shut is a folder."),
    ("data:audio/mpeg;base64,", "is empty"),
    ("la " * 100, "This reads like lyrics: they come first, and the reference second."),
    ("take.raw", "import them in Audacity and export them as wav"),
    ("lyrics.txt", "is text, not audio"),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("reference", "words"), REFERENCES)
def test_a_reference_that_cannot_be_used(
    reference: str, words: str, door: str, capsys: pytest.CaptureFixture[str], shell: InteractiveShell
) -> None:
    said = DOORS[door](reference, capsys, shell)
    assert words in said
    assert "Traceback" not in said
    assert not songs()


@pytest.mark.parametrize("door", DOORS)
def test_a_folder_without_rights(
    door: str, folder: Path, capsys: pytest.CaptureFixture[str], shell: InteractiveShell
) -> None:
    with without_rights(folder / "shut"):
        assert "cannot be opened: Permission denied" in DOORS[door]("shut/song.mp3", capsys, shell)


@contextlib.contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Have a folder that this process may not look into, which the superuser may do anyway."""
    folder.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            for parent in (*folder.parents[:3],):
                parent.chmod(0o777)
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.mark.parametrize(
    ("lyrics", "words"),
    [
        ("my song.mp3", "Lyrics come first and the reference second"),
        (Path("my song.mp3"), "Lyrics come first and the reference second"),
        ("https://example.org/song.mp3?dl=1", "The lyrics are a link. Nothing was spent. Lyrics come first"),
        ("no such file.txt", "cannot be read"),
    ],
)
def test_arguments_that_were_swapped(lyrics: str | Path, words: str) -> None:
    with pytest.raises(InvalidLyrics) as caught:
        submit(lyrics, "lyrics.txt")
    assert words in str(caught.value)


def test_arguments_that_were_swapped_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "my song.mp3", "lyrics.txt"]) == 1
    assert "Lyrics come first and the reference second" in capsys.readouterr().err


@pytest.mark.parametrize("option", [{"key": "Q minor"}, {"language": "xx"}])
def test_a_key_or_language_that_nobody_plays(
    option: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    shell: InteractiveShell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINIMAX_NB_REHEARSE", "1")
    ((name, value),) = option.items()
    with pytest.raises(InvalidInput, match=f"{name}.*{value}") as caught:
        submit(LYRICS, "my song.mp3", **option)  # type: ignore[arg-type]
    assert main(["submit", "lyrics.txt", "my song.mp3", f"--{name}", value]) == 1
    assert caught.value.what in capsys.readouterr().err
    with pytest.raises(InvalidInput):
        shell.run_cell(f"%%song 'my song.mp3' --{name} '{value}'\n{LYRICS}").raise_error()
    assert caught.value.what in capsys.readouterr().out
    assert not songs()


def test_tidied_lyrics_are_shown_before_they_are_sent(capsys: pytest.CaptureFixture[str]) -> None:
    pasted = "## Verse 1\nSide by side\n[00:12.34]We <b>always</b> win"
    hand = Hand(MusicStudio(session=Session(rehearse=True)))
    hand.write(LYRICS)
    assert "##" not in hand.words
    hand.write(pasted)
    assert "The lyrics are tidied. This is what is sent: ##Side by side We always win##" in hand.words
    with contextlib.suppress(Exception):  # nobody is there; it is said before
        submit(pasted, "my song.mp3")
    said = capsys.readouterr().err
    assert "The lyrics were tidied. This is what is sent:\nSide by side\nWe always win" in said
