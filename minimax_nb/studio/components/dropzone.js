// A drop zone. The file goes to the kernel in chunks that the kernel acknowledges; see chunks.py.

const CHUNK = 512 * 1024; // Colab's connection breaks from about 1 MB on
const IN_FLIGHT = 8;
const QUIET = 2000; // ms without an answer before the person is told that the kernel is busy
const DRAWN = 200; // ms from drawing to drawing
const RETRIES = 3; // how often an upload that the kernel lost begins again by itself

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 of bytes, going on from the CRC of what came before. SHA-256 would need https and the whole file at once. */
function crc32(bytes, before) {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i += 1) crc = CRC_TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** One file on its way. `changed` is called whenever there is something new to draw. */
class Upload {
  constructor(model, file, changed) {
    Object.assign(this, { model, file, changed, state: 'going', why: '', tries: 0, drawn: 0 });
    this.chunks = Math.ceil(file.size / CHUNK);
    this.began = performance.now();
    this.watch = setInterval(() => this.check(), 500);
    this.begin();
  }

  begin() {
    this.id = freshId();
    Object.assign(this, { sent: 0, hashed: 0, crc: 0, taken: 0, answered: false, ended: false });
    Object.assign(this, { quiet: false, answeredAt: performance.now(), asked: performance.now() });
    this.tell({ type: 'begin', name: this.file.name, size: this.file.size });
  }

  tell(message) {
    this.model.send({ ...message, id: this.id });
  }

  get bytes() {
    return Math.min(this.taken * CHUNK, this.file.size);
  }

  get seconds() {
    return (performance.now() - this.began) / 1000;
  }

  /** Send until enough is in flight. Only one such loop runs at a time. */
  async pump() {
    if (this.pumping) return;
    this.pumping = true;
    try {
      while (this.state === 'going' && this.sent < this.chunks && this.sent - this.taken < IN_FLIGHT) {
        await this.sendNext();
      }
    } catch {
      this.tell({ type: 'cancel' });
      this.finish('failed', `${this.file.name} cannot be read. Is it still there, and is it a file?`);
    } finally {
      this.pumping = false;
    }
    this.endWhenAllIsThere();
  }

  async sendNext() {
    const { id, sent: seq } = this;
    const buffer = await this.file.slice(seq * CHUNK, (seq + 1) * CHUNK).arrayBuffer();
    // Meanwhile it may have been cancelled, or sent back to an earlier chunk.
    if (this.state !== 'going' || this.id !== id || this.sent !== seq) return;
    if (this.hashed === seq) {
      this.crc = crc32(new Uint8Array(buffer), this.crc);
      this.hashed += 1;
    }
    this.sent += 1;
    sendBytes(this.model, { type: 'chunk', id, seq, n: buffer.byteLength }, buffer);
  }

  endWhenAllIsThere() {
    if (this.state !== 'going' || this.ended || !this.answered || this.taken < this.chunks) return;
    this.ended = true;
    this.tell({ type: 'end', crc: this.crc });
  }

  receive(message) {
    if (message.id !== this.id || this.state !== 'going') return;
    this.answeredAt = performance.now();
    this.quiet = false;
    if (message.type === 'ack') this.advance(message);
    else if (message.type === 'done') this.finish('done');
    else if (message.type === 'stopped') this.stopped(message);
    // Drawing at each chunk would cost more than sending it.
    if (this.answeredAt - this.drawn < DRAWN) return;
    this.drawn = this.answeredAt;
    this.changed();
  }

  advance({ next, again }) {
    this.answered = true;
    this.taken = Math.max(this.taken, next);
    // What was sent after a gap is not kept over there.
    if (again) {
      this.sent = next;
      this.ended = false;
    }
    this.pump();
  }

  stopped({ why, again }) {
    this.tries += 1;
    if (again && this.tries <= RETRIES) this.begin();
    else this.finish('failed', why);
  }

  /** Twice a second: does the kernel answer? It may be busy, or messages were lost; asking finds out. */
  check() {
    const now = performance.now();
    this.quiet = now - this.answeredAt > QUIET;
    if (now - Math.max(this.answeredAt, this.asked) > 5 * QUIET) {
      this.asked = now;
      this.tell({ type: 'ask' });
    }
    this.changed();
  }

  cancel() {
    if (this.state !== 'going') return;
    this.tell({ type: 'cancel' });
    this.finish('cancelled');
  }

  finish(state, why = '') {
    clearInterval(this.watch);
    Object.assign(this, { state, why });
    this.changed();
  }
}

const inMegabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** “12.3 of 40.0 MB · 15 MB/s” */
function amount(upload) {
  const known = upload.bytes && upload.seconds > 0.3 && !upload.quiet;
  const speed = known ? ` · ${inMegabytes(upload.bytes / upload.seconds)} MB/s` : '';
  return `${inMegabytes(upload.bytes)} of ${inMegabytes(upload.file.size)} MB${speed}`;
}

/** What became of an upload, in one line; of one that arrived, the kernel says it. */
function outcome(upload) {
  if (!upload || upload.state === 'going' || upload.state === 'done') return '';
  if (upload.state === 'cancelled') return 'Stopped. Nothing was kept.';
  return upload.why;
}

/** Why a file cannot be taken, by its name; empty when it can. */
function wrongKind(file, accept) {
  const endings = accept.split(',').map((ending) => ending.trim().toLowerCase()).filter(Boolean);
  if (!endings.length || endings.some((ending) => file.name.toLowerCase().endsWith(ending))) return '';
  const kinds = endings.map((ending) => ending.replace('.', '')).join(' or ');
  return `${file.name} cannot be read here. Save it as ${kinds} and drop it again.`;
}

/** What is shared by all views of one zone: the upload, and who draws it. */
function makeShared() {
  const drawers = new Set();
  const shared = { upload: null, words: '', drawers, draw: () => drawers.forEach((drawer) => drawer()) };
  shared.forget = () => {
    if (shared.upload?.state !== 'going') Object.assign(shared, { upload: null, words: '' });
    shared.draw();
  };
  shared.take = (model, files) => {
    const [file] = files;
    if (!file) return;
    shared.words = wrongKind(file, model.get('accept'));
    if (!shared.words) {
      // Another file takes the place of the one under way.
      shared.upload?.cancel();
      shared.upload = new Upload(model, file, shared.draw);
      if (files.length > 1) shared.words = 'One at a time: the first file is taken.';
    }
    shared.draw();
  };
  return shared;
}

/** The invitation: one large button, and the input behind it. */
function makeInvitation(choose) {
  const input = make('input', { type: 'file', hidden: true, tabindex: '-1', 'aria-hidden': 'true' });
  input.addEventListener('change', () => {
    choose([...input.files]);
    input.value = ''; // the same file can be picked again
  });
  const label = make('span', { class: 'mnb-component-invite' }, 'Drop a song here, or browse');
  const hint = make('span', { class: 'mnb-component-hint' });
  const button = shield(
    make('button', { type: 'button', class: 'mnb-drop-button', onclick: () => input.click() }, label, hint),
  );
  return { button, input, hint };
}

/** Bar, numbers and Cancel. */
function makeProgress(cancel) {
  const fill = make('div', { class: 'mnb-component-fill' });
  const bar = make('div', { class: 'mnb-component-bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100 }, fill);
  const name = make('span', { class: 'mnb-component-name' });
  const numbers = make('span', { class: 'mnb-component-hint' });
  const busy = make('div', { class: 'mnb-component-hint mnb-drop-busy' });
  const button = makeButton('Cancel', 'mnb-quiet', cancel);
  const head = make('div', { class: 'mnb-component-row mnb-spread' }, make('div', { class: 'mnb-component-words' }, name, numbers), button);
  return { box: make('div', { class: 'mnb-drop-progress' }, head, bar, busy), bar, fill, name, numbers, busy, button };
}

function drawProgress(progress, upload) {
  const percent = Math.floor((100 * upload.bytes) / upload.file.size) || 0;
  progress.fill.style.width = `${percent}%`;
  progress.bar.setAttribute('aria-valuenow', percent);
  progress.bar.setAttribute('aria-label', `Upload of ${upload.file.name}`);
  progress.name.textContent = upload.file.name;
  progress.numbers.textContent = upload.ended ? 'Checking that all of it arrived…' : amount(upload);
  progress.busy.textContent = upload.quiet ? 'The kernel is busy; the upload goes on as soon as it is free.' : '';
}

/** Spoken progress: only now and then. */
function spoken(upload) {
  if (!upload || upload.state !== 'going') return '';
  if (upload.quiet) return 'The kernel is busy; the upload goes on as soon as it is free.';
  const quarter = 25 * Math.floor((4 * upload.bytes) / upload.file.size);
  return `${upload.file.name}: ${quarter} percent`;
}

/** Swap invitation and progress; whoever stands on the one with the keyboard comes to stand on the other. */
function swap(shown, hidden, shownButton, hiddenButton) {
  const focused = hidden.contains(hidden.getRootNode().activeElement);
  shown.hidden = false;
  hidden.hidden = true;
  if (focused) shownButton.focus();
  else hiddenButton.blur();
}

/** React to files that are dragged over an element and dropped on it. */
function takeDrops(zone, drop) {
  let depth = 0; // children send enter and leave of their own
  const mark = () => zone.classList.toggle('mnb-over', depth > 0);
  const handle = (move) => (event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
    // The notebook would open the file, or put it beside the notebook.
    event.preventDefault();
    event.stopPropagation();
    depth = Math.max(0, move(depth));
    mark();
    if (event.type === 'drop') drop([...event.dataTransfer.files]);
  };
  zone.addEventListener('dragenter', handle((now) => now + 1));
  zone.addEventListener('dragover', handle((now) => now));
  zone.addEventListener('dragleave', handle((now) => now - 1));
  zone.addEventListener('drop', handle(() => 0));
}

export default () => {
  const shared = makeShared();

  function initialize({ model }) {
    const receive = (message) => (message.type === 'forget' ? shared.forget() : shared.upload?.receive(message));
    const leave = () => shared.upload?.cancel();
    const onKernelGone = () => {
      if (shared.upload?.state === 'going') {
        shared.upload.finish('failed', 'The kernel was restarted and the upload stopped. Run the cell again.');
      }
    };
    model.on('msg:custom', receive);
    // Sent by the front end's own model when its kernel is gone.
    model.on('comm_live_update', onKernelGone);
    window.addEventListener('pagehide', leave);
    greet(model);
    return () => {
      leave();
      model.off('msg:custom', receive);
      model.off('comm_live_update', onKernelGone);
      window.removeEventListener('pagehide', leave);
    };
  }

  function render({ model, el }) {
    el.classList.add('mnb-component', 'mnb-drop');
    const invitation = makeInvitation((files) => shared.take(model, files));
    const progress = makeProgress(() => shared.upload?.cancel());
    const zone = make('div', { class: 'mnb-drop-zone' }, invitation.button, progress.box, invitation.input);
    const words = make('div', { class: 'mnb-component-line', role: 'status' });
    const problem = make('div', { class: 'mnb-component-line mnb-bad', role: 'alert' });
    const live = make('div', { class: 'mnb-component-spoken', role: 'status', 'aria-live': 'polite' });
    el.append(zone, words, problem, live);
    takeDrops(zone, (files) => shared.take(model, files));

    const draw = () => {
      const upload = shared.upload;
      const going = upload?.state === 'going';
      if (going) drawProgress(progress, upload);
      if (going && progress.box.hidden) swap(progress.box, invitation.button, progress.button, invitation.button);
      if (!going && !progress.box.hidden) swap(invitation.button, progress.box, invitation.button, progress.button);
      const failed = upload?.state === 'failed' && !shared.words ? upload.why : '';
      const wrong = !going && shared.words;
      say(problem, model.get('problem') || wrong || failed);
      say(words, (going && shared.words) || (problem.textContent || going ? '' : outcome(upload) || model.get('note')));
      say(live, spoken(upload));
    };
    const drawTraits = () => {
      invitation.input.accept = model.get('accept');
      say(invitation.hint, model.get('hint'));
      draw();
    };
    progress.box.hidden = true;
    shared.drawers.add(draw);
    const unfollow = follow(model, ['accept', 'hint', 'problem', 'note'], drawTraits);
    return () => {
      unfollow();
      shared.drawers.delete(draw);
    };
  }

  return { initialize, render };
};
