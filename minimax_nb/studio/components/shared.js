// Put in front of each component's own script: a page gets one self-contained module for each.

/** Make an element: attributes first, then children; `on…` functions become listeners. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

/** Set text only when it is another one: screen readers hear it once. An empty line stays, or they would not notice it. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keep the notebook's own shortcuts away from a control: Enter, Space and arrows belong to it here. */
function shield(node) {
  // JupyterLab and Notebook 7 look for this attribute; classic Notebook listens on the document.
  node.setAttribute('data-lm-suppress-shortcuts', 'true');
  const own = ['Enter', ' ', 'Escape', 'Home', 'End', 'PageUp', 'PageDown'];
  node.addEventListener('keydown', (event) => {
    const writes = node.tagName === 'INPUT' && !event.ctrlKey && !event.metaKey;
    if (writes || own.includes(event.key) || event.key.startsWith('Arrow')) event.stopPropagation();
  });
  return node;
}

/** A button. */
function makeButton(text, kind, onclick) {
  return shield(make('button', { type: 'button', class: `mnb-button ${kind}`, onclick }, text));
}

/** Call `draw` now and whenever one of the traits changes; gives the function that ends it. */
function follow(model, traits, draw) {
  const events = traits.map((trait) => `change:${trait}`);
  for (const event of events) model.on(event, draw);
  draw();
  return () => events.forEach((event) => model.off(event, draw));
}

/**
 * VS Code hands messages on as text, where each byte of a buffer becomes a number of its own: 3.6 letters a byte, which
 * are counted, copied, packed and read several times. Base64 is 1.3. With a kernel of a server all is bytes anyway.
 */
function wantsText(model) {
  return 'vscIPyWidgets' in window && !model.widget_manager?.kernel?._options?.protocol;
}

/** Send a message with bytes. */
function sendBytes(model, message, buffer) {
  if (!wantsText(model)) return model.send(message, undefined, [buffer]);
  const bytes = new Uint8Array(buffer);
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return model.send({ ...message, bytes: [btoa(text)] });
}

/** The bytes that came with a message. */
function bytesOf(message, buffers) {
  if (!message.bytes) return buffers;
  return message.bytes.map((text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer));
}

/** Tell the kernel that a page has loaded this component. */
function greet(model) {
  model.send({ type: 'hello', text: wantsText(model) });
}

/** Call `act` when the kernel is gone; gives the function that ends it. */
function whenKernelGone(model, act) {
  // Lab's models say it; VS Code throws its widget manager away without a word.
  const timer = setInterval(() => {
    if (!model.widget_manager?.isDisposed) return;
    clearInterval(timer);
    act();
  }, 500);
  model.on('comm_live_update', act);
  return () => {
    clearInterval(timer);
    model.off('comm_live_update', act);
  };
}

/**
 * One thing plays at a time on a page: `take()` says that this one does now, and `pause` is called when another does.
 * `end()` forgets it.
 */
function takeTurns(pause) {
  const me = {};
  const listen = ({ detail }) => detail !== me && pause();
  window.addEventListener('mnb-plays', listen);
  return {
    take: () => window.dispatchEvent(new CustomEvent('mnb-plays', { detail: me })),
    end: () => window.removeEventListener('mnb-plays', listen),
  };
}

/** The same for an audio element; gives the function that ends it. */
function playAlone(audio) {
  const turns = takeTurns(() => audio.pause());
  audio.addEventListener('play', turns.take);
  return turns.end;
}

/** The full seconds, as a clock counts them. */
function fullSeconds(seconds) {
  return Math.max(0, Math.floor(seconds + 0.05));
}

/** Seconds as people say them: 0:45. */
function clock(seconds) {
  const whole = fullSeconds(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

let lastNumber = 0;

/** An id for an element that another one refers to. */
function freshId() {
  lastNumber += 1;
  return `mnb-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}-${lastNumber}`;
}
