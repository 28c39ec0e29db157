// Step through the loop: a recurrent network of three units reads a word, one letter a step.
// Everything is computed here, with h_t = tanh(s (W x_t + U h_{t-1} + b)); s is the slider's scale.

export const UNITS = 3;
export const LETTERS = "abcdefghijklmnopqrstuvwxyz";

// Weights by a formula: no training, of both signs, and the same on every machine.
export const weight = (i, j, phase) => Math.sin(1.7 * (i + 1) * (j + 1) + phase);
export const W = rows(UNITS, LETTERS.length, (i, j) => 0.9 * weight(i, j, 0.3)); // (H, D)
export const U = rows(UNITS, UNITS, (i, j) => 0.8 * weight(i, j, 2.1)); // (H, H)
export const b = [0.1, -0.1, 0.05]; // (H,)

function rows(count, columns, entry) {
  return Array.from({ length: count }, (_, i) => Array.from({ length: columns }, (_, j) => entry(i, j)));
}

const product = (matrix, vector) =>
  matrix.map((row) => row.reduce((sum, value, j) => sum + value * vector[j], 0));

/** One timestep: the terms of the sum, the sum, and the new state, each of length H. */
export function step(letter, state, scale) {
  const x = [...LETTERS].map((other) => (other === letter ? 1 : 0)); // (D,) one-hot
  const fromInput = product(W, x).map((v) => scale * v);
  const fromState = product(U, state).map((v) => scale * v);
  const bias = b.map((v) => scale * v);
  const sum = fromInput.map((v, i) => v + fromState[i] + bias[i]);
  return { fromInput, fromState, bias, sum, state: sum.map(Math.tanh) };
}

/** All steps of a word, from the state 0. */
export function read(word, scale) {
  const steps = [];
  let state = Array(UNITS).fill(0);
  for (const letter of word) {
    steps.push(step(letter, state, scale));
    state = steps.at(-1).state;
  }
  return steps;
}

const KINDS = ["state", "plain", "muted"]; // units have no colours of their own
const DASHES = ["", "6 3", "2 3"];
const show = (value) => (value < 0 ? "−" : " ") + Math.abs(value).toFixed(3);

export default function mount(stage, options) {
  let word = options.word ?? "dinamarca";
  let scale = options.scale ?? 1;
  let at = 0; // how many letters have been read

  stage.innerHTML = `
    <div class="controls">
      <label>Word <input type="text" class="word" size="14" maxlength="16" spellcheck="false" autocomplete="off" value="${word}"></label>
      <button type="button" class="reset">Start again</button>
      <button type="button" class="back">Back</button>
      <button type="button" class="next">Read next letter</button>
    </div>
    <div class="controls">
      <label class="slide">Scale of all weights: <span class="scale-value"></span>
        <input type="range" class="scale" min="0.25" max="8" step="0.25" value="${scale}"></label>
    </div>
    <div class="chart"></div>
    <p class="status" aria-live="polite"></p>
    <div class="scroll-x"><table class="measured numbers"><caption class="mathml">The terms of this step</caption>
      <thead><tr><th scope="col">unit</th><th scope="col">W x</th><th scope="col">U h</th>
      <th scope="col">b</th><th scope="col">sum</th><th scope="col">tanh</th></tr></thead><tbody></tbody></table></div>`;
  const find = (selector) => stage.querySelector(selector);

  function draw() {
    const steps = read(word, scale);
    const now = at > 0 ? steps[at - 1] : null;
    find(".chart").innerHTML = chart(word, steps, at);
    find("tbody").innerHTML = KINDS.map((kind, i) => {
      const cells = now
        ? [now.fromInput[i], now.fromState[i], now.bias[i], now.sum[i], now.state[i]].map((v) => `<td>${show(v)}</td>`)
        : ["–", "–", "–", "–", show(0)].map((v) => `<td>${v}</td>`);
      return `<tr><th scope="row" class="k-${kind}" style="color:var(--k)">${i + 1}</th>${cells.join("")}</tr>`;
    }).join("");
    find(".status").textContent = now
      ? `Step ${at} of ${word.length}, read “${word[at - 1]}”. State: ${now.state.map(show).join(", ")}.`
      : "Nothing has been read. The state is 0, 0, 0.";
    find(".scale-value").textContent = scale.toFixed(2);
    find(".back").disabled = find(".reset").disabled = at === 0;
    find(".next").disabled = at >= word.length;
    stage.dataset.state = JSON.stringify(now ? now.state : Array(UNITS).fill(0));
  }

  find(".word").addEventListener("input", (event) => {
    word = [...event.target.value.toLowerCase()].filter((c) => LETTERS.includes(c)).join("");
    at = Math.min(at, word.length);
    draw();
  });
  find(".scale").addEventListener("input", (event) => { scale = Number(event.target.value); draw(); });
  find(".reset").addEventListener("click", () => { at = 0; draw(); find(".next").focus(); });
  find(".back").addEventListener("click", () => { at -= 1; draw(); });
  find(".next").addEventListener("click", () => { at += 1; draw(); });
  draw();
}

function chart(word, steps, at) {
  const width = 520, height = 190, left = 34, right = 20, top = 14, base = 150;
  const x = (t) => left + (t / Math.max(word.length, 1)) * (width - left - right);
  const y = (value) => (top + base) / 2 - (value * (base - top)) / 2;
  const axis = [-1, 0, 1].map((v) =>
    `<line x1="${left}" x2="${width - right}" y1="${y(v)}" y2="${y(v)}" style="stroke:var(--rnn-line)"/>
     <text x="${left - 8}" y="${y(v) + 4}" text-anchor="end" style="fill:var(--rnn-muted);font-size:12px">${v < 0 ? "−1" : v}</text>`).join("");
  const letters = [...word].map((letter, t) =>
    `<text x="${x(t + 1)}" y="${base + 24}" text-anchor="middle" style="font-size:16px;${
      t + 1 === at ? "font-weight:700;fill:var(--rnn-input)" : t < at ? "fill:var(--rnn-plain)" : "fill:var(--rnn-muted);opacity:.6"
    }">${letter}</text>`).join("");
  const lines = KINDS.map((kind, i) => {
    const points = [[x(0), y(0)], ...steps.slice(0, at).map((s, t) => [x(t + 1), y(s.state[i])])];
    const dots = points.map(([px, py]) => `<circle cx="${px}" cy="${py}" r="3.5" style="fill:var(--rnn-${kind})"/>`).join("");
    return `<polyline points="${points.map((p) => p.join(",")).join(" ")}" fill="none" stroke-dasharray="${DASHES[i]}"
      style="stroke:var(--rnn-${kind});stroke-width:2"/>${dots}
      <text x="${points.at(-1)[0] + 8}" y="${points.at(-1)[1] + 4}" style="fill:var(--rnn-${kind});font-size:13px">${i + 1}</text>`;
  }).join("");
  return `<svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img"
    aria-label="The three units of the state after each letter read; their values are in the table below">${axis}${letters}${lines}</svg>`;
}
