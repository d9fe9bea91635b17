// The songs of a class: one player for all of them, a row each, and stars. A song comes when it is played.

function render({ model, el }) {
  el.classList.add('mnb-component', 'mnb-songlist');
  const audio = make('audio', { controls: true, 'aria-label': 'The song that plays' });
  const now = make('div', { class: 'mnb-songlist-now', 'aria-live': 'polite' });
  const all = makeButton('Play all', 'mnb-primary', () => play(0, true));
  const names = makeButton('Show the names', '', () => {
    model.set('blind', false);
    model.save_changes();
  });
  const problem = make('div', { class: 'mnb-component-line mnb-bad', role: 'alert' });
  const list = make('ol', { class: 'mnb-songlist-rows' });
  el.append(make('div', { class: 'mnb-component-row' }, all, names), now, audio, problem, list);

  let playing = -1;
  let goesOn = false;
  let url = '';
  let rows = [];

  const play = (number, andOn) => {
    [playing, goesOn] = [number, andOn];
    audio.pause();
    draw();
    model.send({ type: 'play', number });
  };
  const receive = (message, buffers) => {
    if (message.type !== 'song' || message.number !== playing) return;
    URL.revokeObjectURL(url);
    url = URL.createObjectURL(new Blob([buffers[0]], { type: 'audio/mpeg' }));
    audio.src = url;
    audio.play().catch(() => say(problem, 'Press play to listen: the browser wants a click first.'));
  };
  audio.addEventListener('play', () => say(problem, ''));
  audio.addEventListener('ended', () => {
    if (goesOn && playing + 1 < model.get('songs').length) play(playing + 1, true);
  });

  const give = (number, count) => {
    const stars = [...model.get('stars')];
    stars[number] = stars[number] === count ? 0 : count; // the same star again takes all back
    model.set('stars', stars);
    model.save_changes();
  };
  const makeStars = (number, title) => {
    const buttons = Array.from({ length: model.get('most_stars') }, (_, i) =>
      shield(make('button', { type: 'button', class: 'mnb-star', 'aria-label': `${i + 1} of ${model.get('most_stars')} stars for ${title}`, onclick: () => give(number, i + 1) })),
    );
    return { buttons, box: make('div', { class: 'mnb-stars', role: 'group', 'aria-label': `Stars for ${title}` }, ...buttons) };
  };
  const makeRow = ({ title, words }, number) => {
    const name = make('span', { class: 'mnb-songlist-name', dir: 'auto' });
    const stars = makeStars(number, title);
    const about = make('div', { class: 'mnb-songlist-about' }, make('strong', { dir: 'auto' }, title), name);
    const button = makeButton('Play', '', () => play(number, false));
    button.setAttribute('aria-label', `Play ${title}`);
    const lyrics = words ? [make('details', {}, make('summary', {}, 'Words'), make('pre', { dir: 'auto' }, words))] : [];
    const node = make('li', {}, make('div', { class: 'mnb-component-row' }, button, about, stars.box), ...lyrics);
    return { node, name, stars: stars.buttons };
  };
  const build = () => {
    rows = model.get('songs').map(makeRow);
    list.replaceChildren(...rows.map(({ node }) => node));
    draw();
  };
  const draw = () => {
    const songs = model.get('songs');
    rows.forEach(({ node, name, stars }, number) => {
      say(name, songs[number]?.name ?? '');
      node.classList.toggle('mnb-now', number === playing);
      const given = model.get('stars')[number] ?? 0;
      stars.forEach((star, i) => {
        say(star, i < given ? '★' : '☆');
        star.setAttribute('aria-pressed', String(i < given));
      });
    });
    const song = songs[playing];
    say(now, song ? `${playing + 1} of ${songs.length}: ${song.title}${song.name ? `, by ${song.name}` : ''}` : '');
    all.hidden = songs.length < 2;
    names.hidden = !model.get('blind');
    say(problem, model.get('problem'));
  };
  model.on('msg:custom', receive);
  const unfollow = [
    playAlone(audio),
    follow(model, ['songs'], () => (rows.length === model.get('songs').length ? draw() : build())),
    follow(model, ['stars', 'blind', 'problem'], draw),
  ];
  return () => {
    model.off('msg:custom', receive);
    unfollow.forEach((end) => end());
    URL.revokeObjectURL(url);
  };
}

export default { initialize: ({ model }) => greet(model), render };
