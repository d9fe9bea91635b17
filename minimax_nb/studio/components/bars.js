// A sound as bars: a few paths of one picture, so that themes colour them.

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 72;
const BAR = 4; // px from bar to bar

/** As many bars as the width has room for, each the loudest peak in its stretch. */
function barsFor(peaks, width) {
  const count = Math.max(1, Math.min(Math.floor(width / BAR), peaks.length));
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((i + 1) * peaks.length) / count));
    return Math.max(...peaks.slice(from, to));
  });
}

/** The bars as the text of a path for each kind; `kindAt(share)` names the kind of the bar at that share of the width. */
function paths(bars, width, kinds, kindAt) {
  const text = Object.fromEntries(kinds.map((kind) => [kind, '']));
  bars.forEach((peak, i) => {
    const at = (i + 0.5) / bars.length;
    const half = Math.max(1, (peak * (HEIGHT - 8)) / 2);
    text[kindAt(at)] += `M${(at * width).toFixed(1)} ${(HEIGHT / 2 - half).toFixed(1)}v${(2 * half).toFixed(1)}`;
  });
  return text;
}

/** The picture, and a function that draws bars into it. */
function makePicture(kinds) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('role', 'img');
  svg.setAttribute('height', HEIGHT);
  const lines = kinds.map((kind) => {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', `mnb-wave-${kind}`);
    svg.append(path);
    return [kind, path];
  });
  const draw = (bars, width, kindAt) => {
    svg.setAttribute('width', width);
    const text = paths(bars, width, kinds, kindAt);
    for (const [kind, path] of lines) path.setAttribute('d', text[kind]);
  };
  return { svg, draw };
}
