"""Where the song is made, what it costs there, and the way to a key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from ...api.key import Key
from ...errors import MusicError, ServiceError, Unauthorized, Unreachable
from ...settings import Account, Settings, find_key
from .. import components
from .. import html as drawing
from ..state import ServiceState, Store, StudioState
from ..ui import button, handler, is_shown, make, message_of, row, show_if, styled, text

Ask = Callable[[Settings], Account]
"""Asks the service of a choice for price and balance; raises `MusicError`."""


class ServiceCard(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """The quiet line at the top, with its switch.

    Parameters
    ----------
    store : Store
        Holds the `ServiceState`.
    given : Settings
        What was said from code.
    ask : Ask
        Called in a worker thread.
    on_change : callable
        Called when another service was chosen.
    """

    def __init__(self, store: Store, given: Settings, ask: Ask, on_change: Callable[[], object]) -> None:
        self._store = store
        self._given = given
        self._ask = ask
        self._on_change = on_change
        self._switch = button("", "quiet")
        self._close = button("Not now", "quiet")
        self._name = text("", "service-name")
        self._note = text()
        self._panel = make(widgets.VBox, "panel", "hidden")
        self._key_field: Any = None
        title = text('<span class="mnb-brand" role="heading" aria-level="2">Make a song</span>')
        line = row(self._name, self._switch, names=("service",))
        super().__init__([row(title, line, names=("top",)), self._note, self._panel])
        styled(self, "where")
        self._switch.on_click(handler(self._complain, self._change_over))
        self._close.on_click(handler(self._complain, self._close_panel))
        self._set(ServiceState(self._first_choice()))

    def draw(self, service: ServiceState) -> None:
        """Draw the service as it stands."""
        self._name.value = drawing.service_line(service)
        self._switch.description = "Use my key" if service.rehearsal else "Rehearse instead"

    def look_up(self) -> None:
        """Ask for price and balance in the background, unless songs are free."""
        # A new value, by which the thread knows whether its answer still counts.
        asked = replace(self._store.state.service)
        self._set(asked)
        if not asked.rehearsal:
            threading.Thread(target=self._look_up, args=(asked,), name="minimax_nb account", daemon=True).start()

    def use_key(self, secret: str) -> None:
        """Make songs with this key, for as long as the kernel lives."""
        self._choose(Key(secret), rehearse=False)
        self._close_panel()

    def _set(self, service: ServiceState) -> None:
        self._store.change(lambda state: replace(state, service=service))

    def _complain(self, error: Exception) -> None:
        self._note.value = drawing.line(message_of(error), "bad")

    def _first_choice(self) -> Settings:
        try:
            if self._given.rehearse is False:
                return self._given
            service = self._given.service(secrets=False)  # Colab would ask the person for access to its secrets
            return Settings(self._given.key or service.key, self._given.base_url, service.rehearsal)
        except MusicError as error:
            self._complain(error)
            return Settings(rehearse=True)

    def _change_over(self) -> None:
        chosen = self._store.state.service.settings
        rehearse = not chosen.rehearse
        key = chosen.key if rehearse else chosen.key or find_key(again=True)
        if key is None and not rehearse:
            self._open_panel()
            return
        self._choose(key, rehearse=rehearse)
        self._close_panel()

    def _choose(self, key: Key | None, *, rehearse: bool) -> None:
        # An address belongs to the kind of service it was given for.
        base_url = self._given.base_url if bool(self._given.rehearse) is rehearse else ""
        self._note.value = ""
        self._set(ServiceState(Settings(key, base_url, rehearse)))
        self.look_up()
        self._on_change()

    def _open_panel(self) -> None:
        found = "No key was found there." if is_shown(self._panel) else ""
        if self._key_field is None:
            self._key_field = styled(components.KeyField(self.use_key), "key")
        self._panel.children = (self._key_field, text(drawing.key_advice(found)), self._close)
        show_if(self._panel, True)

    def _close_panel(self) -> None:
        show_if(self._panel, False)

    def _look_up(self, asked: ServiceState) -> None:
        account, problem = Account(), ""
        try:
            account = self._ask(asked.settings)
        except Unauthorized:
            problem = "the service does not know this key"
        except ServiceError as error:
            problem = f"price unknown ({error.http_status})"
        except Unreachable:
            problem = "price unknown (no connection)"
        except Exception as error:
            problem = f"price unknown ({type(error).__name__})"
        answered = replace(asked, account=account, problem=problem)
        self._store.change(lambda state: _answered(state, asked, answered))


def _answered(state: StudioState, asked: ServiceState, answered: ServiceState) -> StudioState:
    return replace(state, service=answered) if state.service is asked else state
