// A field for a key. The key leaves by a message and is nowhere afterwards: not in the page, not in the model's state.

/** The input; password managers are asked not to offer to keep what is typed. */
function makeInput(id, hintId) {
  return shield(
    make('input', {
      id,
      type: 'password',
      class: 'mnb-part-input',
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
  el.classList.add('mnb-part', 'mnb-key');
  const [inputId, hintId] = [freshId(), freshId()];
  const label = make('label', { for: inputId });
  const input = makeInput(inputId, hintId);
  const button = makeButton('', 'mnb-primary', () => give());
  const hint = make('div', { id: hintId, class: 'mnb-part-line' });
  const note = make('div', { class: 'mnb-part-line mnb-good', role: 'status' });
  const problem = make('div', { class: 'mnb-part-line mnb-bad', role: 'alert' });
  el.append(label, make('div', { class: 'mnb-part-row' }, input, button), hint, note, problem);
  let waiting = false;
  let busy = null;

  const draw = () => {
    label.textContent = model.get('label');
    button.textContent = model.get('button');
    button.disabled = waiting || !input.value;
    say(hint, model.get('hint'));
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
  const hear = (message) => {
    if (message.type !== 'taken') return;
    waiting = false;
    clearTimeout(busy);
    draw();
  };
  input.addEventListener('input', draw);
  // There is no form around it: a form would make browsers offer to keep the key.
  input.addEventListener('keydown', (event) => event.key === 'Enter' && give());
  model.on('msg:custom', hear);
  const unfollow = follow(model, ['label', 'button', 'hint', 'note', 'problem'], draw);
  return () => {
    input.value = '';
    clearTimeout(busy);
    model.off('msg:custom', hear);
    unfollow();
  };
}

export default { initialize, render };
