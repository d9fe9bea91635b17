"""Turn lyrics and what a reference sounds like into a score: syllables, melody, chords and form.

Pure: the same words, key, tempo and seed give the same score. Beats count quarter notes from the start of the
song; seconds come from `Score.at`, which holds the tempo and the swing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .form import BAR, LONGEST, SHORTEST, Form, choose_form, length
from .syllables import Cut, Rhythm, Speaking, Words, read_lyrics, spoken, starts_weakly

SHORTEST_SYLLABLE = 0.09  # s
OFF_BEAT, STRESS = 0.2, 0.3  # square sixteenths, what a syllable off the eighths costs, a stressed one off the beats
LONG_BEAT = 0.6  # s, sixteenths of 0.15 s
BREATH = 0.3  # s
LEAST_VARIED = 6  # syllables of a line; the tune of a shorter one would be another one
SLOWEST_SUNG = 3.3  # syllables/s, of those that are understood best
# Who draws from a seed, each from a stream of its own, so that a change to one does not touch the others.
STREAMS = ("reference", "composer", "groove", "drums", "keys", "bass", "pad", "hook")

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# Four-chord loops as scale degrees from 0.
LOOPS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 5, 4), (0, 2, 3, 4), (0, 3, 1, 4), (0, 3, 0, 4), (0, 1, 3, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 4), (0, 2, 6, 3), (0, 5, 3, 4), (0, 3, 0, 6), (0, 3, 6, 2)),
}
TONIC, DOMINANT = 0, 4

LIFTED = ("chorus", "hook", "refrain", "drop")  # parts that lie higher
STEP_COST = (1.0, 0.0, 0.5, 1.3, 2.2, 3.5, 5.0)  # by scale steps from one note to the next; more costs as much again
HOOKS = ((0, 1, 1.5, 2, 3), (0, 0.5, 1.5, 2, 3), (0, 1.5, 2, 3.5), (0.5, 1, 1.5, 3), (0, 0.5, 1, 2, 2.5))


@dataclass(frozen=True)
class Note:
    """A note of an instrument: start and length in s, MIDI pitch, strength from 0 to 1."""

    start: float
    length: float
    pitch: int
    strength: float


@dataclass(frozen=True)
class Syllable:
    """One sung note and the piece of a word it carries.

    The texts of a word's syllables joined give the word as it was written. `start` and `end` in s, `pitch` MIDI,
    `word` and `line` count from 0 through the song.
    """

    text: str
    start: float
    end: float
    pitch: int
    word: int
    line: int


@dataclass(frozen=True)
class Chord:
    """A chord from one beat on; `pitches` are pitch classes, the root first."""

    beat: float
    beats: float
    pitches: tuple[int, ...]


@dataclass(frozen=True)
class Section:
    """A stretch of the song: "intro", "line", "reply", "solo" or "ending", in beats."""

    kind: str
    beat: float
    beats: float
    line: int = -1


@dataclass(frozen=True)
class Score:
    """Everything the players need; they read nothing else.

    `groove` names one of theirs, "" leaves the choice to them; `without` names the stems nobody plays.
    """

    tempo: float
    tonic: int
    mode: str
    brightness: float
    seed: int
    swing: float
    accompanied: bool
    language: str
    sections: tuple[Section, ...]
    chords: tuple[Chord, ...]
    syllables: tuple[Syllable, ...]
    hook: tuple[Note, ...]
    groove: str = ""
    without: frozenset[str] = frozenset()

    def at(self, beat: float) -> float:
        """The second at which a beat falls; the second half of each beat comes late by the swing."""
        whole, part = divmod(beat, 1)
        late = self.swing * 2 * min(part, 1 - part)
        return float((whole + part + late) * 60 / self.tempo)

    def chord_at(self, beat: float) -> int:
        """The index of the chord that sounds on a beat."""
        return max(0, bisect_right(self.chords, beat + 1e-6, key=lambda chord: chord.beat) - 1)

    @property
    def duration(self) -> float:
        """The length of the song in s."""
        return self.at(self.sections[-1].beat + self.sections[-1].beats)


def compose(
    lyrics: str,
    *,
    tempo: float,
    tonic: int,
    mode: str,
    accompanied: bool = True,
    brightness: float = 2000.0,
    seed: int = 0,
    seconds: float | None = None,
    language: str | None = None,
    cut: Cut | None = None,
    speaking: Speaking | None = None,
) -> Score:
    """Write a song for some words, one lead note per syllable.

    All words are kept: a song with more of them than its time holds is as much longer as it must be.

    Parameters
    ----------
    lyrics : str
        Lines, an empty one for a pause, tags such as ``[Chorus]`` for the parts; "" for an instrumental.
    tempo : float
        In BPM, kept exactly.
    tonic, mode : int, str
        A pitch class (0 = C), "major" or "minor".
    accompanied : bool
        Whether a band plays along.
    brightness : float
        In Hz, the spectral centroid the band should match.
    seed : int
        The same one gives the same song.
    seconds : float, optional
        How long the song is; 20 to 60 s as its words need it, when it is not given.
    language : str, optional
        Of the words, such as "en"; guessed when it is not given.
    cut : callable, optional
        How the voice cuts words into syllables; by rule when it is not given.
    speaking : callable, optional
        How the voice speaks a line, for a rhythm like that of speech.
    """
    lines, parts, language = read_lyrics(lyrics, language, cut)
    rng = rng_for(seed, "composer")
    swing = float(rng.choice((0.0, 0.0, 0.04, 0.1))) if tempo < 130 else 0.0
    counts = [sum(map(len, line)) or -(part == "solo") for line, part in zip(lines, parts, strict=True)]
    form = choose_form(counts, tempo, accompanied, seconds or LONGEST)
    sections = _sections(counts, form, tempo, seconds)
    sung = [line for line in lines if line]
    score = Score(tempo, tonic, mode, brightness, abs(seed), swing, accompanied, language, sections, (), (), ())
    lifts = _lifts(lines, parts)
    score = replace(score, chords=_chords(score, sung, lifts, rng))
    return _Melody(score, form, sung, lifts, rng, speaking).written()


def rng_for(seed: int, who: str) -> np.random.Generator:
    """The random numbers of one of `STREAMS` in a song of this seed."""
    return np.random.default_rng([abs(seed), STREAMS.index(who)])


def _sections(counts: Sequence[int], form: Form, tempo: float, seconds: float | None) -> tuple[Section, ...]:
    """The form; a song that is too short gets a longer intro and a solo after its words."""
    missing = (seconds or SHORTEST) - length(counts, form, tempo)
    # Of a length that was requested, the last chord takes what is left of the bars.
    bars = max(0, int((np.floor if seconds else np.ceil)(missing * tempo / 60 / BAR)))
    rest = max(0.0, missing * tempo / 60 - bars * BAR) if seconds else 0.0
    longer_intro = min(2, bars // 3) if form.intro else 0
    spans = [("intro", form.intro + longer_intro * BAR)]
    for count in counts:
        kind = "line" if count > 0 else "solo" if count else "reply"
        spans.append((kind, form.line_beats(count) if count > 0 else form.pause * (1 - count)))
    spans += [*_solo(bars - longer_intro), ("ending", form.ending + rest)]
    sections: list[Section] = []
    beat, line = 0.0, 0
    for kind, beats in spans:
        if beats:
            sections.append(Section(kind, beat, beats, line if kind == "line" else -1))
            beat += beats
            line += kind == "line"
    return tuple(sections)


def _solo(bars: int) -> list[tuple[str, float]]:
    """What instruments play for so many bars: a solo of up to eight, and again another one."""
    return [(("solo", "reply")[i // 8 % 2], float(min(8, bars - i) * BAR)) for i in range(0, bars, 8)]


def _lifts(lines: Sequence[Words], parts: Sequence[str]) -> list[int]:
    """Of each sung line whether it is lifted, as a chorus is: by its tag, or in every other stanza."""
    tagged = any(part not in ("", "solo") for part in parts)
    lifts: list[int] = []
    stanza = 0
    for line, part in zip(lines, parts, strict=True):
        if line:
            lifts.append(int(any(name in part for name in LIFTED)) if tagged else stanza % 2)
        stanza += not line
    return lifts


def _chords(
    score: Score, lines: Sequence[Words], lifts: Sequence[int], rng: np.random.Generator
) -> tuple[Chord, ...]:
    """The harmony: a loop for each stanza, dominant and tonic at its end; repeated lines repeat their chords."""
    loops = [LOOPS[score.mode][i] for i in rng.permutation(len(LOOPS[score.mode]))[:2]]
    colourful = bool(rng.random() < 0.5)
    longest = BAR if BAR * 60 / score.tempo < 3.6 else BAR / 2
    chords: list[Chord] = []
    known: dict[str, list[int]] = {}
    closing = _closing(score.sections, lines)
    high = turn = 0
    for section in score.sections:
        count = max(1, round(section.beats / longest))
        high = lifts[section.line] if section.kind == "line" else high
        loop = loops[high]
        degrees = [loop[(turn + i) % len(loop)] for i in range(count)]
        if section.kind == "ending":
            count, degrees = 1, [TONIC]
        elif section.kind == "line":
            text = spoken(lines[section.line])
            if text in closing:
                degrees[-2:] = [DOMINANT, TONIC][-min(2, count) :]
            degrees = known.setdefault(f"{text} {count}", degrees)
        turn += count
        if section.kind in ("intro", "reply", "solo"):
            high, turn = high ^ (section.kind != "intro"), 0
        length = section.beats / count
        for i, degree in enumerate(degrees):
            pitches = _pitch_classes(degree, score, colourful and section.kind != "ending")
            chords.append(Chord(section.beat + i * length, length, pitches))
    return tuple(chords)


def _closing(sections: Sequence[Section], lines: Sequence[Words]) -> set[str]:
    """The lines that end a stanza; wherever they are repeated, they end on the tonic too."""
    return {spoken(lines[a.line]) for a, b in pairwise(sections) if a.kind == "line" and b.kind != "line"}


def _pitch_classes(degree: int, score: Score, colourful: bool) -> tuple[int, ...]:
    """The triad on a degree of the scale, in minor with the leading note in its dominant, or a seventh chord."""
    scale = SCALES[score.mode]
    steps = (0, 2, 4, 6) if colourful and degree != TONIC else (0, 2, 4)
    raised = score.mode == "minor" and degree == DOMINANT
    return tuple((score.tonic + scale[(degree + step) % 7] + (raised and step == 2)) % 12 for step in steps)


class _Melody:
    """Writes the lead and the hook of a score, phrase by phrase."""

    def __init__(
        self,
        score: Score,
        form: Form,
        lines: Sequence[Words],
        lifts: Sequence[int],
        rng: np.random.Generator,
        speaking: Speaking | None,
    ) -> None:
        self.score, self.form, self.lines, self.lifts, self.rng = score, form, lines, lifts, rng
        self.speaking = speaking
        lowest = int(rng.integers(46, 50))  # low enough for words to be understood: overtones show the vowels
        scale = {(score.tonic + step) % 12 for step in SCALES[score.mode]}
        self.voice = [pitch for pitch in range(lowest, lowest + 17) if pitch % 12 in scale]
        self.instrument = [pitch for pitch in range(lowest + 18, lowest + 35) if pitch % 12 in scale]
        self.motif = HOOKS[int(rng.integers(len(HOOKS)))]
        self.known: dict[tuple[object, ...], list[int]] = {}
        self.stanzas: dict[tuple[object, ...], int] = {}  # the one in which a shape was first sung
        self.stanza = 0
        self.closing = _closing(score.sections, lines)
        self.words = self.position = 0  # of the next line: its first word, its place in its stanza

    def written(self) -> Score:
        """The score with its melodies."""
        sung: list[Syllable] = []
        played: list[Note] = []
        silent = () if self.score.accompanied else ("intro", "reply")
        for section, after in pairwise(self.score.sections):
            if section.kind in ("reply", "solo"):
                self.position, self.stanza = 0, self.stanza + 1
            if section.kind == "line":
                sung += self._sing(section, after)
            elif section.kind not in silent and section.beats >= 2:
                for beat in np.arange(0, section.beats, 2 * BAR):
                    played += self._play(section.beat + float(beat), min(2.0 * BAR, section.beats - float(beat)))
        return replace(self.score, syllables=tuple(sung), hook=tuple(played))

    def _sing(self, section: Section, after: Section) -> list[Syllable]:
        """The syllables of a line, the last one held up to its end, or into the song's last chord."""
        words = self.lines[section.line]
        starts = [section.beat + beat for beat in self._places(words, section.beats)]
        text, high = spoken(words), self.lifts[section.line]
        pitches = self.known.get((text, len(starts)))
        if pitches is None:
            # Lines over the same chords share a melody by turns, so that a stanza goes A B A C.
            turn, closed = "ABAC"[self.position % 4], text in self.closing
            shape = (tuple(self._chord(beat) for beat in starts), turn, closed, high)
            # Every other stanza lies higher, as a chorus does.
            pitches = self.known.get(shape) or self._walk(starts, self.voice, closed, lift=3.0 * high)
            self.known[shape] = pitches
            if self.stanzas.setdefault(shape, self.stanza) != self.stanza and len(starts) >= LEAST_VARIED:
                pitches = self._varied(pitches, starts)
            self.known[(text, len(starts))] = pitches
        seconds = [self.score.at(beat) for beat in starts]
        if after.kind == "ending":
            last = min(self.score.at(after.beat + after.beats / 2), seconds[-1] + 3.5)
        else:
            end = self.score.at(section.beat + section.beats)
            # Where words are crowded, half of the last note's time is all there is to breathe in.
            end -= min(max(BREATH, self.form.breath * 60 / self.score.tempo), 0.5 * (end - seconds[-1]))
            last = min(end, seconds[-1] + 1.0)
        pieces = [(piece, word) for word, cut in enumerate(words, self.words) for piece in cut]
        self.words += len(words)
        self.position += 1
        return [
            Syllable(piece, start, stop, pitch, word, section.line)
            for (piece, word), start, stop, pitch in zip(pieces, seconds, [*seconds[1:], last], pitches, strict=True)
        ]

    def _rhythm(self, words: Words, beats: float) -> list[float]:
        """The beat of each syllable in its line: late before a weak word, the ends of words held if there is time."""
        ends = np.cumsum([len(word) for word in words])
        count = int(ends[-1])
        room = 0
        while room <= count and self.form.filled(count + room + 1) <= beats + 1e-9:
            room += 1
        late = int(room > 0 and starts_weakly(words) and self.form.step >= 0.4)
        # No more than keep the words at a rate that is understood.
        rate = self.score.tempo / 60 / self.form.step
        spare = min(room - late, max(0, int(count * (rate / SLOWEST_SUNG - 1))))
        held = {int(ends[np.argmin(abs(ends - count * (i + 1) / (spare + 1)))]) for i in range(spare)}
        slots = np.arange(count) + late + [sum(end <= i for end in held if end < count) for i in range(count)]
        return [self.form.place(int(slot)) for slot in slots]

    def _varied(self, pitches: Sequence[int], beats: Sequence[float]) -> list[int]:
        """The melody as another verse has it: up to two of its light syllables a step higher or lower."""
        varied = list(pitches)
        light = [i for i in range(1, len(beats) - 1) if _weight(beats[i]) < 0.6 and pitches[i] in self.voice]
        for i in sorted(self.rng.permutation(light)[:2]):
            here = self.voice.index(pitches[i])
            steps = [s for s in (here - 1, here + 1) if 0 <= s < len(self.voice)]
            varied[i] = min(
                (self.voice[s] for s in steps), key=lambda pitch: abs(2 * pitch - varied[i - 1] - pitches[i + 1])
            )
        return varied

    def _places(self, words: Words, beats: float) -> list[float]:
        """The beats at which the syllables of a line begin: as it is spoken, else at an even pace."""
        speaking = self.speaking and self.speaking(tuple("".join(word) for word in words), self.score.language)
        fitted = speaking and self._as_spoken(speaking, beats, sum(map(len, words)))
        return fitted or self._rhythm(words, beats)

    def _as_spoken(self, rhythm: Rhythm, beats: float, count: int) -> list[float]:
        """Where the syllables of a line come when it is spoken, on sixteenths, or finer ones where these are long.

        Stressed syllables like strong beats, so that a line may start late. None gets shorter than can be
        understood; empty where all have no room.
        """
        beat = 60 / self.score.tempo
        grid = 4 if beat < LONG_BEAT else 8
        room = beats * beat - BREATH
        seconds = min(room, count / SLOWEST_SUNG)
        slots, late = int(grid * seconds / beat), min(grid, int(grid * (room - seconds) / beat) + 1)
        least = max(1, int(np.ceil(SHORTEST_SYLLABLE * grid / beat)))
        if len(rhythm.starts) != count or slots < least * count:
            return []
        wanted = (np.array(rhythm.starts) - rhythm.starts[0]) * slots / (rhythm.end - rhythm.starts[0])
        rises = (
            _cheapest_rise(_slot_costs(wanted, rhythm.stressed, first, slots, grid), least) for first in range(late)
        )
        _, first, path = min((cost, first, path) for first, (cost, path) in enumerate(rises))
        return [(first + slot) / grid for slot in path]

    def _play(self, beat: float, beats: float) -> list[Note]:
        """The hook: its motif in one bar and an answer held in the next, over at most two bars."""
        places = [*self.motif, *(BAR + place for place in self.motif[:3])]
        starts = [beat + place for place in places if place <= beats - 0.5]
        shape = (tuple(self._chord(start) for start in starts), "hook")
        pool = self.instrument if self.score.accompanied else self.voice
        pitches = self.known[shape] = self.known.get(shape) or self._walk(starts, pool, closed=True)
        stops = [*starts[1:], min(starts[-1] + 2, beat + beats - 0.25)]
        return [
            Note(self.score.at(start), self.score.at(stop) - self.score.at(start), pitch, 0.6 + 0.3 * _weight(start))
            for start, stop, pitch in zip(starts, stops, pitches, strict=True)
        ]

    def _chord(self, beat: float) -> tuple[int, ...]:
        """The pitch classes that sound on a beat."""
        return self.score.chords[self.score.chord_at(beat)].pitches

    def _walk(self, beats: Sequence[float], pool: Sequence[int], closed: bool, lift: float = 0.0) -> list[int]:
        """The cheapest path through the pitches of the pool, one for each beat, found by dynamic programming."""
        pitches = np.array(pool)
        cost = self._place_costs(beats, pitches, closed, lift)
        distance = abs(np.arange(len(pool))[:, None] - np.arange(len(pool)))
        steps = np.array([*STEP_COST, *(2 * STEP_COST[-1] for _ in pool)])[distance]
        came_from = []
        total = cost[0]
        for place in cost[1:]:
            ways = total[:, None] + steps
            came_from.append(np.argmin(ways, axis=0))
            total = ways.min(axis=0) + place
        path = [int(np.argmin(total))]
        for before in reversed(came_from):
            path.append(int(before[path[-1]]))
        return [self._leading(pool[index], beat) for index, beat in zip(reversed(path), beats, strict=True)]

    def _place_costs(
        self, beats: Sequence[float], pitches: NDArray[np.int64], closed: bool, lift: float
    ) -> NDArray[np.float64]:
        """What each pitch costs on each beat, shape (beats, pitches): off the chord, the arch or the cadence."""
        along = np.linspace(0, 1, len(beats))
        centre, height = float(np.mean(pitches)) - 6 + lift, float(self.rng.uniform(9, 12))
        arch = centre + height * np.sin(np.pi * along ** float(self.rng.uniform(0.6, 1.6)))
        cost = 0.15 * (pitches - arch[:, None]) ** 2 + self.rng.gumbel(0, 0.45, (len(beats), len(pitches)))
        for row, beat in zip(cost, beats, strict=True):
            row += 3.0 * _weight(beat) * ~np.isin(pitches % 12, self._chord(beat))
        goal = (self.score.tonic,) if closed else self._chord(beats[-1])
        cost[-1] += 8.0 * ~np.isin(pitches % 12, goal)
        cost[-1] += 2.0 * (pitches % 12 == self.score.tonic) * (not closed)
        return np.asarray(cost)

    def _leading(self, pitch: int, beat: float) -> int:
        """The pitch, raised where the seventh of minor would rub against the third of the dominant."""
        leading = (self.score.tonic + 11) % 12
        return pitch + int((pitch + 1) % 12 == leading and leading in self._chord(beat))


def _slot_costs(
    wanted: NDArray[np.float64], stressed: Sequence[bool], first: int, slots: int, grid: int
) -> NDArray[np.float64]:
    """What each slot of a line costs each syllable, in square sixteenths, shape (syllables, slots).

    `wanted` are the slots of the spoken line, which begins `first` slots after a beat that is divided by `grid`.
    """
    sixteenths = (first + np.arange(slots)) * 4 / grid
    strong = np.array([_weight(sixteenth / 4) for sixteenth in sixteenths])
    costs = ((np.arange(slots) - wanted[:, None]) * 4 / grid) ** 2
    costs += OFF_BEAT * (sixteenths % 2 > 0) + STRESS * np.array(stressed)[:, None] * (1 - strong)
    costs[0, 1:] = np.inf
    return np.asarray(costs)


def _cheapest_rise(costs: NDArray[np.float64], least: int) -> tuple[float, list[int]]:
    """The cheapest column of each row, each at least so many to the right of the one before, and what all cost."""
    totals = [costs[0]]
    for row in costs[1:]:
        reached = np.full(len(row), np.inf)
        reached[least:] = np.minimum.accumulate(totals[-1])[:-least]
        totals.append(row + reached)
    path = [int(np.argmin(totals[-1]))]
    for total in reversed(totals[:-1]):
        path.append(int(np.argmin(total[: path[-1] - least + 1])))
    return float(totals[-1].min()), path[::-1]


def _weight(beat: float) -> float:
    """How strong a beat is in its bar, from 0.15 to 1."""
    if beat % 1:
        return 0.3 if beat % 0.5 == 0 else 0.15
    return (1.0, 0.6, 0.8, 0.6)[int(beat) % BAR]
