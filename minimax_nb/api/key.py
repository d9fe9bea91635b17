"""The key: where it is found, and how it is kept from being seen."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import InvalidKey

if TYPE_CHECKING:
    import requests

KEY_VARIABLES = ("AIML_API_KEY", "AIMLAPI_API_KEY")
"""Environment variables, in the order in which the provider's own SDK reads them."""


class Key:
    """An API key that shows at most its last 4 characters, whatever is done with it.

    It goes into the header of a request at the last moment, as a `requests` auth object: a netrc entry
    would replace a header given by hand.

    Parameters
    ----------
    text : str
        The key; blanks around it are dropped.

    Raises
    ------
    InvalidKey
        When it is empty or holds what no HTTP header can carry.
    """

    def __init__(self, text: str) -> None:
        self._reveal: Callable[[], str] = lambda: ""  # what cannot be shown breaks the traceback that shows it
        secret = text.strip() if isinstance(text, str) else ""
        # Control characters, blanks and letters beyond ASCII would break the header or smuggle one in.
        if not re.fullmatch(r"[\x21-\x7e]{8,500}", secret):
            problem = "This does not look like a key (one word, no blanks)." if secret else "There is no key."
            text = secret = ""  # some tracebacks show the variables of each frame
            raise InvalidKey(problem)
        # Held by a closure: neither vars() nor pickle nor copy reaches it.
        self._reveal = lambda: secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request, as requests asks of an `auth` value."""
        request.headers["Authorization"] = f"Bearer {self._reveal()}"
        return request

    @property
    def ending(self) -> str:
        """The last 4 characters, with an ellipsis before them."""
        return f"…{self._reveal()[-4:]}"

    def hide(self, text: str) -> str:
        """Replace the key by its ending wherever it stands in a text."""
        return text.replace(self._reveal(), self.ending)

    def __repr__(self) -> str:
        return f"Key({self.ending})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._reveal() == other._reveal()

    def __hash__(self) -> int:
        return hash(self._reveal())

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, memo: object) -> Key:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("A key is not written anywhere; give it again where it is needed.")


def key_from_environment() -> Key | None:
    """Look for a key in the environment alone.

    Raises
    ------
    InvalidKey
        When a variable is set to something that is no key.
    """
    for variable in KEY_VARIABLES:
        # In no variable of this frame: some tracebacks show them.
        if os.environ.get(variable, "").strip():
            return Key(os.environ[variable])
    return None


def find_key(*, again: bool = False) -> Key | None:
    """Look for a key in the environment, then in Colab's secrets.

    Those are read once, in the main thread: they are not thread-safe and have hung in worker threads, which
    get what the main thread found.

    Parameters
    ----------
    again : bool
        Whether to read them once more: the person says that there is one now.

    Returns
    -------
    Key or None

    Raises
    ------
    InvalidKey
        When a variable is set to something that is no key.
    """
    global _colab_key
    if threading.current_thread() is threading.main_thread() and (again or _colab_key is _NOT_READ):
        _colab_key = _read_colab_key()
    return key_from_environment() or (_colab_key if isinstance(_colab_key, Key) else None)


def _read_colab_key() -> Key | None:
    try:
        from google.colab import userdata
    except ImportError:
        return None
    try:
        found = [userdata.get(KEY_VARIABLES[0])]
    except Exception:  # the secret is missing, or access was not granted: each is an exception of Colab's own
        return None
    # Taken out of this frame's variables, which some tracebacks show.
    return Key(found.pop()) if found[0] and found[0].strip() else None


_NOT_READ = object()
_colab_key: object = _NOT_READ
