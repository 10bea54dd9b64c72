import * as api from './api.js';
import { h, icon, toast } from './dom.js';

/** Replays a recording of a session: asciicast v2, drawn from the screen of a terminal emulator. */

const dialog = document.getElementById('replay');
/** Longer pauses are cut: nobody wants to watch somebody think. */
const PAUSE_MAX_S = 1.5;
const SPEEDS = [1, 2, 4];
/** The first 16 colours of a terminal; on a ground that is dark in both colour schemes. */
const PALETTE = [
  ...['#22262b', '#f0847c', '#7fd1a8', '#e3b45c', '#7fb2f0', '#cf9be6', '#6fcfd6', '#d7dbdf'],
  ...['#8b949d', '#ffa49d', '#9fe6c3', '#ffd27f', '#a5cbff', '#e3bcf5', '#94e4ea', '#ffffff'],
];
let stop = () => undefined;

/** Opens the window, which also shows errors. */
export async function openReplay(name, id, title) {
  const body = h('div', { className: 'modal-body' }, h('p', { role: 'status' }, 'Decrypting the recording…'));
  dialog.replaceChildren(
    h('header', {}, [
      h('h2', { id: 'replay-title' }, title),
      h('button', { type: 'button', className: 'bare', 'aria-label': 'Close', onclick: close }, icon('cross')),
    ]),
    body,
  );
  dialog.oncancel = (event) => {
    event.preventDefault();
    close();
  };
  if (!dialog.open) dialog.showModal();
  try {
    const [{ Terminal }, casts] = await Promise.all([import('/page/xterm-headless.js'), api.recordingOf(name, id)]);
    if (!dialog.open) return;
    document.dispatchEvent(new CustomEvent('replayed'));
    if (casts.length === 0) body.replaceChildren(h('p', {}, 'There was no terminal output in this session.'));
    else player(body, Terminal, casts.map(parse));
  } catch (error) {
    body.replaceChildren(h('p', { role: 'alert' }, `The recording cannot be replayed: ${error.message}`));
  }
}

function close() {
  stop();
  dialog.close();
  dialog.replaceChildren();
}

/** Header and events, with long pauses shortened. */
function parse({ name, cast }) {
  const [first, ...lines] = cast.split('\n').filter((line) => line !== '');
  const header = JSON.parse(first);
  const events = [];
  let before = 0;
  let at = 0;
  for (const line of lines) {
    const [time, kind, data] = JSON.parse(line);
    at += Math.min(Math.max(0, time - before), PAUSE_MAX_S);
    before = time;
    if (kind === 'o' || kind === 'r') events.push({ at, kind, data });
  }
  return { name, header, events, length: at };
}

function player(body, Terminal, casts) {
  const screen = h('pre', { className: 'screen', role: 'img', 'aria-label': 'What was on the terminal' });
  const slider = h('input', { type: 'range', min: '0', step: '0.01', 'aria-label': 'Position' });
  const clock = h('span', { className: 'clock' });
  const play = h('button', {
    type: 'button',
    className: 'button primary',
    onclick: () => (running ? pause() : start()),
  });
  const speed = h('select', { 'aria-label': 'Speed', onchange: () => start() }, [
    SPEEDS.map((times) => h('option', { value: String(times) }, `${times}×`)),
  ]);
  const pick = h(
    'select',
    { 'aria-label': 'Which part of the session', onchange: () => choose(Number(pick.value)) },
    casts.map((each, index) => h('option', { value: String(index) }, labelOf(each, index))),
  );
  let cast = casts[0];
  let terminal = null;
  let next = 0;
  let at = 0;
  let running = false;
  let frame = 0;

  const write = (data) => new Promise((resolve) => terminal.write(data, resolve));
  async function goTo(seconds) {
    if (!terminal || seconds < at) {
      terminal = new Terminal({
        ...{ cols: cast.header.width || 80, rows: cast.header.height || 24, allowProposedApi: true, scrollback: 0 },
        // What came without a terminal has bare line feeds.
        convertEol: cast.header.env?.TERM === undefined,
      });
      next = 0;
    }
    at = seconds;
    for (; next < cast.events.length && cast.events[next].at <= seconds; next += 1) {
      const { kind, data } = cast.events[next];
      if (kind === 'o') await write(data);
      else terminal.resize(...data.split('x').map(Number));
    }
    draw(screen, terminal);
    slider.value = String(at);
    clock.textContent = `${at.toFixed(1)} of ${cast.length.toFixed(1)} s`;
  }
  function start() {
    pause();
    running = true;
    play.textContent = 'Pause';
    let last = performance.now();
    const from = at >= cast.length ? 0 : at;
    let position = from;
    const tick = async (now) => {
      position = Math.min(cast.length, position + ((now - last) / 1000) * Number(speed.value));
      last = now;
      await goTo(position);
      if (!running) return;
      if (position >= cast.length) pause();
      else frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
  }
  function pause() {
    running = false;
    cancelAnimationFrame(frame);
    play.textContent = at >= cast.length ? 'Play again' : 'Play';
  }
  async function choose(index) {
    pause();
    cast = casts[index];
    terminal = null;
    at = 0;
    slider.max = String(cast.length);
    await goTo(0);
    start();
  }
  slider.addEventListener('input', () => {
    pause();
    goTo(Number(slider.value)).then(pause);
  });
  stop = pause;
  body.replaceChildren(
    screen,
    h('div', { className: 'controls' }, [play, slider, clock, speed, casts.length > 1 ? pick : null]),
    h('p', { className: 'quiet' }, 'Decrypted with security’s key. Pauses are shortened.'),
  );
  choose(0).catch((error) => toast(error.message));
}

const labelOf = ({ header, name }, index) => header.title || name || `part ${index + 1}`;

function draw(screen, terminal) {
  const { active: buffer } = terminal.buffer;
  const lines = [];
  for (let y = 0; y < terminal.rows; y += 1) {
    const line = buffer.getLine(buffer.viewportY + y);
    lines.push(line ? spans(line, terminal.cols) : [], '\n');
  }
  screen.replaceChildren(...lines.flat());
}

/** Cells that look alike are one span. */
function spans(line, columns) {
  const nodes = [];
  let text = '';
  let look = null;
  const flush = () => {
    if (text !== '') nodes.push(look === null ? text : styled(text, look));
    text = '';
  };
  for (let x = 0; x < columns; x += 1) {
    const cell = line.getCell(x);
    if (!cell || cell.getWidth() === 0) continue;
    const next = lookOf(cell);
    if (next?.key !== look?.key) {
      flush();
      look = next;
    }
    text += cell.getChars() || ' ';
  }
  flush();
  return nodes;
}

function lookOf(cell) {
  if (cell.isAttributeDefault()) return null;
  const front = colour(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor());
  const back = colour(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor());
  const [ink, ground] = cell.isInverse() ? [back ?? '#14171a', front ?? '#d7dbdf'] : [front, back];
  const marks = [
    cell.isBold() && 'bold',
    cell.isDim() && 'dim',
    cell.isItalic() && 'italic',
    cell.isUnderline() && 'under',
  ];
  const names = marks.filter(Boolean).join(' ');
  return { key: `${ink} ${ground} ${names}`, ink, ground, names };
}

function colour(isDefault, isRgb, value) {
  if (isDefault) return null;
  if (isRgb) return `#${value.toString(16).padStart(6, '0')}`;
  if (value < 16) return PALETTE[value];
  if (value >= 232) return `rgb(${Array(3).fill(8 + (value - 232) * 10)})`;
  const level = (n) => (n === 0 ? 0 : 55 + n * 40);
  const index = value - 16;
  return `rgb(${[Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map(level)})`;
}

function styled(text, { ink, ground, names }) {
  const node = h('span', { className: names }, text);
  if (ink) node.style.color = ink;
  if (ground) node.style.background = ground;
  return node;
}
