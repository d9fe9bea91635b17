"""Where the song is made, what it costs there, and the way to a key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from itertools import count
from typing import Any

import ipywidgets as widgets
import traitlets

from ...api.key import Key, find_key
from ...errors import MusicError, ServiceError, Unauthorized, Unreachable
from ...settings import Account, Choice, Service
from .. import components as parts
from .. import html as drawing
from ..ui import button, in_words, make, row, show_if, styled, text, visibly

Ask = Callable[[Choice], Account]
"""Asks the service of a choice for price and balance; raises `MusicError`."""


class ServiceLine(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """The quiet line at the top, with its switch; its values are the traits `choice` and `account`.

    Parameters
    ----------
    choice : Choice
        What was said from code.
    ask : Ask
        Called in a worker thread.
    """

    choice = traitlets.Instance(Choice)
    account = traitlets.Instance(Account, args=())

    def __init__(self, choice: Choice, ask: Ask) -> None:
        self._given = choice
        self._ask = ask
        self._turns = count(1)
        self._turn = 0
        self._trouble = ""
        self._lock = threading.RLock()
        self.switch = button("", "quiet")
        self.close_panel = button("Not now", "quiet")
        self._name = text("", "service-name")
        self.note = text()
        self.panel = make(widgets.VBox, "panel", "hidden")
        self.key_field: Any = None
        title = text('<span class="mnb-brand" role="heading" aria-level="2">Make a song</span>')
        line = row(self._name, self.switch, names=("service",))
        super().__init__([row(title, line, names=("top",)), self.note, self.panel])
        styled(self, "where")
        self.switch.on_click(visibly(self.complain, self._switch))
        self.close_panel.on_click(visibly(self.complain, self._close))
        self.choice = self._first_choice()

    @property
    def rehearsal(self) -> bool:
        """Whether songs are made for free."""
        return bool(self.choice.rehearse)

    def complain(self, error: Exception) -> None:
        """Say what is wrong."""
        self.note.value = drawing.line(in_words(error), "bad")

    def look_up(self) -> None:
        """Ask for price and balance in the background, unless songs are free."""
        # Without the lock: whoever calls may hold one that the answer, on its way into the page, waits for.
        turn = self._turn = next(self._turns)
        choice = self.choice
        if not choice.rehearse:
            threading.Thread(
                target=lambda: self._look_up(turn, choice), name="minimax_nb account", daemon=True
            ).start()

    def use_key(self, secret: str) -> None:
        """Make songs with this key, for as long as the kernel lives."""
        self._choose(Key(secret), rehearse=False)
        self._close()

    @traitlets.observe("choice", "account")
    def _draw(self, _change: object) -> None:
        rehearsal = self.rehearsal
        kind = "free" if rehearsal else "paid"
        words = [Service("", self.choice.key, rehearsal=rehearsal).name]
        if not rehearsal and self.account.price is not None:
            words.append(f"{drawing.money(self.account.price)} a song")
        if not rehearsal and self.account.balance is not None:
            words.append(f"{drawing.money(round(self.account.balance, 2))} left")
        self._name.value = f'<span class="mnb-dot mnb-{kind}"></span>{escape(" · ".join(words))}{self._trouble}'
        self.switch.description = "Use my key" if rehearsal else "Rehearse instead"

    def _first_choice(self) -> Choice:
        try:
            return self._given.at_first_sight()
        except MusicError as error:
            self.complain(error)
            return Choice(rehearse=True)

    def _switch(self) -> None:
        rehearse = not self.rehearsal
        key = self.choice.key if rehearse else self.choice.key or find_key(again=True)
        if key is None and not rehearse:
            self._open()
            return
        self._choose(key, rehearse=rehearse)
        self._close()

    def _choose(self, key: Key | None, *, rehearse: bool) -> None:
        # An address belongs to the kind of service it was given for.
        base_url = self._given.base_url if bool(self._given.rehearse) is rehearse else ""
        self.note.value = self._trouble = ""
        self.account = Account()
        self.choice = Choice(key, base_url, rehearse)
        self.look_up()

    def _open(self) -> None:
        asked_before = "mnb-hidden" not in self.panel._dom_classes
        if self.key_field is None and parts.available():
            self.key_field = styled(parts.KeyField(self.use_key), "key")
        advice = text(drawing.key_advice("No key was found there." if asked_before else ""))
        field = [self.key_field] if self.key_field is not None else []
        self.panel.children = (*field, advice, self.close_panel)
        show_if(self.panel, True)

    def _close(self) -> None:
        show_if(self.panel, False)

    def _look_up(self, turn: int, choice: Choice) -> None:
        account, trouble = Account(), ""
        try:
            account = self._ask(choice)
        except Unauthorized:
            trouble = " · the service does not know this key"
        except ServiceError as error:
            trouble = f" · price unknown ({error.http_status})"
        except Unreachable:
            trouble = " · price unknown (no connection)"
        except Exception as error:
            trouble = f" · price unknown ({type(error).__name__})"
        with self._lock:
            if turn == self._turn:
                self._trouble = f'<span class="mnb-warn">{escape(trouble)}</span>' if trouble else ""
                self.account = account
                self._draw(None)
