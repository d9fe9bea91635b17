// A field for a key. The key leaves by a message and is nowhere afterwards: not in the page, not in the model's state.

/** The input; password managers are asked not to offer to keep what is typed. */
function makeInput(id, hintId) {
  return shield(
    make('input', {
      id,
      type: 'password',
      class: 'mnb-component-input',
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      maxlength: '512',
      'aria-describedby': hintId,
      'data-1p-ignore': 'true',
      'data-lpignore': 'true',
    }),
  );
}

function initialize({ model }) {
  greet(model);
}

function render({ model, el }) {
  el.classList.add('mnb-component', 'mnb-key');
  const [inputId, hintId] = [freshId(), freshId()];
  const label = make('label', { for: inputId }, 'Your AI/ML API key');
  const input = makeInput(inputId, hintId);
  const button = makeButton('Use this key for now', 'mnb-primary', () => give());
  const hint = make('div', { id: hintId, class: 'mnb-component-line' }, 'For this kernel only; it is saved nowhere.');
  const note = make('div', { class: 'mnb-component-line mnb-good', role: 'status' });
  const problem = make('div', { class: 'mnb-component-line mnb-bad', role: 'alert' });
  el.append(label, make('div', { class: 'mnb-component-row' }, input, button), hint, note, problem);
  let waiting = false;
  let busy = null;

  const draw = () => {
    button.disabled = waiting || !input.value;
    say(problem, waiting ? '' : model.get('problem'));
    say(note, waiting ? note.textContent : model.get('note') && `✓ ${model.get('note')}`);
  };
  const give = () => {
    const value = input.value;
    input.value = '';
    if (!value || waiting) return;
    waiting = true;
    note.textContent = '';
    busy = setTimeout(() => say(note, 'The kernel is busy; it takes the key as soon as it is free.'), 2000);
    model.send({ type: 'key', value });
    draw();
  };
  const receive = (message) => {
    if (message.type !== 'taken') return;
    waiting = false;
    clearTimeout(busy);
    draw();
  };
  input.addEventListener('input', draw);
  // There is no form around it: a form would make browsers offer to keep the key.
  input.addEventListener('keydown', (event) => event.key === 'Enter' && give());
  model.on('msg:custom', receive);
  const unfollow = follow(model, ['note', 'problem'], draw);
  return () => {
    input.value = '';
    clearTimeout(busy);
    model.off('msg:custom', receive);
    unfollow();
  };
}

export default { initialize, render };
