"""What every card is made of: cheap widgets, CSS classes, and handlers whose exceptions are seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython

from ..errors import MusicError

Show = Callable[[Exception], None]
"""Shows an exception to the person."""

_styles: dict[type, Any] = {}
_layouts: list[Any] = []


def common(kind: type[Any]) -> dict[str, Any]:
    """The layout and the style that widgets of one kind share.

    Nobody changes them, and they are two thirds of what a widget costs. What it looks like is said by classes.
    """
    if not _layouts or _layouts[0].comm is None:
        _layouts[:] = [widgets.Layout()]
    found = {"layout": _layouts[0]}
    if "style" in kind.class_traits():
        if kind not in _styles or _styles[kind].comm is None:
            _styles[kind] = kind.class_traits()["style"].klass()
        found["style"] = _styles[kind]
    return found


def classes(*names: str) -> tuple[str, ...]:
    """CSS classes of the studio; given to a new widget they cost no message of their own."""
    return tuple(f"mnb-{name}" for name in names)


def make(kind: type[Any], *names: str, **state: Any) -> Any:
    """Make a widget with CSS classes."""
    return kind(_dom_classes=classes(*names), **common(kind), **state)


class Column(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """Some widgets one below the other, with CSS classes."""

    def __init__(self, children: Iterable[Any], *names: str) -> None:
        super().__init__(tuple(children), _dom_classes=classes(*names), **common(widgets.VBox))


class Line(widgets.HBox):  # type: ignore[misc, unused-ignore]
    """Some widgets side by side, with CSS classes; they wrap where it is narrow."""

    def __init__(self, children: Iterable[Any], *names: str) -> None:
        super().__init__(tuple(children), _dom_classes=classes(*names), **common(widgets.HBox))


def button(text: str, *names: str, icon: str = "") -> Any:
    """A button of the studio."""
    return make(widgets.Button, "button", *names, description=text, icon=icon)


def text(value: str = "", *names: str) -> Any:
    """A piece of HTML."""
    return make(widgets.HTML, *names, value=value)


def row(*children: Any, names: tuple[str, ...] = ("row",)) -> Any:
    """Some widgets side by side; they wrap where it is narrow."""
    return Line(children, *names)


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
