// Words that light up as they are sung, and one song at a time. Nothing leaves this page.
const CALM = matchMedia('(prefers-reduced-motion: reduce)');
const songs = [...document.querySelectorAll('article')].map((article) => ({
  article,
  audio: article.querySelector('audio'),
  box: article.querySelector('.words'),
  lines: [...article.querySelectorAll('.words p')]
    .map((node) => ({ node, pieces: [...node.querySelectorAll('[data-start]')] }))
    .filter(({ pieces }) => pieces.length),
}));
const all = document.getElementById('all');
let playsAll = false;

function light({ article, audio, box, lines }) {
  const at = audio.ended || (audio.paused && !audio.currentTime) ? null : audio.currentTime;
  const sounds = (first, last) => at !== null && Number(first.dataset.start) <= at && at < Number(last.dataset.end);
  article.classList.toggle('playing', at !== null);
  for (const { node, pieces } of lines) {
    const now = sounds(pieces[0], pieces[pieces.length - 1]);
    if (now && !node.classList.contains('now')) {
      box.scrollTo({ top: node.offsetTop - (box.clientHeight - node.offsetHeight) / 2, behavior: CALM.matches ? 'auto' : 'smooth' });
    }
    node.classList.toggle('now', now);
    for (const piece of pieces) {
      piece.classList.toggle('now', !CALM.matches && sounds(piece, piece));
      piece.classList.toggle('past', at !== null && at >= Number(piece.dataset.end));
    }
  }
}

songs.forEach((song, number) => {
  const { audio } = song;
  let frame = 0;
  const show = () => {
    light(song);
    frame = audio.paused ? 0 : requestAnimationFrame(show);
  };
  for (const event of ['play', 'pause', 'seeked', 'timeupdate', 'ended']) {
    audio.addEventListener(event, () => frame || show());
  }
  audio.addEventListener('play', () => songs.forEach((other) => other !== song && other.audio.pause()));
  audio.addEventListener('ended', () => {
    playsAll = playsAll && number + 1 < songs.length;
    if (playsAll) songs[number + 1].audio.play();
  });
});

all.hidden = songs.length < 2;
all.addEventListener('click', () => {
  playsAll = true;
  songs.forEach(({ audio }) => audio.pause());
  songs[0].audio.currentTime = 0;
  songs[0].audio.play();
});
