"""What every card is made of: cheap widgets, CSS classes, and handlers whose exceptions are seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython

from ..errors import MusicError

Show = Callable[[Exception], None]
"""Shows an exception to the person."""

_shared: dict[type, dict[str, Any]] = {}


def make(kind: type[Any], *names: str, **state: Any) -> Any:
    """Make a widget with CSS classes.

    Widgets of one kind share their layout and style, which nobody changes: these are two thirds of what a
    widget costs. What it looks like is said by classes.
    """
    common = _shared.get(kind)
    if common is None or any(shared.comm is None for shared in common.values()):
        widget = kind(**state)
        _shared[kind] = {name: getattr(widget, name) for name in ("layout", "style") if widget.has_trait(name)}
    else:
        widget = kind(**state, **common)
    return styled(widget, *names)


def styled(widget: Any, *names: str) -> Any:
    """Give a widget CSS classes, the way ipywidgets 7 and 8 both know."""
    for name in names:
        widget.add_class(f"mnb-{name}")
    return widget


def button(text: str, *names: str, icon: str = "") -> Any:
    """A button of the studio."""
    return make(widgets.Button, "button", *names, description=text, icon=icon)


def text(value: str = "", *names: str) -> Any:
    """A piece of HTML."""
    return make(widgets.HTML, *names, value=value)


def row(*children: Any, names: tuple[str, ...] = ("row",)) -> Any:
    """Some widgets side by side; they wrap where it is narrow."""
    return make(widgets.HBox, *names, children=children)


def is_shown(widget: Any) -> bool:
    """Whether a widget is in the page."""
    return "mnb-hidden" not in widget._dom_classes


def show_if(widget: Any, shown: bool) -> None:
    """Show a widget, or take it out of the page."""
    if is_shown(widget) is not shown:
        (widget.remove_class if shown else widget.add_class)("mnb-hidden")


def put(widget: Any, **state: Any) -> None:
    """Set what changed: an equal value sends nothing."""
    for name, value in state.items():
        if getattr(widget, name) != value:
            setattr(widget, name, value)


def handler(show: Show, act: Callable[..., object], *arguments: object) -> Callable[..., None]:
    """Make an event handler of a function: ipywidgets drops the exceptions of its handlers, `show` does not."""

    def handle(*_: object) -> None:
        try:
            act(*arguments)
        except Exception as error:
            show(error)

    return handle


def when_free(work: Callable[[], object]) -> None:
    """Do something in the main thread once no cell runs; at once where that is here, or there is no kernel.

    ipykernel 7 takes some messages in another thread, and widgets are made in the main one.
    """
    loop = getattr(getattr(get_ipython(), "kernel", None), "io_loop", None)
    if loop is None or threading.current_thread() is threading.main_thread():
        work()
    else:
        loop.add_callback(work)


def message_of(error: Exception) -> str:
    """What an exception says, for one line under a field."""
    return f"{error.what} {error.do}" if isinstance(error, MusicError) else f"{type(error).__name__}: {error}"
