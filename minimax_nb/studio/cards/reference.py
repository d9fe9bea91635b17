"""The two cards of the form: the reference and the lyrics. Each has one value; neither knows the session."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ipywidgets as widgets
import traitlets

from ... import audio
from ...errors import InvalidReference
from ...reference import EXCERPT_SECONDS, Reference, prepare
from .. import components as parts
from .. import html as drawing
from .. import samples as shelf
from ..state import Meter, Sound, Source, Track, measure
from ..ui import button, in_words, make, row, show_if, styled, text, visibly
from .upload import Inlet

_SPARE_SECONDS = 0.5  # an excerpt that is exactly as long as the model's rule would be too short
_CLIPPED = 0.002
_QUIET = -35.0


class ReferenceCard(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """Card 1: a file, a link or a sample; its value is the trait `track`.

    Parameters
    ----------
    folder : callable
        Gives the folder of the library for references.
    longer_than : float
        The model's rule, in seconds.
    source : Source or None
        A reference given from code.
    """

    track = traitlets.Instance(Track)

    def __init__(self, folder: Callable[[], Path], longer_than: float, source: Source | None = None) -> None:
        self._folder = folder
        self._longer_than = longer_than
        self._turn = 0
        self._looked: Future[Source] = Future()
        self._lock = threading.RLock()
        self._scratch: TemporaryDirectory[str] | None = None
        self.inlet = Inlet(self.take_file, self._scratch_folder, self.refuse)
        self.link = make(
            widgets.Text,
            "field",
            description="Or a link, or the path of a file",
            placeholder="https://…/song.mp3",
            continuous_update=False,
        )
        self.samples = [button(sample.name, "chip") for sample in shelf.REFERENCES]
        self._note = text("", "two-lines")
        self.wave = self._make_wave()
        self._blank = text("", *(() if self.wave is not None else ("hidden",)))
        # Classes of an anywidget do not change in the page: what hides it is around it.
        self._wave_box = make(widgets.VBox, "hidden", children=[self.wave] if self.wave is not None else [])
        super().__init__(self._arranged())
        styled(self, "card")
        self._wire()
        self.track = Track() if source is None else Track(source=source, note=_called(source))

    def look_at_given(self) -> None:
        """Look at a reference that was given from code, so that it can be seen and heard."""
        source = self.track.source
        if self.track.sound is not None or isinstance(source, Reference):
            return
        if isinstance(source, bytes):
            (self._scratch_folder() / "given").write_bytes(source)
            self.take_file(self._scratch_folder() / "given", "bytes")
        elif source is not None and not str(source).lower().startswith("data:"):
            self._take(str(source))

    def take_file(self, path: Path, name: str) -> None:
        """Take a file as the reference; the caller may delete it afterwards."""
        self.link.value = ""
        kept = self._kept(path)
        self._look_at(name, lambda: self._from_file(kept, name), uploaded=True)

    def take_again(self, source: str, called: str) -> None:
        """Take the reference of an earlier song: a link, or a file of the library, and what it was called."""
        if source.startswith(("http://", "https://")):
            self.link.value = source
        else:
            self.link.value = ""
            self._look_at(called, lambda: self._from_file(Path(source), called))

    def chosen(self) -> Callable[[], Source]:
        """What to hand over, as it is chosen now.

        Calling it may take a second, for an excerpt is cut then, and what is still being looked at is waited for.
        """
        track = self.track
        if track.doing:
            return self._looked.result
        sound, source = track.sound, track.source
        if source is None:
            raise InvalidReference("There is no reference.")
        if sound is None or self.wave is None:
            return lambda: source
        start, end = self.wave.excerpt
        if abs(start - sound.start) < 0.05 and abs(end - sound.end) < 0.05:
            return lambda: source
        return lambda: self._cut(sound, start, end)

    def refuse(self, error: Exception) -> None:
        """Say under the field what is wrong with the reference."""
        self.inlet.forget()
        self.track = Track(problem=in_words(error))

    @traitlets.observe("track")
    def _draw(self, _change: object) -> None:
        sound = self.track.sound
        self._note.value = drawing.track_line(self.track)
        if self.wave is not None:
            show_if(self._wave_box, sound is not None)
            show_if(self._blank, sound is None)
            self._blank.value = drawing.blank(self.track)
            if sound is not None:
                self.wave.show(sound.envelope, sound.duration, sound.start, sound.end)

    def _arranged(self) -> list[Any]:
        head = text(drawing.heading(1, "Reference", "A song with music and singing to take the style from."))
        shelf_line = text('<div class="mnb-line">No song at hand? The band plays you one:</div>')
        shelf_box = make(widgets.VBox, "shelf", children=(shelf_line, row(*self.samples, names=("row", "chips"))))
        return [head, self.inlet, self.link, shelf_box, self._note, self._blank, self._wave_box]

    def _make_wave(self) -> Any:
        if not parts.available():
            return None
        shortest = self._longer_than + _SPARE_SECONDS
        wave = parts.Waveform(
            self._excerpt_sound,
            label="The reference, with the excerpt that is sent",
            minimum=shortest,
            maximum=EXCERPT_SECONDS,
        )
        return styled(wave, "wave")

    def _wire(self) -> None:
        self.link.observe(visibly(self.refuse, self._take_link), "value")
        for chip, sample in zip(self.samples, shelf.REFERENCES, strict=True):
            chip.on_click(visibly(self.refuse, partial(self._take_sample, sample)))

    def _take_link(self) -> None:
        # Quotes come along when a path is copied from a file manager.
        given = self.link.value.strip().strip("\"'")
        if given:
            self._take(given)

    def _take(self, given: str) -> None:
        if given.lower().startswith(("http://", "https://")):
            self._look_at(given, lambda: self._from_link(given))
        else:
            path = Path(given).expanduser()
            self._look_at(path.name, lambda: self._from_file(path, path.name))

    def _take_sample(self, sample: shelf.Sample) -> None:
        self.link.value = ""
        self._look_at("The band plays: a few seconds", lambda: self._from_band(sample))

    def _from_file(self, path: Path, name: str) -> Track:
        reference = prepare(path, self._folder(), longer_than=self._longer_than, name=name)
        info = reference.info
        if info is None:  # a link
            return Track(reference, reference.description)
        end = reference.start + reference.seconds
        sound = Sound(path, name, info.duration, info.envelope, reference.start, end)
        loudness = f"{info.loudness:.0f} dB".replace("-", "−")
        note = f"{reference.description} · {info.format.lower()} · {loudness}"
        return Track(reference, note, advice=_advice(info), sound=sound)

    def _from_link(self, link: str) -> Track:
        return Track(prepare(link, self._folder()), f"{link} · the service fetches it")

    def _from_band(self, sample: shelf.Sample) -> Track:
        path = sample.play(self._scratch_folder())
        track = self._from_file(path, sample.name)
        return Track(track.source, f"{track.note} · played by the rehearsal band", sound=track.sound)

    def _cut(self, sound: Sound, start: float, end: float) -> Reference:
        return prepare(
            sound.path,
            self._folder(),
            longer_than=self._longer_than,
            name=sound.name,
            start=start,
            seconds=end - start,
        )

    def _excerpt_sound(self) -> tuple[bytes, str]:
        sound = self.track.sound
        if sound is None:
            raise InvalidReference("There is nothing to play.")
        start, end = self.wave.excerpt
        target = self._scratch_folder() / f"excerpt-{threading.get_ident()}.mp3"
        audio.write_excerpt(sound.path, target, start=start, seconds=end - start)
        return target.read_bytes(), "audio/mpeg"

    def _scratch_folder(self) -> Path:
        if self._scratch is None:
            # Deletes itself when the kernel ends.
            self._scratch = TemporaryDirectory(prefix="minimax_nb-", ignore_cleanup_errors=True)
        return Path(self._scratch.name)

    def _kept(self, path: Path) -> Path:
        """The same file under a name of our own: who received it deletes theirs. The one before is dropped."""
        folder = self._scratch_folder()
        before = [*folder.glob("reference-*")]
        kept = folder / f"reference-{self._turn + 1}"
        path.replace(kept)
        for old in before:
            with contextlib.suppress(OSError):
                old.unlink()
        return kept

    def _look_at(self, doing: str, look: Callable[[], Track], *, uploaded: bool = False) -> None:
        """Look at a reference in a worker thread; the latest one counts."""
        looked: Future[Any] = Future()
        with self._lock:
            self._turn += 1
            turn = self._turn
            self._looked = looked
            if not uploaded:
                self.inlet.forget()
            self.track = Track(doing=f"{doing}…")

        def work() -> None:
            try:
                track, problem = look(), None
                looked.set_result(track.source)
            except Exception as error:
                track, problem = Track(), error
                looked.set_exception(error)
            with self._lock:
                if turn == self._turn:
                    self.refuse(problem) if problem else self.set_trait("track", track)

        threading.Thread(target=work, name="minimax_nb reference", daemon=True).start()


def _advice(info: audio.AudioInfo) -> str:
    if info.clipped > _CLIPPED:
        return "It is clipped: its loudest parts are cut off and crackle. A cleaner copy will do better."
    if info.loudness < _QUIET:
        return "It is very quiet. Turn it up in the program it comes from, if you can."
    return ""


def _called(source: Source) -> str:
    if isinstance(source, Reference):
        return source.description
    return f"{len(source) / 1e6:.1f} MB given from code" if isinstance(source, bytes) else str(source)[:200]


class LyricsCard(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """Card 2: the words, measured as they are typed; its value is the trait `meter`."""

    meter = traitlets.Instance(Meter)

    def __init__(self, lyrics: str = "") -> None:
        self.text = make(
            widgets.Textarea,
            "field",
            value=lyrics,
            description="What is sung: a line on each line, an empty line for a pause",
            placeholder="Side by side, through thick and thin, …",
            rows=6,
        )
        self.accompaniment = make(
            widgets.Checkbox, "tick", value=True, description="With accompaniment", indent=False
        )
        self.sample = button("Use sample lyrics", "quiet")
        self.exact = make(widgets.ToggleButton, "button", "quiet", description="Show the exact prompt")
        self._note = text("", "three-lines")
        self._prompt = text("", "hidden")
        super().__init__(self._arranged())
        styled(self, "card")
        for widget in (self.text, self.accompaniment, self.exact):
            widget.observe(visibly(self.refuse, self._measure), "value")
        self.sample.on_click(visibly(self.refuse, self._take_sample))
        self._measure()

    def fill(self, lyrics: str, *, accompaniment: bool) -> None:
        """Write these lyrics over whatever the field holds."""
        self.text.value, self.accompaniment.value = lyrics, accompaniment

    def refuse(self, error: Exception) -> None:
        """Say under the field what is wrong with the lyrics."""
        measured = self._measured()
        self.meter = Meter(measured.used, measured.limit, measured.lines, measured.pauses, in_words(error))

    @traitlets.observe("meter")
    def _draw(self, _change: object) -> None:
        self._note.value = drawing.meter_line(self.meter)

    def _arranged(self) -> list[Any]:
        head = text(drawing.heading(2, "Lyrics"))
        return [head, self.text, self._note, self.accompaniment, row(self.sample, self.exact), self._prompt]

    def _measured(self) -> Meter:
        return measure(self.text.value, accompaniment=self.accompaniment.value)

    def _measure(self) -> None:
        self.meter = self._measured()
        # Nobody's own words are written over.
        written = self.text.value.strip()
        self.sample.disabled = bool(written) and written not in shelf.LYRICS
        show_if(self._prompt, self.exact.value)
        self._prompt.value = drawing.prompt_box(self.meter) if self.exact.value else ""

    def _take_sample(self) -> None:
        written = self.text.value.strip()
        at = shelf.LYRICS.index(written) + 1 if written in shelf.LYRICS else 0
        self.text.value = shelf.LYRICS[at % len(shelf.LYRICS)]
