// Words that light up as they are sung, in step with the player beside them. The kernel takes no part.

const CALM = matchMedia('(prefers-reduced-motion: reduce)');

/** Draw the lines; gives what lights up: `[{node, start, end, pieces: [{node, start, end}]}]`. */
function drawLines(box, lines) {
  const timed = [];
  box.replaceChildren(
    ...lines.map((line) => {
      const pieces = line.map(([text, start, end]) => ({ node: make('span', {}, text.trimEnd()), start, end }));
      // The space behind a word does not light up.
      const words = line.flatMap(([text], i) => [pieces[i].node, text.slice(text.trimEnd().length)]);
      const node = make('div', { class: 'mnb-words-line' }, ...words);
      if (pieces.length) timed.push({ node, start: pieces[0].start, end: pieces[pieces.length - 1].end, pieces });
      return node;
    }),
  );
  return timed;
}

/** Light up what is sung at a moment in seconds; null is before the song and after it. */
function light(box, timed, seconds) {
  box.classList.toggle('mnb-playing', seconds !== null);
  const sounds = ({ start, end }) => seconds !== null && start <= seconds && seconds < end;
  for (const line of timed) {
    const now = sounds(line);
    if (now && !line.node.classList.contains('mnb-now')) bringIntoView(box, line.node);
    line.node.classList.toggle('mnb-now', now);
    for (const piece of line.pieces) {
      // Who asked for less motion sees the line light up, and not each syllable.
      piece.node.classList.toggle('mnb-now', !CALM.matches && sounds(piece));
      piece.node.classList.toggle('mnb-past', seconds !== null && seconds >= piece.end);
    }
  }
}

/** Scroll inside the box, never the page. */
function bringIntoView(box, node) {
  const top = node.offsetTop - (box.clientHeight - node.offsetHeight) / 2;
  box.scrollTo({ top, behavior: CALM.matches ? 'auto' : 'smooth' });
}

function initialize({ model }) {
  greet(model);
}

function render({ model, el }) {
  el.classList.add('mnb-component', 'mnb-words');
  const box = make('div', { class: 'mnb-words-box', role: 'group', tabindex: '0', 'aria-label': 'Lyrics' });
  el.append(box);
  let timed = [];
  let audio = null;
  let frame = 0;

  const show = () => {
    frame = 0;
    // A player that was put aside belongs to another song.
    if (!audio?.isConnected || audio.ended || (audio.paused && !audio.currentTime)) light(box, timed, null);
    else light(box, timed, audio.currentTime);
    if (audio?.isConnected && !audio.paused) frame = requestAnimationFrame(show);
  };
  const onAudio = ({ target }) => {
    if (!(target instanceof HTMLAudioElement) || !el.closest('.mnb-ready')?.contains(target)) return;
    audio = target;
    if (!frame) show();
  };
  const draw = () => {
    audio = null;
    timed = drawLines(box, model.get('lines'));
    el.hidden = !box.childElementCount;
    light(box, timed, null);
    box.scrollTop = 0;
  };
  // The player comes and goes as songs do, and its events do not bubble: they are caught on their way down.
  const events = ['play', 'pause', 'seeked', 'timeupdate', 'ended'];
  for (const event of events) document.addEventListener(event, onAudio, true);
  const unfollow = follow(model, ['lines'], draw);
  return () => {
    for (const event of events) document.removeEventListener(event, onAudio, true);
    cancelAnimationFrame(frame);
    unfollow();
  };
}

export default { initialize, render };
