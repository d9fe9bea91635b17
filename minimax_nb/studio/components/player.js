// The player of a finished song. Its bytes come once; the sound, the waveform and the saved file are made from them.

const PEAKS = 400;

/** The loudest moments of a sound, from 0 to 1; empty where the browser cannot decode it. */
async function peaksOf(bytes) {
  try {
    const context = new OfflineAudioContext(1, 1, 22050);
    const sound = await context.decodeAudioData(bytes);
    const samples = sound.getChannelData(0);
    const step = samples.length / PEAKS;
    const peaks = Array.from({ length: PEAKS }, (_, i) => {
      let sum = 0;
      const [from, to] = [Math.floor(i * step), Math.floor((i + 1) * step)];
      for (let at = from; at < to; at += 1) sum += samples[at] * samples[at];
      return Math.sqrt(sum / Math.max(1, to - from));
    });
    const top = Math.max(...peaks);
    return top ? peaks.map((peak) => peak / top) : peaks;
  } catch {
    return [];
  }
}

/** What all views of one player show. */
function makeShared(model) {
  const shared = { number: 0, name: '', url: '', peaks: [], views: new Set(), play: null };
  shared.tell = (event) => shared.views.forEach((view) => view[event]());
  shared.receive = async (message, buffers) => {
    if (message.type === 'play') [...shared.views][0]?.play();
    if (message.type === 'name') {
      shared.name = message.name;
      shared.tell('name');
    }
    // A page that has this song already goes on playing: another one was opened.
    if (message.type !== 'song' || (message.number === shared.number && !message.play)) return;
    const [bytes] = bytesOf(message, buffers);
    URL.revokeObjectURL(shared.url);
    const url = URL.createObjectURL(new Blob([bytes], { type: message.kind }));
    Object.assign(shared, { number: message.number, name: message.name, url, peaks: [] });
    shared.tell('load');
    if (message.play) [...shared.views][0]?.play();
    // Decoding takes the buffer away.
    const peaks = await peaksOf(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    if (shared.url !== url) return;
    shared.peaks = peaks;
    shared.tell('draw');
  };
  shared.notePlaying = () => {
    const playing = [...shared.views].some((view) => view.isPlaying());
    if (playing === model.get('playing')) return;
    model.set('playing', playing);
    model.save_changes();
  };
  return shared;
}

/** A waveform that shows where a sound plays; a click goes there. */
function makeWave(audio) {
  const { svg, draw } = makePicture(['inside', 'played']);
  const box = make('div', { class: 'mnb-wave-field mnb-wave-song', onclick: (event) => seek(event) }, svg);
  let bars = [];
  const seek = (event) => {
    const { left, width } = box.getBoundingClientRect();
    if (audio.duration) audio.currentTime = ((event.clientX - left) / width) * audio.duration;
  };
  const drawPlayed = () => {
    const share = audio.duration ? audio.currentTime / audio.duration : 0;
    draw(bars, Math.max(1, box.clientWidth), (at) => (at < share ? 'played' : 'inside'));
  };
  const drawBars = (peaks) => {
    box.hidden = !peaks.length;
    bars = barsFor(peaks, Math.max(1, box.clientWidth));
    svg.setAttribute('aria-label', 'The song’s loudness over time');
    drawPlayed();
  };
  return { box, drawBars, drawPlayed };
}

export default () => {
  let shared = null;

  function initialize({ model }) {
    shared = makeShared(model);
    model.on('msg:custom', shared.receive);
    greet(model);
    return () => {
      model.off('msg:custom', shared.receive);
      URL.revokeObjectURL(shared.url);
    };
  }

  function render({ model, el }) {
    el.classList.add('mnb-component', 'mnb-player');
    const audio = make('audio', { controls: true, preload: 'metadata', 'aria-label': 'The song' });
    const link = make('a', { class: 'mnb-button mnb-link' });
    const problem = make('div', { class: 'mnb-component-line mnb-bad', role: 'alert' });
    const wave = makeWave(audio);
    el.append(audio, wave.box, make('div', { class: 'mnb-component-row' }, link), problem);

    const view = {
      load: () => {
        audio.src = shared.url;
        link.href = shared.url;
        view.name();
        view.draw();
      },
      name: () => {
        link.download = shared.name;
        link.textContent = `Download ${shared.name.split('.').pop()}`;
      },
      draw: () => wave.drawBars(shared.peaks),
      play: () => {
        // Once it plays it is laid out, too: until a song is played its card is hidden.
        const show = () => audio.scrollIntoView({ block: 'nearest' });
        const refused = () => say(problem, 'Press play to listen: the browser wants a click first.');
        audio.play().catch(refused).then(show);
      },
      isPlaying: () => !audio.paused && !audio.ended,
    };
    const leave = playAlone(audio);
    for (const event of ['play', 'pause', 'ended']) {
      audio.addEventListener(event, () => {
        shared.notePlaying();
        if (event === 'play') say(problem, '');
      });
    }
    for (const event of ['timeupdate', 'seeked', 'loadedmetadata']) audio.addEventListener(event, wave.drawPlayed);
    shared.views.add(view);
    const unfollow = follow(model, ['problem'], () => say(problem, model.get('problem')));
    const sizes = new ResizeObserver(view.draw);
    sizes.observe(wave.box);
    if (shared.url) view.load();
    return () => {
      shared.views.delete(view);
      shared.notePlaying();
      sizes.disconnect();
      unfollow();
      leave();
      audio.pause();
    };
  }

  return { initialize, render };
};
