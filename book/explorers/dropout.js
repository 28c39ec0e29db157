// Dropout masks per timestep or per sequence: units that remember a 1, h_t = mask * h_{t-1}.

export const UNITS = 8;

/** Random numbers in [0, 1) that are the same on every machine (mulberry32). */
export function generator(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** One mask: 0, or 1 / (1 - rate) where scaled, else 1. */
export const mask = (random, rate, scaled) =>
  Array.from({ length: UNITS }, () => (random() >= rate ? (scaled ? 1 / (1 - rate) : 1) : 0));

/** The states after each timestep, (timesteps, UNITS), from a state of ones. */
export function run(seed, rate, timesteps, fresh, scaled) {
  const random = generator(seed);
  const states = [];
  let state = Array(UNITS).fill(1);
  let m = null;
  for (let t = 0; t < timesteps; t += 1) {
    if (fresh || m === null) m = mask(random, rate, scaled);
    state = state.map((h, i) => h * m[i]);
    states.push(state);
  }
  return states;
}

const short = (v) => (v === 0 ? "0" : v < 10 ? v.toFixed(1).replace(/\.0$/, "") : v < 10000 ? v.toFixed(0) : v.toExponential(0).replace("e+", "e"));

export default function mount(stage, options) {
  let seed = options.seed ?? 1;
  let rate = options.rate ?? 0.5;
  let fresh = false;
  let scaled = true;
  const timesteps = 10;

  stage.innerHTML = `
    <div class="controls">
      <label class="slide">Rate: <span class="rate-value"></span>
        <input type="range" class="rate" min="0" max="0.9" step="0.1" value="${rate}"></label>
      <label>Masks <select class="fresh"><option value="same">one for all timesteps</option>
        <option value="fresh">a new one every timestep</option></select></label>
    </div>
    <div class="controls">
      <label><input type="checkbox" class="scaled" checked> Scale what is kept by 1/(1 − rate)</label>
      <button type="button" class="again">Draw again</button>
    </div>
    <div class="chart"></div>
    <p class="status" aria-live="polite"></p>`;
  const find = (selector) => stage.querySelector(selector);

  function draw() {
    const states = run(seed, rate, timesteps, fresh, scaled);
    const last = states.at(-1);
    const left = last.filter((v) => v > 0).length;
    const mean = last.reduce((a, b) => a + b, 0) / UNITS;
    find(".rate-value").textContent = rate.toFixed(1);
    find(".chart").innerHTML = chart(states);
    find(".status").textContent =
      `After ${timesteps} timesteps ${left} of ${UNITS} units still remember. The mean of all units is ${short(mean)}; it began at 1.`;
    stage.dataset.states = JSON.stringify(states);
  }

  find(".rate").addEventListener("input", (event) => { rate = Number(event.target.value); draw(); });
  find(".fresh").addEventListener("change", (event) => { fresh = event.target.value === "fresh"; draw(); });
  find(".scaled").addEventListener("change", (event) => { scaled = event.target.checked; draw(); });
  find(".again").addEventListener("click", () => { seed += 1; draw(); });
  draw();
}

function chart(states) {
  const cell = 38, left = 58, top = 8, width = left + states.length * cell + 8;
  const height = top + UNITS * 26 + 26;
  const text = (x, y, label, style, anchor = "middle") =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" style="${style}">${label}</text>`;
  const rows = Array.from({ length: UNITS }, (_, i) =>
    text(left - 10, top + i * 26 + 17, `unit ${i + 1}`, "fill:var(--rnn-muted);font-size:15px", "end") +
    states.map((state, t) => {
      const kept = state[i] > 0;
      const kind = kept ? "state" : "muted";
      return `<rect x="${left + t * cell + 2}" y="${top + i * 26 + 2}" width="${cell - 4}" height="22" rx="4"
        style="fill:var(--rnn-${kind});fill-opacity:${kept ? 0.25 : 0.06};stroke:var(--rnn-${kind});stroke-opacity:${kept ? 1 : 0.35}"/>` +
        text(left + (t + 0.5) * cell, top + i * 26 + 17, short(state[i]), `fill:var(--rnn-${kept ? "plain" : "muted"});font-size:14px`);
    }).join("")).join("");
  const times = states.map((_, t) => text(left + (t + 0.5) * cell, height - 8, `t=${t + 1}`, "fill:var(--rnn-muted);font-size:14px")).join("");
  return `<svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img"
    aria-label="The state of each of ${UNITS} units after each timestep">${rows}${times}</svg>`;
}
