"""Where the key is found."""

from __future__ import annotations

import sys
import threading
import types

import pytest

from minimax_nb import settings
from minimax_nb.api.key import Key
from minimax_nb.settings import find_key


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Colab's secrets, of which there are none anywhere else; the names that were asked for."""
    asked: list[str] = []
    google, colab, userdata = (types.ModuleType(name) for name in ("google", "google.colab", "userdata"))

    def get(name: str) -> str:
        asked.append(name)
        assert threading.current_thread() is threading.main_thread()
        if len(asked) == 1:
            raise LookupError("Secret does not exist")
        return "colab-secret-9876"

    userdata.get = get  # type: ignore[attr-defined]
    colab.userdata = userdata  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setattr(settings, "_colab_key", settings._NOT_READ)
    return asked


def found_in_a_worker() -> list[Key | None]:
    found: list[Key | None] = []
    worker = threading.Thread(target=lambda: found.append(find_key()))
    worker.start()
    worker.join()
    return found


def test_colabs_secret_is_read_once_in_the_main_thread_and_again_when_asked(secrets: list[str]) -> None:
    assert found_in_a_worker() == [None]
    assert secrets == []
    assert find_key() is None
    assert find_key() is None
    assert secrets == ["AIML_API_KEY"]
    key = find_key(again=True)
    assert key is not None
    assert key.ending == "…9876"
    assert found_in_a_worker() == [key]
    assert len(secrets) == 2


def test_the_environment_comes_first(secrets: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", " second-key-5678 ")
    assert find_key() == Key("second-key-5678")


@pytest.mark.parametrize("slow", [False, True])
def test_kaggles_secret_is_read_with_a_bound_and_colabs_is_not(
    secrets: list[str], monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    never = threading.Event()

    class Client:
        def get_secret(self, name: str) -> str:
            if slow:
                never.wait(10)
            return f"kaggle-{name}-4321"

    module = types.ModuleType("kaggle_secrets")
    module.UserSecretsClient = Client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kaggle_secrets", module)
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    monkeypatch.setattr(settings, "_SECRET_SECONDS", 0.2 if slow else 3.0)
    key = find_key()
    never.set()
    assert (key and key.ending) == (None if slow else "…4321")
    assert secrets == []
