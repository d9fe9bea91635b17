// A recording by the microphone, as it comes: nothing is filtered, and it goes to the kernel as wav when it is to be used.

const LONGEST = 10 * 60; // s
const LATE = 2; // s by which the sound may lag behind the clock before it counts as interrupted
const FAINT = 10 ** (-70 / 20);
const LISTENED = 3; // s after which silence is remarked upon
const CRACKLES = 20; // samples at full scale
const LOWEST = -60; // dB, the left end of the meter

const PHONE = 'Another way: make a voice memo with your phone, and drop its file above.';
const INSECURE = 'Browsers give the microphone only to pages at https or on this computer (localhost); this one is neither.';
const NO_WAY = 'This browser gives no page a microphone.';
const FRAMED = 'This page shows notebooks in a frame that may not use the microphone.';
const NO_WORKLET = 'This page forbids the program that takes the sound.';
const REASONS = {
  NotAllowedError: 'The microphone was not allowed. Allow it for this page, by the sign beside its address, and press Record again.',
  NotFoundError: 'No microphone was found. Plug one in and press Record again.',
  NotReadableError: 'Another program has the microphone, or the system keeps it off.',
};
const KEPT = 'What was recorded is kept.';
const GONE = `The microphone is gone: it was unplugged, or taken from this page. ${KEPT}`;
const MUTED = `The system has muted the microphone. ${KEPT}`;
const ASLEEP = `The browser put this page to sleep. ${KEPT} Leave the page in front while you record.`;

// Runs apart from the page: collects some 50 ms and hands them over.
const PROCESSOR = `registerProcessor('mnb-recorder', class extends AudioWorkletProcessor {
  process([input]) {
    if (!input.length) return true;
    if (!this.block) { this.block = input.map(() => new Float32Array(2048)); this.at = 0; }
    input.forEach((samples, channel) => this.block[channel].set(samples, this.at));
    this.at += input[0].length;
    if (this.at >= 2048) {
      this.port.postMessage(this.block, this.block.map((samples) => samples.buffer));
      this.block = null;
    }
    return true;
  }
});`;

/** Why there is no use in asking for the microphone; empty when there may be. */
function obstacle() {
  if (!window.isSecureContext) return INSECURE;
  if (!navigator.mediaDevices?.getUserMedia) return NO_WAY;
  return document.featurePolicy?.allowsFeature('microphone') === false ? FRAMED : '';
}

/** Why the microphone could not be had; an answer at once, inside a frame, is the frame's and not the person's. */
function reason(error, ms) {
  const framed = window !== window.top && !document.featurePolicy;
  if (error.name === 'NotAllowedError' && framed && ms < 300) return FRAMED;
  return REASONS[error.name] ?? `The microphone cannot be used: ${error.message || error.name}.`;
}

/** A context at the rate of the microphone, where the browser can do that. */
function makeContext(sampleRate) {
  try {
    return new AudioContext({ sampleRate });
  } catch {
    return new AudioContext();
  }
}

async function load(context) {
  const url = URL.createObjectURL(new Blob([PROCESSOR], { type: 'text/javascript' }));
  try {
    await context.audioWorklet.addModule(url);
  } catch {
    throw new Error(NO_WORKLET);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** One take: asked for, recorded, paused, sent. `changed` is called whenever there is something new to draw. */
class Recording {
  constructor(model, changed) {
    Object.assign(this, { model, changed, state: 'idle', words: '', problem: '', turn: 0, stream: null, context: null });
    this.player = new Audio();
    this.turns = takeTurns(() => this.player.pause());
    for (const event of ['play', 'pause']) this.player.addEventListener(event, () => this.changed());
    this.empty();
  }

  empty() {
    this.quiet();
    Object.assign(this, { rows: [], frames: 0, channels: 1, level: 0, highest: 0, crackles: 0 });
  }

  get seconds() {
    return this.frames / (this.rate || 1);
  }

  get enough() {
    return this.seconds > this.model.get('minimum');
  }

  go(state, words = '') {
    Object.assign(this, { state, words, level: 0 });
    this.changed();
  }

  fail(problem) {
    this.release();
    this.problem = problem;
    this.go(this.frames ? 'paused' : 'idle');
  }

  /** Record, or go on recording; the microphone is asked for unless it is still there. */
  async start() {
    this.quiet();
    this.problem = '';
    if (this.stream) return this.record();
    const why = obstacle();
    if (why) return this.fail(`${why} ${PHONE}`);
    const turn = (this.turn += 1);
    const began = performance.now();
    this.go('asking');
    let stream = null;
    try {
      const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: { ideal: 2 } };
      stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      return turn === this.turn && this.fail(`${reason(error, performance.now() - began)} ${PHONE}`);
    }
    if (turn !== this.turn) return stream.getTracks().forEach((track) => track.stop());
    this.stream = stream;
    try {
      await this.open(stream.getAudioTracks()[0], turn);
    } catch (error) {
      return turn === this.turn && this.fail(`${error.message} ${PHONE}`);
    }
    return turn === this.turn && this.record();
  }

  async open(track, turn) {
    const { sampleRate, channelCount } = track.getSettings();
    // What is there already stays at its rate.
    const context = (this.context = makeContext(this.frames ? this.rate : sampleRate));
    await load(context);
    if (turn !== this.turn) return;
    if (!this.frames) Object.assign(this, { rate: context.sampleRate, channels: Math.min(2, channelCount || 1) });
    const options = { channelCount: this.channels, channelCountMode: 'explicit' };
    const node = new AudioWorkletNode(context, 'mnb-recorder', options);
    node.port.onmessage = ({ data }) => this.add(data);
    // Its silent output is what makes every browser run it.
    context.createMediaStreamSource(this.stream).connect(node).connect(context.destination);
    track.onended = () => this.fail(GONE);
    track.onmute = () => this.state === 'recording' && this.pause(MUTED);
    context.onstatechange = () => context.state !== 'running' && this.state === 'recording' && this.pause(ASLEEP);
  }

  async record() {
    Object.assign(this, { since: Date.now(), before: this.frames, late: 0 });
    for (const track of this.stream.getTracks()) track.enabled = true;
    clearInterval(this.watch);
    this.watch = setInterval(() => this.check(), 500);
    await this.context.resume();
    this.since = Date.now();
    this.go('recording');
  }

  add(channels) {
    if (this.state !== 'recording') return;
    // Microphones take their time to begin.
    if (this.frames === this.before) this.since = Date.now() - (1000 * channels[0].length) / this.rate;
    this.rows.push(toIntegers(channels));
    this.frames += channels[0].length;
    const sizes = channels.flatMap((samples) => [...samples.map(Math.abs)]);
    const peak = Math.max(...sizes);
    this.crackles += sizes.filter((size) => size > 0.999).length;
    this.highest = Math.max(this.highest, peak);
    this.level = Math.max(peak, this.level * 0.9);
    if (this.seconds >= LONGEST) this.pause(`${LONGEST / 60} minutes is the longest that is recorded.`);
    else this.changed();
  }

  /** Twice a second: a page or a computer that slept has recorded less than the clock says. */
  check() {
    if (this.state !== 'recording') return;
    const lag = (Date.now() - this.since) / 1000 - (this.frames - this.before) / this.rate;
    this.late = lag > LATE ? this.late + 1 : 0;
    // What came meanwhile is handed over before the second look.
    if (this.late < 2) return;
    this.pause(`About ${Math.round(lag)} s were not recorded: the page or the computer was asleep. ${KEPT}`);
  }

  pause(words = '') {
    clearInterval(this.watch);
    for (const track of this.stream?.getTracks() ?? []) track.enabled = false;
    this.go('paused', words);
  }

  again() {
    this.empty();
    this.start();
  }

  /** Drop what there is; while the microphone is asked for, only that. */
  discard() {
    if (this.state !== 'asking') this.empty();
    this.fail('');
  }

  /** Give the microphone back. */
  release() {
    this.turn += 1;
    clearInterval(this.watch);
    for (const track of this.stream?.getTracks() ?? []) {
      Object.assign(track, { onended: null, onmute: null });
      track.stop();
    }
    if (this.context) this.context.onstatechange = null;
    this.context?.close();
    Object.assign(this, { stream: null, context: null });
  }

  get file() {
    const time = new Date().toTimeString().slice(0, 8).replaceAll(':', '.');
    return wavFile(this.rows, this.channels, this.rate, `Recording ${time}.wav`);
  }

  listen() {
    if (!this.player.paused) return this.player.pause();
    this.quiet();
    this.player.src = URL.createObjectURL(this.file);
    this.turns.take();
    return this.player.play().catch(() => {});
  }

  quiet() {
    if (!this.player.src) return;
    this.player.pause();
    URL.revokeObjectURL(this.player.src);
    this.player.removeAttribute('src');
  }

  use() {
    this.quiet();
    this.release();
    this.problem = '';
    this.upload = new Upload(this.model, this.file, () => this.follow());
    this.go('sending');
  }

  /** See what becomes of the upload. */
  follow() {
    const { state, why } = this.upload;
    if (this.state !== 'sending') return;
    if (state === 'done') this.discard();
    else if (state === 'failed') this.fail(why);
    else if (state === 'cancelled') this.go('paused', 'Not sent; the recording is kept.');
    else this.changed();
  }

  leave(problem = '') {
    this.upload?.cancel();
    this.quiet();
    this.fail(this.state === 'idle' ? this.problem : problem);
  }

  /** What helps while it is being recorded. */
  get advice() {
    if (this.seconds > LISTENED && this.highest < FAINT) return 'Nothing is heard: is the microphone muted?';
    if (this.crackles > CRACKLES) return 'Too loud: it crackles. Move back, and record again.';
    return '';
  }

  /** How much is still needed, and how much is sent. */
  get need() {
    const [least, most] = [this.model.get('minimum'), this.model.get('maximum')];
    if (!this.enough) return `${Math.max(1, Math.ceil(least - this.seconds))} s more, then it is long enough.`;
    const sent = this.seconds > most ? ` The liveliest ${most} s of it are sent.` : '';
    return `Long enough now.${sent}`;
  }
}

const TITLES = { asking: 'Waiting for the microphone', recording: 'Recording', paused: 'Paused', sending: 'Sending it to the kernel' };

/** The share of the meter that a level fills, 0 to 1. */
const filled = (level) => (level ? Math.max(0, Math.min(1, 1 - (20 * Math.log10(level)) / LOWEST)) : 0);

/** What is drawn once; `take` is asked for whenever something is pressed. */
function makePanel(take) {
  const on = (name) => () => take()[name]();
  const buttons = {
    pause: makeButton('Pause', '', () => take().pause()),
    start: makeButton('Go on', '', on('start')),
    listen: makeButton('Listen', '', on('listen')),
    again: makeButton('Again', '', on('again')),
    use: makeButton('Use it', 'mnb-primary', on('use')),
    discard: makeButton('Discard', 'mnb-quiet', on('discard')),
  };
  const title = make('span', { class: 'mnb-component-name mnb-record-title' });
  const time = make('span', { class: 'mnb-component-name mnb-numbers' });
  const need = make('span', { class: 'mnb-component-hint' });
  const fill = make('div', { class: 'mnb-component-fill' });
  const meter = make('div', { class: 'mnb-component-bar', role: 'meter', 'aria-label': 'Level', 'aria-valuemin': 0, 'aria-valuemax': 100 }, fill);
  const words = make('div', { class: 'mnb-component-line mnb-record-words', role: 'status' });
  const head = make('div', { class: 'mnb-component-words' }, title, time, need);
  const row = make('div', { class: 'mnb-component-row' }, ...Object.values(buttons));
  return { box: make('div', { class: 'mnb-record-panel' }, head, meter, words, row), buttons, title, time, need, fill, meter, words };
}

const SHOWN = {
  asking: ['discard'],
  recording: ['pause', 'use', 'discard'],
  paused: ['start', 'listen', 'again', 'use', 'discard'],
  sending: [],
};

function drawPanel(panel, take) {
  const { state, upload } = take;
  for (const [name, button] of Object.entries(panel.buttons)) button.hidden = !SHOWN[state].includes(name);
  panel.buttons.use.disabled = !take.enough;
  say(panel.buttons.listen, take.player.paused ? 'Listen' : 'Stop');
  say(panel.buttons.discard, state === 'asking' ? 'Cancel' : 'Discard');
  panel.title.classList.toggle('mnb-on', state === 'recording');
  say(panel.title, TITLES[state]);
  say(panel.time, state === 'asking' ? '' : clock(take.seconds));
  say(panel.need, state === 'recording' || state === 'paused' ? take.need : '');
  const share = state === 'sending' ? upload.bytes / upload.file.size : filled(take.level);
  panel.fill.style.width = `${(100 * share).toFixed(1)}%`;
  panel.meter.setAttribute('aria-valuenow', Math.round(100 * share));
  const asked = state === 'asking' ? 'Your browser asks whether this page may use it.' : '';
  const busy = state === 'sending' && upload.quiet ? 'The kernel is busy; this goes on as soon as it is free.' : '';
  say(panel.words, asked || busy || take.words || (state === 'idle' ? '' : take.advice));
}

export default () => {
  const drawers = new Set();
  let take = null;

  function initialize({ model }) {
    take = new Recording(model, () => drawers.forEach((drawer) => drawer()));
    const receive = (message) => take.upload?.receive(message);
    const leave = () => take.leave();
    const unwatch = whenKernelGone(model, () => take.leave('The kernel was restarted and the recording stopped. Run the cell again.'));
    model.on('msg:custom', receive);
    window.addEventListener('pagehide', leave);
    greet(model);
    return () => {
      leave();
      take.turns.end();
      model.off('msg:custom', receive);
      unwatch();
      window.removeEventListener('pagehide', leave);
    };
  }

  function render({ model, el }) {
    el.classList.add('mnb-component', 'mnb-record');
    const record = makeButton('Record', 'mnb-record-button', () => take.start());
    const hint = make('span', { class: 'mnb-component-hint' });
    const idle = make('div', { class: 'mnb-component-row' }, record, hint);
    const panel = makePanel(() => take);
    const problem = make('div', { class: 'mnb-component-line mnb-bad', role: 'alert' });
    const live = make('div', { class: 'mnb-component-spoken', role: 'status', 'aria-live': 'polite' });
    el.append(idle, panel.box, problem, live);

    let { state } = take;
    const draw = () => {
      const focused = el.getRootNode().activeElement;
      idle.hidden = take.state !== 'idle';
      panel.box.hidden = !idle.hidden;
      if (!panel.box.hidden) drawPanel(panel, take);
      say(problem, take.problem || model.get('problem'));
      say(hint, model.get('hint'));
      // Aloud: the turns it takes, and not each second.
      say(live, take.state === 'recording' && take.enough ? 'Long enough now.' : (TITLES[take.state] ?? ''));
      // Whoever stands in it with the keyboard comes to stand on the first button of each turn, and never on Discard.
      if (state !== take.state && el.contains(focused)) {
        (idle.hidden ? panel.box.querySelector('button:not([hidden])') : record)?.focus();
      }
      state = take.state;
    };
    drawers.add(draw);
    const unfollow = follow(model, ['minimum', 'maximum', 'hint', 'problem'], draw);
    return () => {
      unfollow();
      drawers.delete(draw);
      if (!drawers.size) take.leave();
    };
  }

  return { initialize, render };
};
