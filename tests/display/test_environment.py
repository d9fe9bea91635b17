"""Where this code runs, by what each place really sets."""

from __future__ import annotations

import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from minimax_nb import Session
from minimax_nb import session as session_module
from minimax_nb.display import environment
from minimax_nb.display.environment import in_colab, notebook_folder, place
from minimax_nb.settings import Service


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in environment._PLACES:
        for variable in each.variables:
            monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def colab_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("google", "google.colab"):
        module = types.ModuleType(name)
        module.__path__ = []
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("variables", "name", "keeps_files"),
    [
        ({}, "this computer", True),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, "Kaggle", False),
        ({"BINDER_SERVICE_HOST": "10.0.0.1", "JUPYTERHUB_USER": "x"}, "Binder", False),
        ({"SAGEMAKER_APP_TYPE": "JupyterLab"}, "Amazon SageMaker", True),
        ({"DATABRICKS_RUNTIME_VERSION": "17.0"}, "Databricks", False),
        ({"JUPYTERHUB_USER": "me"}, "JupyterHub", True),
        ({"POSITRON": "1", "VSCODE_PID": "7"}, "Positron", True),
        ({"VSCODE_PID": "7"}, "VS Code", True),
    ],
)
def test_each_place_is_told_by_what_it_sets(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str, keeps_files: bool
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert (place().name, place().keeps_files) == (name, keeps_files)


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("variable", "words", "computer"),
    [
        ("KAGGLE_KERNEL_RUN_TYPE", "Save Version", "Kaggle’s computer"),
        ("BINDER_SERVICE_HOST", "download that file", "Binder’s computer"),
        ("DATABRICKS_RUNTIME_VERSION", "MINIMAX_NB_HOME", "the cluster"),
        ("JUPYTERHUB_USER", "", "the hub’s computer"),
        ("VSCODE_PID", "", "this computer"),
    ],
)
def test_where_the_disk_does_not_last_it_is_said_once_in_one_line(
    variable: str,
    words: str,
    computer: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(session_module, "_said", set())
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    Session().songs()  # in MINIMAX_NB_HOME, which may be anywhere
    assert capsys.readouterr().err == ""
    monkeypatch.delenv("MINIMAX_NB_HOME")
    Session().songs()
    Session().open_songs()
    said = capsys.readouterr().err
    assert said.count("\n") == bool(words)
    assert words in said
    assert Service("", None, rehearsal=True).name == f"Rehearsal: free, on {computer}"


@pytest.mark.usefixtures("nowhere", "colab_packages")
def test_having_colabs_packages_is_not_being_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_colab()
    assert place().name == "Google Colab"
    assert Service("", None, rehearsal=True).name == "Rehearsal: free, on Google’s computer"
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    assert not in_colab()
    assert "Kaggle's secrets" in place().key


@pytest.mark.parametrize(
    ("told", "folder"),
    [
        ({"JPY_SESSION_NAME": "/work/class/one.ipynb"}, "/work/class"),  # Jupyter Server
        ({"__vsc_ipynb_file__": "/work/class/two.ipynb"}, "/work/class"),  # VS Code
        ({"JPY_SESSION_NAME": "one.ipynb"}, "/where/it/started"),
        ({}, "/where/it/started"),
    ],
)
def test_the_notebooks_own_folder_is_taken_where_the_front_end_tells_it(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], folder: str
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    names = {"_dh": ["/where/it/started", "/where/a/cell/went"]}
    for name, value in told.items():
        if name == "JPY_SESSION_NAME":
            monkeypatch.setenv(name, value)
        else:
            names[name] = value  # type: ignore[assignment]
    shell = types.SimpleNamespace(kernel=object(), user_ns=names)
    monkeypatch.setattr(environment, "_shell", lambda: shell)
    assert notebook_folder() == Path(folder)
