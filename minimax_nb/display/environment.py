"""Where this code runs: in the kernel of a notebook, and on whose computer."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Place:
    """Where people run notebooks.

    Attributes
    ----------
    name : str
    variables : tuple of str
        It sets one of these environment variables.
    key : str
        Where a key goes there.
    computer : str
        Whose computer it is, in words.
    forgets : str
        That its disk does not last and how to keep a song all the same, in one line; empty where it lasts.
    """

    name: str
    variables: tuple[str, ...]
    key: str = "the environment variable AIML_API_KEY"
    computer: str = "this computer"
    forgets: str = ""

    @property
    def keeps_files(self) -> bool:
        """Whether its disk lasts."""
        return not self.forgets


# Those that build on another one come before it: Kaggle on Colab's image, Binder and others on JupyterHub.
_PLACES = (
    Place(
        "Kaggle",
        ("KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE"),
        "Kaggle's secrets, as AIML_API_KEY",
        "Kaggle’s computer",
        'Kaggle forgets its disk after the session. To keep a song: song.save("/kaggle/working"), then Save Version.',
    ),
    Place(
        "Binder",
        ("BINDER_SERVICE_HOST", "BINDER_REPO_URL"),
        "the studio, behind Use my key",
        "Binder’s computer",
        'Binder forgets its disk after the session. To keep a song: song.save("song.mp3"), then download that file.',
    ),
    Place(
        "Amazon SageMaker",
        ("SAGEMAKER_INTERNAL_IMAGE_URI", "SAGEMAKER_APP_TYPE", "SM_CURRENT_HOST"),
        computer="Amazon’s computer",
    ),
    Place(
        "Databricks",
        ("DATABRICKS_RUNTIME_VERSION",),
        "a Databricks secret in AIML_API_KEY",
        "the cluster",
        "Databricks forgets this disk with its cluster. To keep songs, set MINIMAX_NB_HOME to a folder of a volume.",
    ),
    Place("JupyterHub", ("JUPYTERHUB_USER", "JUPYTERHUB_API_URL"), computer="the hub’s computer"),
    Place("Positron", ("POSITRON", "POSITRON_VERSION")),
    Place("VS Code", ("VSCODE_PID", "VSCODE_CWD")),
)
_COLAB = Place(
    "Google Colab",
    (),
    "Colab's secrets, as AIML_API_KEY",
    "Google’s computer",
    "Colab forgets its disk. To keep your songs on Google Drive: "
    "from minimax_nb import keep_on_drive; keep_on_drive()",
)
_HERE = Place("this computer", ())


def place() -> Place:
    """Return where this runs, by what each place really sets."""
    for each in _PLACES:
        if any(os.environ.get(variable) for variable in each.variables):
            return each
    return _COLAB if _has_colab() else _HERE


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    return hasattr(_shell(), "kernel")


def notebook_folder() -> Path:
    """Return the folder of the notebook whose kernel this is, which ``%cd`` does not change; else the current one."""
    if not in_notebook():
        return Path.cwd()
    file = notebook_file()
    # Every IPython says where it started.
    return file.parent if file else Path(next(iter(_shell().user_ns.get("_dh") or ["."])))


def notebook_file() -> Path | None:
    """Return the notebook whose kernel this is, where Jupyter Server or VS Code says so."""
    named = in_notebook() and (os.environ.get("JPY_SESSION_NAME") or _shell().user_ns.get("__vsc_ipynb_file__"))
    return Path(named) if named and Path(named).is_absolute() else None


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def in_colab() -> bool:
    """Whether this is a kernel of Google Colab; Kaggle has its image and so its packages, and is not Colab."""
    return place() is _COLAB


def _has_colab() -> bool:
    try:
        return importlib.util.find_spec("google.colab") is not None
    except (ImportError, ValueError):
        return False
