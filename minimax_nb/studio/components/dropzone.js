// A drop zone. A file that Python cannot read is decoded here and sent once more, as wav.

const RATE = 44100; // what the kernel keeps
const LONGEST = 15 * 60; // s: decoded, a minute takes 20 MB of the browser's memory
const LARGEST = 512e6; // bytes
const LARGEST_OF_UNKNOWN_LENGTH = 32e6;
const PIECE = 10; // s from one breath of the page to the next

/** How long a file says it is, in seconds; 0 when the page cannot tell. */
function lengthOf(file) {
  return new Promise((resolve) => {
    const audio = new Audio();
    const url = URL.createObjectURL(file);
    const tell = () => {
      clearTimeout(late);
      URL.revokeObjectURL(url);
      resolve(Number.isFinite(audio.duration) ? audio.duration : 0);
    };
    const late = setTimeout(tell, 10000);
    audio.preload = 'metadata';
    audio.addEventListener('loadedmetadata', tell);
    audio.addEventListener('error', tell);
    audio.src = url;
  });
}

/** The same sound as wav, decoded by the browser; an error says why not. */
async function decoded(file) {
  const seconds = await lengthOf(file);
  if (seconds > LONGEST) {
    throw new Error(`This page decodes no more than ${LONGEST / 60} minutes, and it is ${clock(seconds)} long.`);
  }
  if (file.size > (seconds ? LARGEST : LARGEST_OF_UNKNOWN_LENGTH)) throw new Error('It is too large for this page to decode.');
  const context = new OfflineAudioContext(2, 1, RATE);
  const sound = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
    throw new Error('This page cannot decode it either.');
  });
  const channels = [0, 1].slice(0, sound.numberOfChannels).map((number) => sound.getChannelData(number));
  let peak = 1;
  for (const samples of channels) for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  const rows = [];
  for (let at = 0; at < sound.length; at += PIECE * RATE) {
    rows.push(toIntegers(channels.map((samples) => samples.subarray(at, at + PIECE * RATE)), 1 / peak));
    await new Promise((resolve) => setTimeout(resolve));
  }
  return wavFile(rows, channels.length, RATE, file.name);
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
  const shared = { upload: null, words: '', doing: '', drawers, draw: () => drawers.forEach((drawer) => drawer()) };
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
  // Asked of every page; the one that sent the file has it.
  shared.decode = async (model, id) => {
    const upload = shared.upload;
    if (upload?.id !== id) return;
    upload.finish('done');
    const { file } = upload;
    shared.doing = `Python cannot read ${file.name} here, so this page decodes it…`;
    shared.draw();
    const wav = await decoded(file).catch((error) => {
      model.send({ type: 'undecoded', id, why: error.message });
    });
    shared.doing = '';
    if (wav && shared.upload === upload) shared.upload = new Upload(model, wav, shared.draw, { decoded: true });
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
    const receive = (message) => {
      if (message.type === 'forget') shared.forget();
      else if (message.type === 'decode') shared.decode(model, message.id);
      else shared.upload?.receive(message);
    };
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
      say(words, shared.doing || (going && shared.words) || (problem.textContent || going ? '' : outcome(upload) || model.get('note')));
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
    requestAnimationFrame(() => setTimeout(() => model.send({ type: 'drawn' })));
    return () => {
      unfollow();
      shared.drawers.delete(draw);
    };
  }

  return { initialize, render };
};
