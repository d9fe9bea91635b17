"""Where this code runs: in the kernel of a notebook, in Google Colab, or in neither."""

from __future__ import annotations

import importlib.util
import sys


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def in_colab() -> bool:
    """Whether this is a kernel of Google Colab."""
    try:
        return importlib.util.find_spec("google.colab") is not None
    except (ImportError, ValueError):
        return False
