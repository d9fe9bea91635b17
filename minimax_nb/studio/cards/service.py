"""Where the song is made, what it costs there, and the way to a key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import ipywidgets as widgets

from ...api.key import Key
from ...errors import MusicError, ServiceError, Unauthorized, Unreachable
from ...settings import Account, Settings, find_key
from .. import components
from .. import html as drawing
from ..state import ServiceState, Store, StudioState
from ..ui import Column, Show, button, handler, is_shown, make, message_of, put, row, show_if, text, when_free

Ask = Callable[[Settings], Account]
"""Asks the service of a choice for price and balance; raises `MusicError`."""


class ServiceCard(Column):
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
        self._change = button("Change key", "quiet", "hidden")
        self._name = text("", "service-name")
        self._note = text()
        self._panel = make(widgets.VBox, "panel", "hidden")
        self._asked_for_key: Panel | None = None
        self._told = ""
        self._rejected: set[Key] = set()
        title = text('<span class="mnb-brand" role="heading" aria-level="2">Make a song</span>')
        line = row(self._name, self._change, self._switch, names=("service",))
        super().__init__([row(title, line, names=("top",)), self._note, self._panel], "where")
        self._switch.on_click(handler(self._complain, self._change_over))
        self._change.on_click(handler(self._complain, self._open_panel))
        self._set(ServiceState(self._first_choice()))

    def draw(self, service: ServiceState, spent: float, budget: str) -> None:
        """Draw the service as it stands; `spent` is in US dollars, `budget` in words."""
        put(self._name, value=drawing.service_line(service, spent, budget))
        put(self._switch, description="Use my key" if service.rehearsal else "Rehearse instead")
        show_if(self._change, service.has_key)
        if service.rejected and service.rejected is not self._told:
            self._told = service.rejected
            when_free(partial(self._open_panel, service.rejected))

    def look_up(self) -> None:
        """Ask for price and balance in the background, unless songs are free."""
        # A new value, by which the thread knows whether its answer still counts.
        before = replace(self._store.state.service)
        self._set(before)
        if not before.rehearsal:
            threading.Thread(target=self._look_up, args=(before,), name="minimax_nb account", daemon=True).start()

    def show_host(self, name: str) -> None:
        """Say how files reach the service."""
        self._set(replace(self._store.state.service, host=name))

    def use_key(self, secret: str) -> None:
        """Make songs with this key, for as long as the kernel lives."""
        self._choose(Key(secret), rehearse=False)
        self._close_panel()

    def reject(self, settings: Settings) -> None:
        """Drop a key that the service does not know, and ask for another one; called from any thread."""
        ending = ""
        if settings.key is not None:
            self._rejected.add(settings.key)
            ending = f" that ends with {settings.key.ending}"
        words = f"The service does not know the key{ending}, so it is dropped. Type another one, or go on rehearsing."
        host = self._store.state.service.host
        dropped = ServiceState(Settings(None, "", rehearse=True), rejected=words, host=host)
        self._store.change(lambda state: _dropped(state, settings, dropped))

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
        if not rehearse and (key is None or key in self._rejected):
            self._open_panel("No key was found there." if is_shown(self._panel) else "")
            return
        self._choose(key, rehearse=rehearse)
        self._close_panel()

    def _choose(self, key: Key | None, *, rehearse: bool) -> None:
        # An address belongs to the kind of service it was given for.
        base_url = self._given.base_url if bool(self._given.rehearse) is rehearse else ""
        self._note.value = ""
        self._set(ServiceState(Settings(key, base_url, rehearse), host=self._store.state.service.host))
        self.look_up()
        self._on_change()

    def _forget_key(self) -> None:
        self._choose(None, rehearse=True)
        self._close_panel()

    def _open_panel(self, reason: str = "") -> None:
        if self._asked_for_key is None:
            self._asked_for_key = Panel(self.use_key, self._forget_key, self._close_panel, self._complain)
            self._panel.children = (self._asked_for_key,)
        self._asked_for_key.ask(reason, forgettable=self._store.state.service.has_key)
        show_if(self._panel, True)

    def _close_panel(self) -> None:
        show_if(self._panel, False)

    def _look_up(self, before: ServiceState) -> None:
        account, problem = Account(), ""
        try:
            account = self._ask(before.settings)
        except Unauthorized:
            self.reject(before.settings)
            return
        except ServiceError as error:
            problem = f"price unknown ({error.http_status})"
        except Unreachable:
            problem = "price unknown (no connection)"
        except Exception as error:
            problem = f"price unknown ({type(error).__name__})"
        answered = replace(before, account=account, problem=problem)
        self._store.change(lambda state: _answered(state, before, answered))


class Panel(Column):
    """A field for a key, made when it is wanted for the first time."""

    def __init__(
        self, use: Callable[[str], None], forget: Callable[[], None], close: Callable[[], None], show: Show
    ) -> None:
        self._field = components.KeyField(use)
        self._reason = text()
        self._forget = button("Forget this key", "quiet")
        not_now = button("Not now", "quiet")
        super().__init__([self._field, self._reason, row(self._forget, not_now)])
        self._forget.on_click(handler(show, forget))
        not_now.on_click(handler(show, close))

    def ask(self, reason: str, *, forgettable: bool) -> None:
        """Say why, and how a key is given."""
        put(self._field, note="", problem="")
        self._reason.value = drawing.key_advice(reason)
        show_if(self._forget, forgettable)


def _dropped(state: StudioState, settings: Settings, dropped: ServiceState) -> StudioState:
    return replace(state, service=dropped) if state.service.settings == settings else state


def _answered(state: StudioState, before: ServiceState, answered: ServiceState) -> StudioState:
    return replace(state, service=answered) if state.service is before else state
