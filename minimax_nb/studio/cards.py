"""The parts of the page. Each draws one value of the state; none knows the session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import ipywidgets as widgets
import traitlets

from .. import lyrics as words
from ..errors import MusicError
from ..progress import USUAL_SECONDS, share
from ..reference import Reference
from ..song import Song
from . import drawing
from .state import Meter, Source, Take, Track, measure
from .upload import Received, forget, received

Check = Callable[[Source, str], Reference]
"""Checks a reference of a given name and puts it into the library; raises `MusicError`."""


def visibly(show: Callable[[Exception], None], handler: Callable[[], None]) -> Callable[..., None]:
    """Make an event handler of a function: ipywidgets drops the exceptions of its handlers, `show` does not."""

    def handle(*_: object) -> None:
        try:
            handler()
        except Exception as error:
            show(error)

    return handle


def styled(widget: widgets.DOMWidget, *names: str) -> widgets.DOMWidget:
    """Give a widget CSS classes, the way ipywidgets 7 and 8 both know."""
    for name in names:
        widget.add_class(f"mnb-{name}")
    return widget


def button(text: str, *names: str, icon: str = "") -> widgets.Button:
    """A button of the studio."""
    return styled(widgets.Button(description=text, icon=icon), "button", *names)


def show_if(widget: widgets.DOMWidget, shown: bool) -> None:
    """Show a widget, or take it out of the page."""
    display = None if shown else "none"
    if widget.layout.display != display:
        widget.layout.display = display


class ReferenceCard(widgets.VBox):
    """Card 1: a file, a link or a sample; its value is the trait `track`.

    Parameters
    ----------
    check : callable
        See `Check`; called in a worker thread.
    source : Source or None
        A reference given from code; it is checked when it is sent.
    """

    track = traitlets.Instance(Track)

    def __init__(self, check: Check, source: Source | None = None) -> None:
        self._check = check
        self._turn = 0
        self._lock = threading.RLock()
        self.upload = styled(
            widgets.FileUpload(accept=".wav,.mp3", multiple=False, description="Choose a file"), "button", "upload"
        )
        self.sample = button("Use a sample", icon="music")
        self.link = styled(
            widgets.Text(
                description="Or a link, or the path of a file",
                placeholder="https://…/song.mp3",
                continuous_update=False,
            ),
            "field",
        )
        self._note = styled(widgets.HTML(), "two-lines")
        head = widgets.HTML(drawing.heading(1, "Reference", "A song with music and singing to take the style from."))
        buttons = styled(widgets.HBox([self.upload, self.sample]), "row")
        super().__init__([head, buttons, self.link, self._note])
        styled(self, "card")
        self.upload.observe(visibly(self.refuse, self._take_upload), "value")
        self.link.observe(visibly(self.refuse, self._take_link), "value")
        self.sample.on_click(visibly(self.refuse, self._take_sample))
        self.track = Track() if source is None else Track(source=source, note=_called(source))

    def refuse(self, error: Exception) -> None:
        """Say under the field what is wrong with the reference."""
        text = f"{error.what} {error.do}" if isinstance(error, MusicError) else f"{type(error).__name__}: {error}"
        self.track = Track(problem=text)

    @traitlets.observe("track")
    def _draw(self, _change: object) -> None:
        self._note.value = drawing.track_line(self.track)

    def _take_upload(self) -> None:
        file = received(self.upload.value)
        if file is None:
            return
        forget(self.upload)
        self.link.value = ""
        self._look_at(file.name, lambda: self._from_file(file))

    def _take_link(self) -> None:
        # Quotes come along when a path is copied from a file manager.
        text = self.link.value.strip().strip("\"'")
        if text:
            self._look_at(text, lambda: self._from_link(text))

    def _take_sample(self) -> None:
        self.link.value = ""
        self._look_at("The band plays you a sample: a few seconds", self._from_band)

    def _from_file(self, file: Received) -> Track:
        reference = self._check(file.content, file.name)
        return Track(reference, f"{reference.description} · {len(file.content) / 1e6:.1f} MB")

    def _from_link(self, text: str) -> Track:
        reference = self._check(text, "")
        return Track(reference, f"{reference.description}{' · the service fetches it' if reference.uri else ''}")

    def _from_band(self) -> Track:
        from ..rehearsal.perform import play_sample

        with TemporaryDirectory() as folder:
            reference = self._check(play_sample(Path(folder) / "sample.mp3"), "")
        return Track(reference, f"{reference.description} · played by the rehearsal band")

    def _look_at(self, doing: str, look: Callable[[], Track]) -> None:
        """Look at a reference in a worker thread; the latest one counts."""
        with self._lock:
            self._turn += 1
            turn = self._turn
            self.track = Track(doing=f"{doing}…")

        def work() -> None:
            try:
                track, problem = look(), None
            except Exception as error:
                track, problem = Track(), error
            with self._lock:
                if turn == self._turn:
                    self.refuse(problem) if problem else self.set_trait("track", track)

        threading.Thread(target=work, name="minimax_nb reference", daemon=True).start()


def _called(source: Source) -> str:
    if isinstance(source, Reference):
        return source.description
    return f"{len(source) / 1e6:.1f} MB given from code" if isinstance(source, bytes) else str(source)[:200]


class LyricsCard(widgets.VBox):
    """Card 2: the words, measured as they are typed; its value is the trait `meter`."""

    meter = traitlets.Instance(Meter)

    def __init__(self, lyrics: str = "") -> None:
        self.text = styled(
            widgets.Textarea(
                value=lyrics,
                description="What is sung: a line on each line, an empty line for a pause",
                placeholder="Side by side, through thick and thin, …",
                rows=6,
            ),
            "field",
        )
        self.accompaniment = styled(
            widgets.Checkbox(value=True, description="With accompaniment", indent=False), "tick"
        )
        self.sample = button("Use sample lyrics", icon="pencil")
        self._note = widgets.HTML()
        head = widgets.HTML(drawing.heading(2, "Lyrics", ""))
        tools = styled(widgets.HBox([self.accompaniment, self.sample]), "row", "spread")
        super().__init__([head, self.text, self._note, tools])
        styled(self, "card")
        self.text.observe(visibly(self.refuse, self._measure), "value")
        self.accompaniment.observe(visibly(self.refuse, self._measure), "value")
        self.sample.on_click(visibly(self.refuse, self._take_sample))
        self._measure()

    def refuse(self, error: Exception) -> None:
        """Say under the field what is wrong with the lyrics."""
        text = f"{error.what} {error.do}" if isinstance(error, MusicError) else f"{type(error).__name__}: {error}"
        measured = self._measured()
        self.meter = Meter(measured.used, measured.limit, measured.lines, measured.pauses, text)

    @traitlets.observe("meter")
    def _draw(self, _change: object) -> None:
        self._note.value = drawing.meter_line(self.meter)

    def _measured(self) -> Meter:
        return measure(self.text.value, accompaniment=self.accompaniment.value)

    def _measure(self) -> None:
        self.meter = self._measured()
        # Nobody's own words are written over.
        self.sample.disabled = bool(self.text.value.strip())

    def _take_sample(self) -> None:
        self.text.value = words.SAMPLE.strip()


class SongCard(widgets.VBox):
    """Card 3: what becomes of the song. The studio wires its buttons."""

    def __init__(self) -> None:
        self.stop = button("Stop waiting", "quiet")
        self.again = button("Try again", icon="refresh")
        self.resume = button("Wait again", icon="refresh")
        self.save = button("Save beside the notebook", icon="save")
        self._download = styled(widgets.HTML(), "download")
        self._steps = styled(widgets.HTML(), "steps-row")
        self._bar = styled(widgets.FloatProgress(value=0, min=0, max=1), "bar")
        self._words = styled(widgets.HTML(), "words")
        self._player = styled(widgets.Output(), "player")
        self._facts = widgets.HTML()
        self._shown: Song | None = None
        head = widgets.HTML(drawing.heading(3, "Song", ""))
        buttons = styled(widgets.HBox([self.stop, self.again, self.resume, self._download, self.save]), "row")
        super().__init__([head, self._steps, self._bar, self._player, self._facts, self._words, buttons])
        styled(self, "card", "song")
        self.draw(None, 0.0)

    def draw(self, take: Take | None, now: float) -> None:
        """Draw a take as it stands.

        Parameters
        ----------
        take : Take or None
        now : float
            A moment of `time.monotonic`, in seconds.
        """
        working = take is not None and take.ended is None
        done = take is not None and take.ended is not None and not take.error and not take.stopped
        show_if(self._bar, working)
        show_if(self.stop, working and take is not None and take.waitable)
        show_if(self.resume, take is not None and not working and take.waitable)
        show_if(self.again, take is not None and take.error is not None and not take.waitable and not take.misfit)
        show_if(self.save, done)
        self._steps.value = drawing.steps_list(take, now) if take and not take.error else ""
        self._words.value = _words(take, now)
        if working and take is not None:
            self._bar.value = round(share(now - take.began, USUAL_SECONDS[take.rehearsal]), 2)
        self._play(take.song if done and take else None)

    def note(self, text: str, kind: str = "good") -> None:
        """Say one more line, such as where the song was saved."""
        self._words.value = drawing.line(text, kind)

    def _play(self, song: Song | None) -> None:
        show_if(self._player, song is not None)
        show_if(self._download, song is not None)
        if song is self._shown:
            return
        self._shown = song
        if song is None:
            self._player.outputs, self._facts.value, self._download.value = (), "", ""
            return
        self._download.value = drawing.download_link(song)
        bundle = {"text/plain": song.title, "text/html": song.player()._repr_html_()}
        self._facts.value = drawing.facts_line(song)
        # Set as a whole: entering the Output or displaying would send it to whichever cell runs.
        self._player.outputs = ({"output_type": "display_data", "data": bundle, "metadata": {}},)


def _words(take: Take | None, now: float) -> str:
    if take is None:
        return drawing.line("Your song will appear here.")
    if take.misfit:
        return drawing.line(f"Nothing was sent: see the {take.misfit} above.")
    if take.error:
        return drawing.error_box(take.error)
    if take.stopped:
        return drawing.left_line(take)
    return drawing.clock_line(take, now) if take.ended is None else ""


class ServiceLine(widgets.HBox):
    """Where the song is made, and the switch between rehearsal and the real service."""

    def __init__(self) -> None:
        self.switch = button("", "quiet")
        self._name = widgets.HTML()
        super().__init__([self._name, self.switch])
        styled(self, "service")

    def draw(self, name: str, *, rehearsal: bool) -> None:
        """Draw the name of the service and offer the other one."""
        kind = "free" if rehearsal else "paid"
        self._name.value = f'<span class="mnb-dot mnb-{kind}"></span>{escape(name)}'
        self.switch.description = "Use my key" if rehearsal else "Rehearse instead"
