"""Google Colab: its disk is wiped when its computer is taken back, and how to keep the songs all the same."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import LibraryError
from .storage import COLAB_DRIVE

_FOLDER = COLAB_DRIVE / "MyDrive" / "minimax_nb"


def keep_on_drive() -> Path:
    """Keep the library on Google Drive from now on; Colab asks for permission once.

    Songs that were made before stay where they are, and in `songs` no more; ``song.save(...)`` takes them along.

    Returns
    -------
    pathlib.Path
        The folder on Drive.

    Raises
    ------
    LibraryError
        Outside of Colab, and when Drive is not available.

    Examples
    --------
    >>> from minimax_nb import keep_on_drive
    >>> keep_on_drive()  # doctest: +SKIP
    PosixPath('/content/drive/MyDrive/minimax_nb')
    """
    try:
        from google.colab import drive
    except ImportError:
        raise LibraryError("This is not Google Colab.", do="Set MINIMAX_NB_HOME to the folder you want.") from None
    try:
        drive.mount(str(COLAB_DRIVE))
        _FOLDER.mkdir(parents=True, exist_ok=True)
    except Exception as error:  # Colab raises various exceptions when permission is not given
        raise LibraryError(
            f"Google Drive is not available ({type(error).__name__}).", do="Run keep_on_drive() again and allow it."
        ) from None
    os.environ["MINIMAX_NB_HOME"] = str(_FOLDER)
    return _FOLDER
