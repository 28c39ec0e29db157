// Train a SimpleRNN and an LSTM on the adding problem, here in the page, and watch their errors.

import { addingProblem, initialise, loss, network, optimiser, random } from "./networks.js";

export const UNITS = 12;
export const BATCH = 16;
export const UNSEEN = 200;
const KINDS = ["rnn", "lstm"];
const NAMES = { rnn: "SimpleRNN", lstm: "LSTM" };

/** Trains both networks on the same sequences; yields their errors on others now and then, beside
 * `guess`, the error of always answering 1 on those. */
export function* training({ timesteps, rate, seed = 1, updates = 600, every = 25 }) {
  const unseen = addingProblem(UNSEEN, timesteps, random(1000));
  const guess = unseen.y.reduce((sum, y) => sum + (1 - y) ** 2, 0) / UNSEEN;
  const next = random(seed);
  const nets = KINDS.map((kind, i) => initialise(network(kind, 2, UNITS), random(100 * seed + i)));
  const update = nets.map((net) => optimiser(net, rate));
  const errors = () => ({
    guess,
    ...Object.fromEntries(KINDS.map((kind, i) => [kind, loss(nets[i], unseen.x, unseen.y, UNSEEN, timesteps)])),
  });
  yield { step: 0, ...errors() };
  for (let step = 1; step <= updates; step++) {
    const { x, y } = addingProblem(BATCH, timesteps, next);
    for (const one of update) one(x, y, BATCH, timesteps);
    yield step % every === 0 || step === updates ? { step, ...errors() } : null;
  }
}

export default function mount(stage, options) {
  const select = (name, values, chosen) =>
    `<select class="${name}">${values.map((v) => `<option${v === chosen ? " selected" : ""}>${v}</option>`).join("")}</select>`;
  stage.innerHTML = `
    <div class="controls">
      <label>Timesteps ${select("timesteps", [10, 20, 40, 80], options.timesteps ?? 40)}</label>
      <label>Learning rate ${select("rate", [0.02, 0.005, 0.002], options.rate ?? 0.02)}</label>
      <label>Updates ${select("updates", [600, 1500, 3000], options.updates ?? 600)}</label>
      <label>Seed ${select("seed", [1, 2, 3, 4, 5], 1)}</label>
      <button type="button" class="start">Train both networks</button>
      <button type="button" class="stop" disabled>Stop</button>
    </div>
    <div class="chart"></div>
    <p class="status" aria-live="polite">Nothing has been trained yet. It takes a few seconds.</p>`;
  const find = (selector) => stage.querySelector(selector);
  const value = (name) => Number(find(`.${name}`).value);
  let points = [];
  let updates = value("updates");
  let running = 0; // the number of the training that may go on

  function draw() {
    find(".chart").innerHTML = chart(points, updates);
  }

  function finish(word, seconds) {
    const last = points.at(-1);
    find(".status").textContent =
      `${word} after ${last.step} updates and ${seconds.toFixed(1)} seconds. Mean squared error on new sequences: ` +
      KINDS.map((kind) => `${NAMES[kind]} ${last[kind].toFixed(4)}`).join(", ") + `. Always answering 1 gives ${last.guess.toFixed(3)}.`;
    const stayed = document.activeElement === find(".stop"); // a disabled button would lose the focus
    find(".start").disabled = false;
    find(".stop").disabled = true;
    if (stayed) find(".start").focus();
    stage.dataset.state = JSON.stringify({ ...last, seconds, done: true });
  }

  function start() {
    const own = ++running;
    updates = value("updates");
    const run = training({ timesteps: value("timesteps"), rate: value("rate"), seed: value("seed"), updates });
    const began = performance.now();
    points = [];
    find(".start").disabled = true;
    find(".stop").disabled = false;
    find(".stop").focus();
    find(".status").textContent = "Training.";
    stage.dataset.state = JSON.stringify({ done: false });
    const seconds = () => (performance.now() - began) / 1000;
    const slice = () => {
      const until = performance.now() + 30; // then let the page draw and react
      let fresh = false;
      while (performance.now() < until) {
        if (own !== running) return finish("Stopped", seconds());
        const { value: point, done } = run.next();
        if (done) {
          draw();
          return finish("Done", seconds());
        }
        if (point) {
          points.push(point);
          fresh = true;
        }
      }
      if (fresh) draw();
      setTimeout(slice);
    };
    slice();
  }

  find(".start").addEventListener("click", start);
  find(".stop").addEventListener("click", () => {
    running += 1;
    find(".start").focus();
  });
  draw();
}

function chart(points, updates) {
  const width = 520, height = 252, left = 60, right = 100, top = 14, base = 200;
  const low = Math.log10(0.0005), high = Math.log10(1);
  const x = (step) => left + (step / updates) * (width - left - right);
  const y = (error) =>
    base - ((Math.min(Math.max(Math.log10(error), low), high) - low) / (high - low)) * (base - top);
  const small = "font-size:16px;fill:var(--rnn-muted)";
  const ticks = [0.001, 0.01, 0.1, 1].map((v) =>
    `<line x1="${left}" x2="${width - right}" y1="${y(v)}" y2="${y(v)}" style="stroke:var(--rnn-line)"/>
     <text x="${left - 8}" y="${y(v) + 4}" text-anchor="end" style="${small}">${v}</text>`).join("");
  const steps = [0, updates / 2, updates].map((v) =>
    `<text x="${x(v)}" y="${base + 22}" text-anchor="middle" style="${small}">${v}</text>`).join("");
  const level = y(points[0]?.guess ?? 1 / 6);
  const guess = `<line x1="${left}" x2="${width - right}" y1="${level}" y2="${level}" style="stroke:var(--rnn-muted);stroke-dasharray:2 3"/>
    <text x="${width - right + 6}" y="${level - 8}" style="${small}">always 1</text>`;
  const lines = [["rnn", "state", ""], ["lstm", "carry", "7 3"]].map(([kind, colour, dash]) => {
    if (!points.length) return "";
    const path = points.map((p) => `${x(p.step).toFixed(1)},${y(p[kind]).toFixed(1)}`).join(" ");
    const end = points.at(-1);
    const shift = kind === "rnn" && Math.abs(y(end.rnn) - level) < 14 ? 8 : 0;
    return `<polyline points="${path}" fill="none" stroke-dasharray="${dash}" style="stroke:var(--rnn-${colour});stroke-width:2.2"/>
      <text x="${x(end.step) + 6}" y="${y(end[kind]) + 4 + shift}" style="font-size:16px;fill:var(--rnn-${colour})">${NAMES[kind]}</text>`;
  }).join("");
  return `<svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img"
    aria-label="Mean squared error of both networks over the updates, on a logarithmic axis; the last values are in the text below">
    ${ticks}${steps}${guess}${lines}
    <text x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle" style="${small}">updates</text></svg>`;
}
