// What a page does by itself: it reads a line aloud, copies, counts seconds, and notices that the kernel has no time for a click.

const PATIENCE = 1000; // ms without an answer before the person is told that a cell is running
const BUSY = 'A cell is running; I go on as soon as it ends.';

/** Copy the text of an element; where the page may not, it is left selected for the person to copy. */
async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.innerText);
    return true;
  } catch {
    // Pages that are not https, and frames of other hosts, have no clipboard; the old way may do.
    getSelection().selectAllChildren(node);
    return document.execCommand('copy');
  }
}

/**
 * After each thing the person does, ask the kernel for an answer: it comes once that was handled, as messages keep
 * their order. `changed` is told whether it is late.
 */
function watchKernel(model, changed) {
  let question = '';
  let lives = true;
  let again = false;
  let timer = null;
  const settle = () => {
    clearTimeout(timer);
    question = '';
    changed(false);
  };
  const ask = () => {
    question = freshId();
    again = false;
    timer = setTimeout(() => changed(true), PATIENCE);
    // What was done is seen before its own control has seen it: the question goes after its message.
    setTimeout(() => model.send({ type: 'ask', id: question }));
  };
  const receive = (message) => {
    if (message.type !== 'here' || message.id !== question) return;
    settle();
    if (again) ask();
  };
  model.on('msg:custom', receive);
  return {
    note: () => {
      if (question) again = true;
      else if (lives) ask();
    },
    stop: () => {
      lives = false;
      settle();
      model.off('msg:custom', receive);
    },
  };
}

/** How much of a bar to fill, 0 to 1: it nears its end but does not claim to be there. */
const share = (elapsed, usual) => 1 - 1 / (1 + (2 * elapsed) / usual);

let ahead = 0; // s by which the kernel's clock is ahead of the page's

/** Count the seconds of each song that is being made; gives the function that ends it. */
function countSeconds(studio) {
  const draw = () => {
    for (const node of studio()?.querySelectorAll('.mnb-clock') ?? []) {
      const elapsed = Math.max(0, Date.now() / 1000 + ahead - node.dataset.began);
      const [words, usual] = [node.querySelector('.mnb-elapsed'), node.querySelector('.mnb-usual')];
      if (words) say(words, clock(elapsed));
      if (usual && elapsed > node.dataset.usual) say(usual, node.dataset.late);
      node.querySelector('.mnb-component-fill').style.width = `${(100 * share(elapsed, node.dataset.usual)).toFixed(1)}%`;
    }
  };
  const timer = setInterval(draw, 250);
  return () => clearInterval(timer);
}

/** Cover a studio whose kernel is gone: nothing in it can be pressed any more, and one line says what to do. */
function cover(studio) {
  if (!studio || studio.querySelector('.mnb-gone')) return;
  for (const child of studio.children) child.inert = true;
  const words = 'The kernel was restarted. Run this cell again; your songs are in the library.';
  studio.prepend(make('div', { class: 'mnb-gone', role: 'alert' }, words));
}

/** Show a part of the studio that something was done to. */
function bringIntoView(node) {
  const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';
  node?.scrollIntoView({ block: 'nearest', behavior });
}

/** Press “More takes” when its place is nearly in sight, once for each stretch of the list; gives the function that ends it. */
function showMoreAsScrolled(el) {
  let rows = -1;
  let timer = null;
  const press = ({ target }) => {
    // A kernel that has no time yet is not asked twice.
    const drawn = el.closest('.mnb-studio')?.querySelectorAll('.mnb-take').length ?? 0;
    if (drawn === rows) return;
    rows = drawn;
    target.click();
  };
  const seen = new IntersectionObserver((entries) => entries.filter((each) => each.isIntersecting).forEach(press), {
    rootMargin: '0px 0px 300px',
  });
  // While the button stays in sight nothing tells of it: it is looked at anew.
  const look = () => {
    seen.disconnect();
    const button = el.closest('.mnb-studio')?.querySelector('.mnb-more-takes');
    if (button) seen.observe(button);
    timer = setTimeout(look, 700);
  };
  timer = setTimeout(look, 100);
  return () => {
    clearTimeout(timer);
    seen.disconnect();
  };
}

/** Give a control the keyboard once it is there again, unless the person has gone elsewhere. */
function focusAgain(studio, what, tries = 40) {
  const node = studio()?.querySelector(what);
  if (document.activeElement && document.activeElement !== document.body && document.activeElement !== node) return;
  node?.focus();
  // The row may be about to move.
  if (tries) setTimeout(() => focusAgain(studio, what, tries - 1), 50);
}

function initialize({ model }) {
  const receive = (message) => {
    if (message.type === 'time') ahead = message.now - Date.now() / 1000;
  };
  model.on('msg:custom', receive);
  greet(model);
  return () => model.off('msg:custom', receive);
}

function render({ model, el }) {
  el.classList.add('mnb-component', 'mnb-listener');
  const aloud = make('div', { class: 'mnb-aloud', role: 'status', 'aria-live': 'polite' });
  const busy = make('div', { class: 'mnb-component-line', role: 'status' });
  el.append(busy, aloud);
  const kernel = watchKernel(model, (late) => say(busy, late ? BUSY : ''));
  const receive = (message) => {
    if (message.type === 'show') bringIntoView(el.closest('.mnb-studio')?.querySelector(message.what));
    if (message.type === 'focus') focusAgain(() => el.closest('.mnb-studio'), message.what);
  };
  // Meanwhile another kernel may have changed the library.
  const onReturn = () => document.hidden || model.send({ type: 'back' });
  model.on('msg:custom', receive);
  document.addEventListener('visibilitychange', onReturn);
  window.addEventListener('focus', onReturn);
  const stopShowing = showMoreAsScrolled(el);
  const stopCounting = countSeconds(() => el.closest('.mnb-studio'));
  const unwatch = whenKernelGone(model, () => {
    kernel.stop();
    stopCounting();
    stopShowing();
    cover(el.closest('.mnb-studio'));
  });

  /** What was acted upon, if it belongs to the same studio. */
  const acted = (event, kind) => {
    const node = event.target instanceof Element ? event.target.closest(kind) : null;
    return node && el.closest('.mnb-studio')?.contains(node) ? node : null;
  };
  const onClick = async (event) => {
    const button = acted(event, 'button');
    if (button?.matches('.mnb-copy')) {
      const copied = await copy(button.previousElementSibling);
      button.textContent = copied ? 'Copied' : 'Press Ctrl+C';
      aloud.textContent = copied ? 'Copied.' : 'Selected, ready to be copied.';
    } else if (button && event.isTrusted && !button.closest('.mnb-component')) kernel.note();
  };
  const onInput = (event) => {
    // The other components tell of a busy kernel themselves.
    if (acted(event, 'input, textarea') && !event.target.closest('.mnb-component')) kernel.note();
  };
  // Where something is clicked, the front end may keep it to itself on the way up; on the way down it is seen.
  document.addEventListener('click', onClick, true);
  document.addEventListener('input', onInput, true);
  const unfollow = follow(model, ['value'], () => say(aloud, model.get('value')));
  return () => {
    document.removeEventListener('click', onClick, true);
    document.removeEventListener('input', onInput, true);
    kernel.stop();
    stopCounting();
    stopShowing();
    document.removeEventListener('visibilitychange', onReturn);
    window.removeEventListener('focus', onReturn);
    unwatch();
    model.off('msg:custom', receive);
    unfollow();
  };
}

export default { initialize, render };
