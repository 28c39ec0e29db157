// Padding and reversal: two halves of a bidirectional network read a padded word, with and without
// a mask. Both use the network of step_through.js; padding is read as a letter without a weight.
import { step, UNITS, LETTERS } from "./step_through.js";

export const PADDING = "·";

/** The word, padded on the right to a length. */
export const padded = (word, length) => [...word, ...Array(Math.max(0, length - word.length)).fill(PADDING)];

/** A half's states by position (forward time), and the order in which it reads the positions. */
export function half(row, backward, mask) {
  const order = row.map((_, t) => t);
  if (backward) order.reverse();
  const states = Array(row.length);
  const reads = [];
  let state = Array(UNITS).fill(0);
  for (const t of order) {
    if (!(mask && row[t] === PADDING)) {
      state = step(row[t], state, 1).state;
      reads.push(t);
    }
    states[t] = state;
  }
  return { states, reads };
}

/** What the layer above gets: each half's own last step, or the last column of both. */
export function summary(word, length, mask, take) {
  const row = padded(word, length);
  const forward = half(row, false, mask).states.at(-1);
  const states = half(row, true, mask).states;
  const zero = Array(UNITS).fill(0); // a masked position has no output
  const last = mask && row.at(-1) === PADDING ? zero : states.at(-1);
  return take === "ends"
    ? [...forward, ...states[0]]
    : [...(mask && row.at(-1) === PADDING ? zero : forward), ...last];
}

export const distance = (a, b) => Math.max(...a.map((v, i) => Math.abs(v - b[i])));

const show = (value) => (value < 0 ? "−" : "\u2007") + Math.abs(value).toFixed(3);

export default function mount(stage, options) {
  let word = options.word ?? "oslo";
  let length = options.length ?? 9;
  let mask = false;
  let take = "ends";

  stage.innerHTML = `
    <div class="controls">
      <label>Word <input type="text" class="word" size="10" maxlength="10" spellcheck="false" autocomplete="off" value="${word}"></label>
      <label class="slide">Padded to <span class="length-value"></span>
        <input type="range" class="length" min="1" max="12" step="1" value="${length}"></label>
    </div>
    <div class="controls">
      <label><input type="checkbox" class="mask"> Mask the padding</label>
      <label>The layer above gets
        <select class="take"><option value="ends">each half after its own last step</option>
        <option value="column">the last column of both halves</option></select></label>
    </div>
    <div class="chart"></div>
    <p class="status" aria-live="polite"></p>
    <div class="scroll-x"><table class="measured numbers"><caption class="mathml">What the layer above gets</caption>
      <thead><tr><th scope="col">half, unit</th><th scope="col">padded</th><th scope="col">the word alone</th></tr></thead><tbody></tbody></table></div>`;
  const find = (selector) => stage.querySelector(selector);

  function draw() {
    length = Math.max(length, word.length, 1);
    find(".length").value = length;
    find(".length-value").textContent = length;
    const row = padded(word, length);
    const got = summary(word, length, mask, take);
    const alone = word ? summary(word, word.length, true, "ends") : Array(2 * UNITS).fill(0);
    const off = distance(got, alone);
    find(".chart").innerHTML = chart(row, mask, take);
    find("tbody").innerHTML = got.map((v, i) =>
      `<tr><th scope="row">${i < UNITS ? "forward" : "backward"} ${(i % UNITS) + 1}</th><td>${show(v)}</td><td>${show(alone[i])}</td></tr>`).join("");
    const first = half(row, true, mask).reads[0];
    find(".status").textContent =
      (first === undefined ? "There is nothing to read. " : `The backward half begins with “${row[first]}”. `) +
      (off < 5e-13 ? "The result is that of the word alone." : `Largest difference from the word alone: ${off.toFixed(3)}.`);
    stage.dataset.summary = JSON.stringify(got);
    stage.dataset.off = String(off);
  }

  find(".word").addEventListener("input", (event) => {
    word = [...event.target.value.toLowerCase()].filter((c) => LETTERS.includes(c)).join("");
    draw();
  });
  find(".length").addEventListener("input", (event) => { length = Number(event.target.value); draw(); });
  find(".mask").addEventListener("change", (event) => { mask = event.target.checked; draw(); });
  find(".take").addEventListener("change", (event) => { take = event.target.value; draw(); });
  draw();
}

function chart(row, mask, take) {
  const width = 520, left = 84, cell = (width - left - 8) / 12;
  const x = (t) => left + (t + 0.5) * cell;
  const text = (px, py, label, style, anchor = "middle") =>
    `<text x="${px}" y="${py}" text-anchor="${anchor}" style="font-size:16px;${style}">${label}</text>`;
  const letters = row.map((letter, t) =>
    `<rect x="${x(t) - cell / 2 + 2}" y="70" width="${cell - 4}" height="30" rx="5" fill="none"
      style="stroke:var(--rnn-${letter === PADDING ? "muted" : "input"});stroke-width:1.6"/>
     ${text(x(t), 90, letter, `fill:var(--rnn-${letter === PADDING ? "muted" : "input"});font-size:18px`)}`).join("");
  const line = (backward, y) => {
    const { reads } = half(row, backward, mask);
    const at = take === "ends" ? reads.at(-1) : row.length - 1;
    const numbers = row.map((_, t) => {
      const order = reads.indexOf(t) + 1;
      return text(x(t), y, order || "–", `fill:var(--rnn-${order ? "state" : "muted"})`);
    }).join("");
    const ring = at === undefined ? "" :
      `<circle cx="${x(at)}" cy="${y - 4.5}" r="12" fill="none" style="stroke:var(--rnn-output);stroke-width:2"/>`;
    return text(left - 8, y, backward ? "backward" : "forward", "fill:var(--rnn-state)", "end") + numbers + ring;
  };
  return `<svg viewBox="0 0 ${width} 168" style="max-width:${width}px" role="img"
    aria-label="The padded word, and for each half the order in which it reads the positions; a ring marks the state that the layer above gets">
    ${text(left - 8, 90, "row", "fill:var(--rnn-muted)", "end")}${letters}${line(false, 46)}${line(true, 132)}
    ${text(4, 160, "numbers: the order of reading; ring: what the layer above gets", "fill:var(--rnn-muted);font-size:15px", "start")}</svg>`;
}
