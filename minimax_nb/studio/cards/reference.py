"""The reference: a file, a link or a sample, checked in a worker thread, shown, played and cut."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ipywidgets as widgets

from ... import audio
from ...catalogue import Model, ReferenceRule
from ...errors import InvalidReference
from ...hosts.pages import to_file_link
from ...reference import Reference, locate, prepare
from .. import components, samples
from .. import html as drawing
from ..draft import KeptReference
from ..state import LoadedAudio, ReferenceState, Source, Store, StudioState
from ..ui import Column, button, handler, make, message_of, put, row, show_if, text
from .upload import Upload

_SPARE_SECONDS = 0.5  # an excerpt that is exactly as long as the model's rule would be too short
_CLIPPED = 0.002
_ABOVE = 1.5  # floating point goes above full scale without being clipped

_PATIENCE = 1.0  # after so many seconds it is said how far the reading is

Check = Callable[[Callable[[float], object]], ReferenceState]
Decode = Callable[[], Path]


class ReferenceCard(Column):
    """Card 1.

    Parameters
    ----------
    store : Store
        Holds the `ReferenceState`.
    folder : callable
        Gives the folder of the library for references.
    source : Source or None
        A reference given from code.
    """

    def __init__(self, store: Store, folder: Callable[[], Path], source: Source | None = None) -> None:
        self._store = store
        self._folder = folder
        self._rule = store.state.model.reference or ReferenceRule(0.0)
        self._last: tuple[str, Check] | None = None
        self._uploads = 0
        self._scratch: TemporaryDirectory[str] | None = None
        self.upload = Upload(store, self.take_file, self._scratch_folder, self.refuse)
        self.recorder = components.Recorder(
            lambda file: self.take_file(file.path, file.name, uploaded=False), store.lock
        )
        self._link = make(
            widgets.Text,
            "field",
            description="Or a link, or the path of a file",
            placeholder="https://…/song.mp3",
            continuous_update=False,
        )
        self._note = text("", "two-lines")
        self._wave: components.Waveform | None = None
        self._on_part: Callable[[], object] = lambda: None
        self._placeholder = text()
        # Classes of an anywidget do not change in the page: what hides it is around it.
        self._wave_box = make(widgets.VBox, "hidden")
        super().__init__(self._arranged(), "card")
        self._on_link = handler(self.refuse, self._take_link)
        self._link.observe(self._on_link, "value")
        self._show_rule()
        given = ReferenceState() if source is None else ReferenceState(source=source, note=drawing.called(source))
        self._set(given)

    def complete(self) -> components.Waveform:
        """Make the waveform, if that is not there; not in a worker thread."""
        if self._wave is None:
            self._wave = components.Waveform(self._excerpt_sound)
            self._wave.observe(handler(self.refuse, lambda: self._on_part()), ["start", "end"])
            self._wave_box.children = (self._wave,)
            self._show_rule()
        return self._wave

    def look_at_given(self) -> None:
        """Check a reference that was given from code, so that it can be shown and played."""
        reference = self._store.state.reference
        source = reference.source
        if reference.audio is not None or isinstance(source, Reference):
            return
        if sample := samples.find(source):
            self._take_sample(sample)
        elif isinstance(source, bytes):
            (self._scratch_folder() / "given").write_bytes(source)
            self.take_file(self._scratch_folder() / "given", "bytes")
        elif source is not None and not str(source).lower().startswith("data:"):
            self._take(str(source))

    def follow(self, model: Model) -> None:
        """Judge the reference by the rule of another model; one that takes none leaves it as it is."""
        if model.reference is None or model.reference == self._rule:
            return
        self._rule = model.reference
        self._show_rule()
        if self._last is not None:
            self._check(*self._last, uploaded=self._store.state.reference.uploaded)

    def take_file(self, path: Path, name: str, decode: Decode | None = None, *, uploaded: bool = True) -> None:
        """Take a file as the reference; the caller may delete it afterwards.

        Parameters
        ----------
        path : pathlib.Path
        name : str
        decode : callable, optional
            Gives the same sound as wav, where Python cannot read it.
        uploaded : bool
            Whether it came through the drop zone.
        """
        self._link.value = ""
        kept = self._kept(path)
        self._check(f"Reading {name}", lambda tell: self._from_upload(kept, name, tell, decode), uploaded=uploaded)

    def take_again(self, source: str, called: str) -> None:
        """Take the reference of an earlier song: a link, or a file of the library, and what it was called."""
        if source.startswith(("http://", "https://")):
            self._link.value = source
        else:
            self._link.value = ""
            self._check(f"Reading {called}", lambda tell: self._from_file(Path(source), called, tell))

    def draft(self) -> KeptReference | None:
        """What is chosen; may take a second, for an excerpt is cut, and what is still being read is left out."""
        reference, link = self._store.state.reference, self._link.value.strip()
        if reference.pending is not None or not isinstance(reference.source, Reference):
            return KeptReference(link) if link else None
        source = reference.source if link or reference.linked else self.chosen()()
        assert isinstance(source, Reference)
        copy = source.path.name if source.path else ""
        return KeptReference(link or source.uri, copy, source.description, *(self._part() if reference.audio else ()))

    def restore(self, kept: KeptReference) -> None:
        """Bring back what `draft` gave; a file that is gone from its place is there in the library."""
        copy = self._folder() / kept.copy
        found = locate(kept.link) if kept.link else None
        if isinstance(found, Path) and (found.exists() or not kept.copy):
            self._show_link(kept.link)
            part = self._fitting(kept.start, kept.end)
            self._check(f"Reading {found.name}", lambda tell: self._from_file(found, found.name, tell, **part))
        elif isinstance(found, str):
            self._link.value = kept.link
        elif kept.copy and copy.exists():
            self._check(f"Reading {kept.name}", lambda tell: self._from_file(copy, kept.name, tell))

    def clear(self) -> Callable[[], None]:
        """Choose nothing; return what brings back what was chosen."""
        reference, link, last, part = self._store.state.reference, self._link.value, self._last, self._part()

        def undo() -> None:
            self._show_link(link)
            self._last = last
            self._set(reference)
            self.complete().start, self.complete().end = part

        self._show_link("")
        self._last = None
        self._set(ReferenceState())
        return undo

    def on_part(self, act: Callable[[], object]) -> None:
        """Have `act` called when another excerpt is chosen."""
        self._on_part = act

    def _part(self) -> tuple[float, float]:
        return (self._wave.start, self._wave.end) if self._wave else (0.0, 0.0)

    def _fitting(self, start: float, end: float) -> dict[str, float]:
        """An excerpt as `prepare` takes it, unless the model's rule does not."""
        shortest = self._rule.longer_than + _SPARE_SECONDS
        fits = shortest <= end - start <= self._rule.excerpt + 0.05
        return {"start": start, "seconds": end - start} if fits else {}

    def _show_link(self, link: str) -> None:
        """Put a link into its field, without looking at it."""
        self._link.unobserve(self._on_link, "value")
        self._link.value = link
        self._link.observe(self._on_link, "value")

    def chosen(self) -> Callable[[], Source]:
        """What to hand over, as it is chosen now.

        Calling it may take a second, for an excerpt is cut then, and what is still being read is waited for.
        """
        reference = self._store.state.reference
        if reference.pending is not None:
            return reference.pending.result
        source, loaded = reference.source, reference.audio
        if source is None:
            raise InvalidReference("There is no reference.")
        start, end = self._part()
        if loaded is None or (abs(start - loaded.start) < 0.05 and abs(end - loaded.end) < 0.05):
            return lambda: source
        return lambda: self._prepared(loaded.path, loaded.name, start=start, seconds=end - start)

    def refuse(self, error: Exception) -> None:
        """Say under the field what is wrong with the reference."""
        self._set(ReferenceState(problem=message_of(error)))

    def draw(self, reference: ReferenceState) -> None:
        """Draw what is known of it."""
        loaded = reference.audio
        if not reference.uploaded:
            self.upload.forget()
        put(self._note, value=drawing.reference_line(reference))
        put(self._placeholder, value="" if loaded else drawing.placeholder(reference))
        show_if(self._wave_box, loaded is not None)
        if loaded is not None:
            self.complete().show(loaded.info.envelope, loaded.info.duration, loaded.start, loaded.end)

    def _set(self, reference: ReferenceState) -> None:
        self._store.change(lambda state: replace(state, reference=reference))

    def _arranged(self) -> list[Any]:
        head = text(drawing.heading(1, "Reference", "A song with music and singing to take the style from."))
        chips = []
        for sample in samples.REFERENCES:
            chips.append(button(sample.name, "chip"))
            chips[-1].on_click(handler(self.refuse, self._take_sample, sample))
        offer = text('<div class="mnb-line">No song at hand? The band plays you one:</div>')
        box = make(widgets.VBox, "samples", children=(offer, row(*chips, names=("row", "chips"))))
        return [head, self.upload, self.recorder, self._link, box, self._note, self._placeholder, self._wave_box]

    def _take_link(self) -> None:
        if given := self._link.value.strip():
            self._take(given)

    def _take(self, given: str) -> None:
        found = locate(given)
        if isinstance(found, Path):
            self._check(f"Reading {found.name}", lambda tell: self._from_file(found, found.name, tell))
        elif isinstance(found, str):
            self._check(found, lambda _: self._from_link(found))
        else:
            self._check("data: URI", lambda _: ReferenceState(prepare(found, self._folder())))

    def _take_sample(self, sample: samples.Sample) -> None:
        self._link.value = ""
        self._check("The band plays: a few seconds", lambda _: self._from_band(sample))

    def _from_upload(self, path: Path, name: str, tell: audio.OnProgress, decode: Decode | None) -> ReferenceState:
        try:
            return self._from_file(path, name, tell)
        except InvalidReference as error:
            if not error.lacking or decode is None:
                raise
            problem = error
        try:
            decode().replace(path)
        except ValueError as error:
            raise InvalidReference(f"{problem.what} {error}", do=problem.do) from None
        return self._from_file(path, name, tell)

    def _from_file(
        self, path: Path, name: str, tell: audio.OnProgress | None = None, **part: float
    ) -> ReferenceState:
        reference = self._prepared(path, name, on_progress=tell, **part)
        info = reference.info
        if info is None:
            return ReferenceState(reference, reference.description)
        loaded = LoadedAudio(path, name, info, reference.start, reference.start + reference.seconds)
        note = f"{reference.description} · {info.format.lower()}"
        return ReferenceState(reference, note, advice=_advice(reference, info), audio=loaded)

    def _from_link(self, link: str) -> ReferenceState:
        from ...hosts.links import check_address  # it loads HTTP, which nothing else here needs

        found = to_file_link(link)
        reference = prepare(found, self._folder())  # it says when a link is not complete
        check_address(found, local=self._store.state.service.rehearsal)
        return ReferenceState(reference, f"{link} · the service fetches it")

    def _from_band(self, sample: samples.Sample) -> ReferenceState:
        found = self._from_file(sample.play(self._scratch_folder()), sample.name)
        return replace(found, note=f"{found.note} · played by the rehearsal band")

    def _prepared(self, path: Path, name: str, **options: Any) -> Reference:
        options = {"seconds": self._rule.excerpt, **options}
        return prepare(path, self._folder(), longer_than=self._rule.longer_than, name=name, **options)

    def _show_rule(self) -> None:
        seconds = f"{self._rule.longer_than:.0f} s"
        put(self.upload.zone, hint=f"A song or a recording with music and singing, longer than {seconds}")
        melody = "sing or hum the melody" if self._store.state.model.keeps_form else "sing or play something yourself"
        put(self.recorder, minimum=self._rule.longer_than, maximum=self._rule.excerpt, hint=f"Or {melody}.")
        if self._wave is not None:
            put(self._wave, minimum=self._rule.longer_than + _SPARE_SECONDS, maximum=self._rule.excerpt)

    def _excerpt_sound(self) -> tuple[bytes, str]:
        loaded = self._store.state.reference.audio
        if loaded is None:
            raise InvalidReference("There is nothing to play.")
        start, end = self._part()
        target = self._scratch_folder() / f"excerpt-{threading.get_ident()}.mp3"
        audio.write_excerpt(loaded.path, target, start=start, seconds=end - start)
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
        self._uploads += 1
        kept = folder / f"reference-{self._uploads}"
        path.replace(kept)
        for old in before:
            with contextlib.suppress(OSError):
                old.unlink()
        return kept

    def _check(self, doing: str, check: Check, *, uploaded: bool = False) -> None:
        """Check a reference in a worker thread; the latest one counts."""
        self._last = (doing, check)
        self.complete()
        begun = ReferenceState(doing=f"{doing}…", uploaded=uploaded, pending=Future())
        self._set(begun)
        threading.Thread(target=self._work, args=(begun, check), name="minimax_nb reference", daemon=True).start()

    def _work(self, begun: ReferenceState, check: Check) -> None:
        assert begun.pending is not None
        since = time.monotonic()

        def tell(share: float) -> None:
            if time.monotonic() - since > _PATIENCE:
                self._change(begun, replace(begun, doing=f"{begun.doing} {share:.0%}"))

        try:
            found = replace(check(tell), uploaded=begun.uploaded)
            assert found.source is not None
            begun.pending.set_result(found.source)
        except Exception as error:
            found = ReferenceState(problem=message_of(error))
            begun.pending.set_exception(error)
        self._change(begun, found)

    def _change(self, begun: ReferenceState, found: ReferenceState) -> None:
        """Show what a check found, unless another one has begun."""

        def step(state: StudioState) -> StudioState:
            now = state.reference
            return replace(state, reference=found) if now.pending is begun.pending and now != found else state

        self._store.change(step)


def _advice(reference: Reference, info: audio.AudioInfo) -> str:
    clipped = info.clipped > _CLIPPED and info.peak < _ABOVE
    crackles = ["It is clipped: its loudest parts are cut off and crackle. A cleaner copy will do better."] * clipped
    return " ".join([*reference.remarks, *crackles])
