"""Where this code runs: in the kernel of a notebook, in Google Colab, or in neither."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    return hasattr(_shell(), "kernel")


def notebook_folder() -> Path:
    """Return the folder of the notebook whose kernel this is, which ``%cd`` does not change; else the current one."""
    if not in_notebook():
        return Path.cwd()
    names = _shell().user_ns
    # Jupyter Server and VS Code say which file it is; every IPython, where it started.
    file = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__")
    return Path(file).parent if file and Path(file).is_absolute() else Path(next(iter(names.get("_dh") or ["."])))


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def in_colab() -> bool:
    """Whether this is a kernel of Google Colab."""
    try:
        return importlib.util.find_spec("google.colab") is not None
    except (ImportError, ValueError):
        return False
