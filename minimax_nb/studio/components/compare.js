// Two sounds in step, of which one is heard. Both are decoded into memory and started at one moment of one clock, so
// that they stay together to the sample; players of their own would start and drift tens of milliseconds apart.

const RATE = 44100; // Hz, of nearly every song; another rate is converted while decoding
const FADE = 0.004; // s; after four times that nothing of the other one is left
const AHEAD = 0.03; // s until both begin, so that neither is late
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }; // s
const LONGER = 1; // s by which two sounds may differ in length before it is said

const BLIND = '1 and 2 are A and B, mixed anew after each vote. Hear both, then say which is better.';

const decode = (bytes) =>
  new OfflineAudioContext(2, 1, RATE).decodeAudioData(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  );

/** Plays a pair; `changed` is called when it starts, stops or is switched. */
class PairPlayer {
  constructor(changed) {
    Object.assign(this, { changed, buffers: [], gains: [], heard: 0, at: 0, playing: false, voices: [] });
    this.length = 0;
    this.turns = takeTurns(() => this.pause());
  }

  load(buffers, decibels) {
    this.halt();
    const gains = decibels.map((gain) => 10 ** (gain / 20));
    Object.assign(this, { buffers, gains, heard: 0, at: 0 });
    this.length = buffers.length ? Math.min(...buffers.map((buffer) => buffer.duration)) : 0;
    this.changed();
  }

  get position() {
    if (!this.playing) return this.at;
    return Math.min(Math.max(this.context.currentTime - this.began, this.at), this.length);
  }

  async play() {
    if (this.playing || !this.buffers.length) return;
    this.playing = true;
    this.turns.take();
    this.context ??= new AudioContext({ sampleRate: RATE });
    await this.context.resume();
    if (this.playing) this.start();
  }

  start() {
    this.halt();
    const begin = this.context.currentTime + AHEAD;
    this.voices = this.buffers.map((buffer) => {
      const source = this.context.createBufferSource();
      const gain = this.context.createGain();
      source.buffer = buffer;
      gain.gain.value = 0;
      source.connect(gain).connect(this.context.destination);
      source.start(begin, this.at, this.length - this.at);
      return { source, gain: gain.gain };
    });
    this.voices[0].source.onended = () => this.end();
    this.began = begin - this.at;
    this.playing = true;
    this.fade(begin);
    this.changed();
  }

  /** Let the one be heard and the other not, from a moment on. */
  fade(moment) {
    this.voices.forEach(({ gain }, side) => {
      gain.cancelScheduledValues(moment);
      gain.setTargetAtTime(side === this.heard ? this.gains[side] : 0, moment, FADE);
    });
  }

  /** Hear A (0) or B (1); begins to play where nothing does. */
  listen(side) {
    this.heard = side;
    if (this.voices.length) this.fade(this.context.currentTime);
    this.changed();
    return this.play();
  }

  seek(seconds) {
    this.at = Math.min(Math.max(seconds, 0), this.length);
    if (this.playing && this.voices.length) this.start();
    else this.changed();
  }

  pause() {
    if (!this.playing) return;
    this.at = this.voices.length ? this.position : this.at;
    this.halt();
    this.changed();
  }

  end() {
    this.halt();
    this.at = 0;
    this.changed();
  }

  halt() {
    for (const { source, gain } of this.voices) {
      source.onended = null;
      gain.setTargetAtTime(0, this.context.currentTime, FADE);
      source.stop(this.context.currentTime + 8 * FADE);
    }
    this.voices = [];
    this.playing = false;
  }

  close() {
    this.halt();
    this.turns.end();
    this.context?.close();
  }
}

/** How often, of 100 times, coin tosses would lead at least as clearly as these votes. */
function chance(a, b) {
  let ways = 1; // to have i of the votes
  let tail = 0;
  for (let i = 0; i <= a + b; i += 1) {
    if (i >= Math.max(a, b)) tail += ways;
    ways *= (a + b - i) / (i + 1);
  }
  return Math.min(100, (200 * tail) / 2 ** (a + b));
}

/** Votes in words. */
function verdict(a, b) {
  if (!a && !b) return 'There are no votes yet.';
  const percent = chance(a, b);
  const often = percent < 1 ? 'fewer than 1' : `about ${Math.round(percent)}`;
  const may = percent > 5 ? 'so it may well be chance' : 'so it is hardly chance';
  const luck =
    percent > 99 ? 'Coin tosses would say as much.' : `Coin tosses lead as clearly in ${often} of 100 tests, ${may}.`;
  return `${votes(a)} for A, ${b} for B. ${luck}`;
}

const total = ([a, b]) => a + b;
const votes = (number) => (number === 1 ? '1 vote' : `${number} votes`);

/** What all views of one pair share: the sounds, and which is which in a blind test. */
function makeShared(model) {
  const shared = { number: 0, names: [], gains: [], words: '', blind: false, order: [0, 1], known: [] };
  shared.views = new Set();
  const draw = () => shared.views.forEach((view) => view());
  const player = (shared.player = new PairPlayer(draw));

  /** Which is called 1 and which 2 is known to nobody; both have to be heard before the next vote. */
  const shuffle = () => {
    const first = crypto.getRandomValues(new Uint8Array(1))[0] % 2;
    shared.order = [first, 1 - first];
    shared.known = [];
    player.heard = first;
  };
  const vote = (counts) => {
    model.set('votes', counts);
    model.save_changes();
  };
  shared.listen = (place) => {
    if (!player.buffers.length) return;
    if (!shared.known.includes(place)) shared.known.push(place);
    player.listen(shared.order[place]);
  };
  shared.place = () => shared.order.indexOf(player.heard);
  shared.test = () => {
    player.pause();
    vote([0, 0]);
    Object.assign(shared, { blind: true, words: '' });
    shuffle();
    draw();
  };
  shared.vote = (place) => {
    vote(model.get('votes').map((count, side) => count + (side === shared.order[place])));
    player.pause();
    shuffle();
    draw();
  };
  shared.reveal = () => {
    Object.assign(shared, { blind: false, order: [0, 1], words: verdict(...model.get('votes')) });
    draw();
  };
  shared.receive = async (message, buffers) => {
    const { type, number, names, gains } = message;
    // A page that has this pair already goes on playing: another one was opened.
    if (type !== 'pair' || number === shared.number) return;
    player.load([], []);
    // A page that was loaded again goes on with the blind test.
    const blind = !shared.number && total(model.get('votes')) > 0;
    Object.assign(shared, { number, names, gains, blind, words: '', order: [0, 1] });
    draw();
    if (!names.length) return;
    try {
      const sounds = await Promise.all(bytesOf(message, buffers).map(decode));
      if (number !== shared.number) return;
      player.load(sounds, gains);
      if (blind) shuffle();
    } catch {
      if (number === shared.number) shared.words = 'This browser cannot play one of the two.';
    }
    draw();
  };
  return shared;
}

/** What is said about a pair that is no secret. */
function facts({ names, gains, player }) {
  const lines = names.map((name, side) => `${'AB'[side]} is ${name}.`);
  const louder = gains[0] < gains[1] ? 0 : 1;
  const less = -gains[louder];
  lines.push(
    less < 0.05
      ? 'Both are equally loud.'
      : `${'AB'[louder]} is turned down by ${less.toFixed(1)} dB, so that both are equally loud.`,
  );
  const [a, b] = player.buffers.map((buffer) => buffer.duration);
  if (Math.abs(a - b) > LONGER) {
    lines.push(`${a < b ? 'A' : 'B'} is the shorter one: both end after ${clock(player.length)}.`);
  }
  return lines.join('\n');
}

export default () => {
  let shared = null;

  function initialize({ model }) {
    shared = makeShared(model);
    model.on('msg:custom', shared.receive);
    greet(model);
    return () => {
      model.off('msg:custom', shared.receive);
      shared.player.close();
    };
  }

  function render({ model, el }) {
    const { player } = shared;
    el.classList.add('mnb-component', 'mnb-compare');
    const toggle = () => (player.playing ? player.pause() : shared.listen(shared.place()));
    const play = makeButton('', '', toggle);
    const sides = [0, 1].map((place) => makeButton('', 'mnb-side', () => shared.listen(place)));
    const place = shield(make('input', { type: 'range', min: '0', step: '0.1', 'aria-label': 'Where it plays' }));
    const time = make('span', { class: 'mnb-component-hint mnb-numbers' });
    const test = makeButton('Blind test', 'mnb-quiet', () => shared.test());
    const better = [0, 1].map((at) => makeButton(`${at + 1} is better`, 'mnb-quiet', () => shared.vote(at)));
    const reveal = makeButton('Reveal', 'mnb-quiet', () => shared.reveal());
    const words = make('div', { class: 'mnb-component-line mnb-compare-facts' });
    const said = make('div', { class: 'mnb-component-line', role: 'status' });
    const problem = make('div', { class: 'mnb-component-line mnb-bad', role: 'alert' });
    const box = make('div', { class: 'mnb-compare-box', role: 'group', tabindex: '0' });
    box.append(
      make('div', { class: 'mnb-component-row' }, play, ...sides, place, time),
      make('div', { class: 'mnb-component-row' }, test, ...better, reveal),
      words,
      said,
    );
    el.append(box, problem);

    function draw() {
      const { blind, names } = shared;
      const letters = blind ? ['1', '2'] : ['A', 'B'];
      const ready = player.buffers.length > 0;
      box.hidden = !names.length;
      const keys = `Keys: ${letters.join(' and ')}, X for the other one, Space to play and stop.`;
      box.setAttribute('aria-label', `Side by side. ${keys}`);
      play.textContent = player.playing ? '■\u00a0Stop' : '▶\u00a0Play';
      sides.forEach((side, at) => {
        side.textContent = letters[at];
        side.setAttribute('aria-pressed', shared.place() === at);
      });
      for (const control of [play, ...sides, place, test]) control.disabled = !ready;
      test.hidden = blind;
      for (const button of [...better, reveal]) button.hidden = !blind;
      for (const button of better) button.disabled = shared.known.length < 2;
      place.max = player.length;
      drawPlace();
      say(words, ready ? `${blind ? BLIND : facts(shared)}\n${keys}` : waiting());
      say(said, blind ? `${votes(total(model.get('votes')))} so far.` : shared.words);
      say(problem, model.get('problem'));
      el.hidden = box.hidden && !problem.textContent;
    }
    const waiting = () => (model.get('problem') || shared.words ? '' : 'Getting both ready…');
    function drawPlace() {
      place.value = player.position;
      place.setAttribute('aria-valuetext', clock(player.position));
      say(time, `${clock(player.position)} of ${clock(player.length)}`);
    }
    place.addEventListener('input', () => player.seek(Number(place.value)));

    /** Keys count while the focus is in here; Enter presses the button that has it. */
    const [first, second] = [0, 1].map((at) => () => shared.listen(at));
    const other = () => shared.listen(1 - shared.place());
    const keys = { a: first, 1: first, b: second, 2: second, x: other, ' ': toggle };
    for (const [name, seconds] of Object.entries(STEPS)) keys[name] = () => player.seek(player.position + seconds);
    const onKey = (event) => {
      const act = keys[event.key] ?? keys[event.key.toLowerCase()];
      if (!act || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === ' ' && [...better, reveal, test].includes(event.target)) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.type === 'keydown' && (!event.repeat || event.key in STEPS)) act();
    };
    shield(box);
    for (const type of ['keydown', 'keyup']) box.addEventListener(type, onKey, true);

    shared.views.add(draw);
    const unfollow = follow(model, ['problem', 'votes'], draw);
    const timer = setInterval(() => player.playing && drawPlace(), 100);
    return () => {
      shared.views.delete(draw);
      if (!shared.views.size) player.pause();
      clearInterval(timer);
      unfollow();
    };
  }

  return { initialize, render };
};
