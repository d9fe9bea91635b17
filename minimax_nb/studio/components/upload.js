// A file on its way to the kernel, in chunks that the kernel acknowledges; see chunks.py.

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

/** One file on its way. `changed` is called whenever there is something new to draw; `more` is said of it to the kernel. */
class Upload {
  constructor(model, file, changed, more = {}) {
    Object.assign(this, { model, file, changed, more, state: 'going', why: '', tries: 0, drawn: 0 });
    this.chunks = Math.ceil(file.size / CHUNK);
    this.began = performance.now();
    this.watch = setInterval(() => this.check(), 500);
    this.begin();
  }

  begin() {
    this.id = freshId();
    Object.assign(this, { sent: 0, hashed: 0, crc: 0, taken: 0, answered: false, ended: false });
    Object.assign(this, { quiet: false, answeredAt: performance.now(), asked: performance.now() });
    this.tell({ type: 'begin', name: this.file.name, size: this.file.size, ...this.more });
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
