// The waveform of a reference: outside the excerpt, inside it, already played; the excerpt is moved and played.

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
  const limits = { duration, shortest, longest };
  return { ...limits, ...withStart(model.get('start'), { ...limits, end: model.get('end') }) };
}

/** A handle: a slider for keyboards and screen readers, a grip for pointers. */
function makeHandle(name, label) {
  return shield(
    make('div', { class: `mnb-wave-handle mnb-${name}`, role: 'slider', tabindex: '0', 'aria-label': label }),
  );
}

function drawHandle(handle, value, low, high, duration) {
  handle.style.left = `${(100 * value) / duration}%`;
  handle.setAttribute('aria-valuemin', low.toFixed(1));
  handle.setAttribute('aria-valuemax', high.toFixed(1));
  handle.setAttribute('aria-valuenow', value.toFixed(1));
  handle.setAttribute('aria-valuetext', clock(value));
}

/** Plays what the kernel gives; asks for it once for each excerpt. */
class ExcerptPlayer {
  constructor(model, changed) {
    Object.assign(this, { model, changed, state: 'still', url: '', of: '', turn: 0, busy: false });
    this.audio = new Audio();
    this.audio.addEventListener('ended', () => this.stop());
    this.audio.addEventListener('error', () => this.state !== 'still' && this.fail());
    this.audio.addEventListener('timeupdate', () => this.changed());
    this.turns = takeTurns(() => this.state === 'playing' && this.stop());
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
    this.late = setTimeout(() => this.sayBusy(), 2000);
    this.model.send({ type: 'play', turn: this.turn });
    return this.changed();
  }

  sayBusy() {
    this.busy = true;
    this.changed();
  }

  receive(message, buffers) {
    if (message.turn !== this.turn || this.state !== 'asking') return;
    this.settle();
    if (message.type !== 'sound') {
      this.stop();
      this.of = '';
      return;
    }
    URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(new Blob(bytesOf(message, buffers), { type: message.kind }));
    this.audio.src = this.url;
    this.start();
  }

  settle() {
    clearTimeout(this.late);
    this.busy = false;
  }

  async start() {
    this.state = 'playing';
    this.turns.take();
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
    if (event.button !== 0) return;
    begun();
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
  el.classList.add('mnb-component', 'mnb-wave');
  const { svg, draw: drawPaths } = makePicture(['outside', 'inside', 'played']);
  const handles = {
    start: makeHandle('start', 'Start of the excerpt'),
    end: makeHandle('end', 'End of the excerpt'),
  };
  const range = make('div', { class: 'mnb-wave-range' });
  const head = make('div', { class: 'mnb-wave-head' });
  const field = make('div', { class: 'mnb-wave-field' }, svg, range, head, handles.start, handles.end);
  const play = makeButton('', 'mnb-quiet', () => player.toggle(`${now.start} ${now.end}`, now.end - now.start));
  const words = make('span', { class: 'mnb-component-hint mnb-numbers' });
  const busy = make('div', { class: 'mnb-component-line', role: 'status' });
  const problem = make('div', { class: 'mnb-component-line mnb-bad', role: 'alert' });
  el.append(field, make('div', { class: 'mnb-component-row' }, play, words), busy, problem);

  let now = read(model);
  let bars = [];
  let saving = false;
  const player = new ExcerptPlayer(model, () => drawPlaying());

  function drawBars() {
    const width = Math.max(1, field.clientWidth);
    bars = barsFor(model.get('peaks'), width);
    draw();
  }
  function drawPlaying() {
    const at = player.position;
    const played = at === null ? null : now.start + at;
    drawPaths(bars, Math.max(1, field.clientWidth), (share) => {
      const seconds = share * now.duration;
      if (seconds < now.start || seconds > now.end) return 'outside';
      return played !== null && seconds <= played ? 'played' : 'inside';
    });
    head.hidden = played === null;
    if (played !== null) head.style.left = `${(100 * Math.min(played, now.end)) / now.duration}%`;
    play.textContent = player.state === 'still' ? '▶\u00a0Play' : '■\u00a0Stop';
    play.setAttribute('aria-label', `${player.state === 'still' ? 'Play' : 'Stop'} the excerpt`);
    words.textContent = played === null ? atRest() : `${clock(played)} of ${clock(now.end)}`;
    say(busy, player.busy ? 'The kernel is busy; it plays as soon as the kernel is free.' : '');
    say(problem, model.get('problem') || player.words || '');
  }
  function atRest() {
    const length = fullSeconds(now.end) - fullSeconds(now.start);
    return `${clock(now.start)} to ${clock(now.end)} · ${length} s of ${clock(now.duration)}`;
  }
  function draw() {
    const { start, end, duration, shortest } = now;
    field.hidden = play.hidden = words.hidden = duration <= 0;
    if (duration <= 0) return;
    drawHandle(handles.start, start, 0, duration - shortest, duration);
    drawHandle(handles.end, end, shortest, duration, duration);
    range.style.left = `${(100 * start) / duration}%`;
    range.style.width = `${(100 * (end - start)) / duration}%`;
    svg.setAttribute('aria-label', `The reference, with the excerpt that is sent, ${clock(duration)}`);
    drawPlaying();
  }

  /** Show another excerpt at once; the kernel is told when the hand comes to rest. */
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
    };
    makeDraggable(node, field, begun, (share) => change(mover(value(from) + share * from.duration, from)), save);
  }
  function press(mover, value) {
    return (event) => {
      const plain = !event.altKey && !event.ctrlKey && !event.metaKey;
      const to =
        event.key in STEPS ? value(now) + STEPS[event.key] : { Home: 0, End: now.duration }[event.key];
      if (to === undefined || !plain) return;
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
  const receive = (message, buffers) => player.receive(message, buffers);

  drag(handles.start, (from) => from.start, withStart);
  drag(handles.end, (from) => from.end, withEnd);
  drag(range, (from) => from.start, shifted);
  handles.start.addEventListener('keydown', press(withStart, (from) => from.start));
  handles.end.addEventListener('keydown', press(withEnd, (from) => from.end));
  model.on('msg:custom', receive);
  const traits = ['peaks', 'duration', 'start', 'end', 'minimum', 'maximum', 'problem'];
  const unfollow = follow(model, traits, refresh);
  const sizes = new ResizeObserver(drawBars);
  sizes.observe(field);
  return () => {
    sizes.disconnect();
    unfollow();
    model.off('msg:custom', receive);
    player.forget();
    player.turns.end();
  };
}

export default { initialize, render };
