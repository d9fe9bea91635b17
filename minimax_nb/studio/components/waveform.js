// A waveform. Its bars are three paths (outside the excerpt, inside it, already played), so that themes colour them.

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 72;
const BAR = 4; // px from bar to bar

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** The excerpt after its start is moved to `to`: the end comes along where the length would not be allowed. */
function withStart(to, { end, duration, shortest, longest }) {
  const start = within(to, 0, duration - shortest);
  return { start, end: within(end, start + shortest, Math.min(start + longest, duration)) };
}

/** The same with its end. */
function withEnd(to, { start, duration, shortest, longest }) {
  const end = within(to, shortest, duration);
  return { start: within(start, Math.max(0, end - longest), end - shortest), end };
}

/** The excerpt moved as a whole. */
function shifted(to, { start, end, duration }) {
  const first = within(to, 0, duration - (end - start));
  return { start: first, end: first + (end - start) };
}

/** What the model holds, with lengths that fit the sound. */
function read(model) {
  const duration = model.get('duration');
  const longest = Math.min(model.get('maximum'), duration);
  const shortest = Math.min(model.get('minimum'), longest);
  const whole = model.get('readonly');
  const limits = { duration, shortest, longest };
  if (whole) return { ...limits, start: 0, end: duration };
  return { ...limits, ...withStart(model.get('start'), { ...limits, end: model.get('end') }) };
}

/** As many bars as the width has room for, each the loudest peak in its stretch. */
function barsFor(peaks, width) {
  const count = Math.max(1, Math.min(Math.floor(width / BAR), peaks.length));
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((i + 1) * peaks.length) / count));
    return Math.max(...peaks.slice(from, to));
  });
}

/** The three paths as text. */
function paths(bars, width, { start, end, duration }, played) {
  const text = { outside: '', inside: '', played: '' };
  bars.forEach((peak, i) => {
    const at = (i + 0.5) / bars.length;
    const seconds = at * duration;
    const inExcerpt = seconds >= start && seconds <= end;
    const kind = !inExcerpt ? 'outside' : played !== null && seconds <= played ? 'played' : 'inside';
    const half = Math.max(1, (peak * (HEIGHT - 8)) / 2);
    text[kind] += `M${(at * width).toFixed(1)} ${(HEIGHT / 2 - half).toFixed(1)}v${(2 * half).toFixed(1)}`;
  });
  return text;
}

/** The picture. */
function makePicture() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('role', 'img');
  svg.setAttribute('height', HEIGHT);
  const parts = {};
  for (const kind of ['outside', 'inside', 'played']) {
    parts[kind] = document.createElementNS(SVG, 'path');
    parts[kind].setAttribute('class', `mnb-wave-${kind}`);
    svg.append(parts[kind]);
  }
  return { svg, parts };
}

/** A handle: a slider for keyboards and screen readers, a grip for pointers. */
function makeHandle(name, label) {
  return shield(
    make('div', { class: `mnb-wave-handle mnb-${name}`, role: 'slider', tabindex: '0', 'aria-label': label }),
  );
}

function drawHandle(handle, value, low, high, duration, disabled) {
  handle.style.left = `${(100 * value) / duration}%`;
  handle.setAttribute('aria-valuemin', low.toFixed(1));
  handle.setAttribute('aria-valuemax', high.toFixed(1));
  handle.setAttribute('aria-valuenow', value.toFixed(1));
  handle.setAttribute('aria-valuetext', clock(value));
  handle.setAttribute('aria-disabled', disabled);
}

/** Plays what the kernel gives; asks for it once for each excerpt. */
class Player {
  constructor(model, changed) {
    Object.assign(this, { model, changed, state: 'still', url: '', of: '', turn: 0, busy: false });
    this.audio = new Audio();
    this.audio.addEventListener('ended', () => this.stop());
    this.audio.addEventListener('error', () => this.state !== 'still' && this.fail());
    this.audio.addEventListener('timeupdate', () => this.changed());
  }

  /** Start or stop. `of` names the excerpt, and `length` is its length in seconds. */
  toggle(of, length) {
    if (this.state !== 'still') return this.stop();
    this.length = length;
    this.words = '';
    if (this.of === of && this.url) return this.start();
    this.of = of;
    this.turn += 1;
    this.state = 'asking';
    this.late = setTimeout(() => this.beLate(), 2000);
    this.model.send({ type: 'play', turn: this.turn });
    return this.changed();
  }

  beLate() {
    this.busy = true;
    this.changed();
  }

  hear(message, buffers) {
    if (message.turn !== this.turn || this.state !== 'asking') return;
    this.settle();
    if (message.type !== 'sound') {
      this.stop();
      this.of = '';
      return;
    }
    URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(new Blob([buffers[0]], { type: message.kind }));
    this.audio.src = this.url;
    this.start();
  }

  settle() {
    clearTimeout(this.late);
    this.busy = false;
  }

  async start() {
    this.state = 'playing';
    this.audio.currentTime = 0;
    this.changed();
    try {
      await this.audio.play();
      this.tick();
    } catch (error) {
      // Stopped before it began: nothing to say.
      if (error.name !== 'AbortError' && this.state === 'playing') this.fail();
    }
  }

  fail() {
    this.stop();
    this.of = '';
    this.words = 'This browser cannot play the sound.';
    this.changed();
  }

  /** Draw at each frame, and stop at the end of the excerpt even where the file is a little longer. */
  tick() {
    if (this.state !== 'playing') return;
    if (this.audio.currentTime >= this.length) {
      this.stop();
      return;
    }
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) this.changed();
    requestAnimationFrame(() => this.tick());
  }

  stop() {
    this.settle();
    this.state = 'still';
    this.audio.pause();
    this.changed();
  }

  /** Let go of the sound: the excerpt is another one now. */
  forget() {
    if (this.state !== 'still') this.stop();
    URL.revokeObjectURL(this.url);
    Object.assign(this, { url: '', of: '', words: '' });
  }

  get position() {
    return this.state === 'playing' ? this.audio.currentTime : null;
  }
}

/** Drag with mouse, finger or pen; `moved(seconds from where it began)` and then `left()`. */
function makeDraggable(node, field, begun, moved, left) {
  node.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || !begun()) return;
    event.preventDefault();
    event.stopPropagation();
    node.focus?.({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    const from = event.clientX;
    const go = (move) => moved((move.clientX - from) / field.getBoundingClientRect().width);
    const end = () => {
      node.removeEventListener('pointermove', go);
      for (const name of ['pointerup', 'pointercancel']) node.removeEventListener(name, end);
      left();
    };
    node.addEventListener('pointermove', go);
    for (const name of ['pointerup', 'pointercancel']) node.addEventListener(name, end);
  });
}

function initialize({ model }) {
  greet(model);
}

function render({ model, el }) {
  el.classList.add('mnb-part', 'mnb-wave');
  const { svg, parts } = makePicture();
  const handles = {
    start: makeHandle('start', 'Start of the excerpt'),
    end: makeHandle('end', 'End of the excerpt'),
  };
  const range = make('div', { class: 'mnb-wave-range' });
  const head = make('div', { class: 'mnb-wave-head' });
  const field = make('div', { class: 'mnb-wave-field' }, svg, range, head, handles.start, handles.end);
  const play = makeButton('', 'mnb-quiet', () => player.toggle(`${now.start} ${now.end}`, now.end - now.start));
  const words = make('span', { class: 'mnb-part-hint mnb-numbers' });
  const busy = make('div', { class: 'mnb-part-line', role: 'status' });
  const problem = make('div', { class: 'mnb-part-line mnb-bad', role: 'alert' });
  el.append(field, make('div', { class: 'mnb-part-row' }, play, words), busy, problem);

  let now = read(model);
  let bars = [];
  let saving = false;
  const player = new Player(model, () => drawPlaying());

  function drawBars() {
    const width = Math.max(1, field.clientWidth);
    bars = barsFor(model.get('peaks'), width);
    svg.setAttribute('width', width);
    draw();
  }
  function drawPlaying() {
    const at = player.position;
    const played = at === null ? null : now.start + at;
    const text = paths(bars, Math.max(1, field.clientWidth), now, played);
    for (const [kind, d] of Object.entries(text)) parts[kind].setAttribute('d', d);
    head.hidden = played === null;
    if (played !== null) head.style.left = `${(100 * Math.min(played, now.end)) / now.duration}%`;
    play.textContent = player.state === 'still' ? '▶\u00a0Play' : '■\u00a0Stop';
    const thing = model.get('readonly') ? '' : ' the excerpt';
    play.setAttribute('aria-label', `${player.state === 'still' ? 'Play' : 'Stop'}${thing}`);
    words.textContent = played === null ? atRest() : `${clock(played)} of ${clock(now.end)}`;
    say(busy, player.busy ? 'The kernel is busy; it plays as soon as the kernel is free.' : '');
    say(problem, model.get('problem') || player.words || '');
  }
  function atRest() {
    if (model.get('readonly')) return clock(now.duration);
    const length = fullSeconds(now.end) - fullSeconds(now.start);
    return `${clock(now.start)} to ${clock(now.end)} · ${length} s of ${clock(now.duration)}`;
  }
  function draw() {
    const { start, end, duration, shortest } = now;
    const fixed = model.get('readonly') || duration <= 0;
    const disabled = model.get('disabled');
    field.hidden = duration <= 0;
    for (const handle of Object.values(handles)) handle.hidden = fixed;
    range.hidden = fixed;
    el.classList.toggle('mnb-disabled', disabled);
    if (!fixed) {
      drawHandle(handles.start, start, 0, duration - shortest, duration, disabled);
      drawHandle(handles.end, end, shortest, duration, duration, disabled);
      range.style.left = `${(100 * start) / duration}%`;
      range.style.width = `${(100 * (end - start)) / duration}%`;
    }
    svg.setAttribute('aria-label', `${model.get('label')}, ${clock(duration)}`);
    play.hidden = !model.get('playable') || duration <= 0;
    // Beside a player of its own, a sound without handles has nothing to tell.
    words.hidden = duration <= 0 || (fixed && play.hidden);
    play.disabled = disabled;
    drawPlaying();
  }

  /** Show another excerpt at once; the kernel hears of it when the hand comes to rest. */
  function change(excerpt) {
    if (excerpt.start === now.start && excerpt.end === now.end) return;
    player.forget();
    now = { ...now, ...excerpt };
    draw();
  }
  function save() {
    const [start, end] = [now.start, now.end].map((seconds) => Math.round(seconds * 100) / 100);
    now = { ...now, start, end };
    // Between the two the model holds half of each excerpt; that is not drawn.
    saving = true;
    model.set('start', start);
    model.set('end', end);
    saving = false;
    model.save_changes();
  }
  function drag(node, value, mover) {
    let from = now;
    const begun = () => {
      from = now;
      return !model.get('disabled') && !model.get('readonly');
    };
    makeDraggable(node, field, begun, (share) => change(mover(value(from) + share * from.duration, from)), save);
  }
  function press(mover, value) {
    return (event) => {
      const plain = !event.altKey && !event.ctrlKey && !event.metaKey;
      const to =
        event.key in STEPS ? value(now) + STEPS[event.key] : { Home: 0, End: now.duration }[event.key];
      if (to === undefined || !plain || model.get('disabled')) return;
      event.preventDefault();
      change(mover(to, now));
      save();
    };
  }
  function refresh() {
    if (saving) return;
    const fresh = read(model);
    if (fresh.start !== now.start || fresh.end !== now.end || fresh.duration !== now.duration) player.forget();
    now = fresh;
    drawBars();
  }
  const hear = (message, buffers) => player.hear(message, buffers);

  drag(handles.start, (from) => from.start, withStart);
  drag(handles.end, (from) => from.end, withEnd);
  drag(range, (from) => from.start, shifted);
  handles.start.addEventListener('keydown', press(withStart, (from) => from.start));
  handles.end.addEventListener('keydown', press(withEnd, (from) => from.end));
  model.on('msg:custom', hear);
  const traits = ['peaks', 'duration', 'start', 'end', 'minimum', 'maximum', 'readonly', 'disabled'];
  const unfollow = follow(model, [...traits, 'label', 'playable', 'problem'], refresh);
  const sizes = new ResizeObserver(drawBars);
  sizes.observe(field);
  return () => {
    sizes.disconnect();
    unfollow();
    model.off('msg:custom', hear);
    player.forget();
  };
}

export default { initialize, render };
