// How much of a gradient is left after some timesteps: the spectral norm of dh_T/dh_t against the
// lag T - t, for a recurrent network of H units with random weights. Keras' layout:
// h_t = f(x_t W + h_{t-1} U), U an orthogonal matrix times a gain.

export const H = 16;
export const D = 4;
const INPUT_SIZE = 0.3; // standard deviation of the inputs

// A small seeded generator (mulberry32): numbers in [0, 1), the same in every browser.
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const ACTIVATIONS = {
  tanh: { f: Math.tanh, slope: (z) => 1 - Math.tanh(z) ** 2, largest: 1 },
  ReLU: { f: (z) => Math.max(z, 0), slope: (z) => (z > 0 ? 1 : 0), largest: 1 },
  "Leaky ReLU": { f: (z) => Math.max(0.1 * z, z), slope: (z) => (z > 0 ? 1 : 0.1), largest: 1 },
  sigmoid: {
    f: (z) => 1 / (1 + Math.exp(-z)),
    slope: (z) => { const s = 1 / (1 + Math.exp(-z)); return s * (1 - s); },
    largest: 0.25,
  },
};

/** Q (H, H) orthogonal, W (D, H) and x (T, D), each an array of rows, for a seed. */
export function network(seed, T) {
  const next = random(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const rows = (count, columns, entry) =>
    Array.from({ length: count }, () => Array.from({ length: columns }, entry));
  const Q = rows(H, H, normal);
  for (let i = 0; i < H; i++) {
    for (let pass = 0; pass < 2; pass++) // twice: the second pass removes the rounding errors
      for (let k = 0; k < i; k++) {
        const dot = Q[i].reduce((sum, value, j) => sum + value * Q[k][j], 0);
        Q[i] = Q[i].map((value, j) => value - dot * Q[k][j]);
      }
    const norm = Math.hypot(...Q[i]);
    Q[i] = Q[i].map((value) => value / norm);
  }
  const limit = Math.sqrt(6 / (D + H));
  const W = rows(D, H, () => (2 * next() - 1) * limit);
  const x = rows(T, D, () => INPUT_SIZE * normal());
  return { Q, W, x };
}

/** The slopes f'(z_t) of every unit, (T, H), while the network reads x from h_0 = 0. */
export function slopes({ Q, W, x }, activation, gain) {
  const { f, slope } = ACTIVATIONS[activation];
  let h = Array(H).fill(0);
  return x.map((input) => {
    const z = Array.from({ length: H }, (_, j) => {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += input[d] * W[d][j];
      for (let k = 0; k < H; k++) sum += h[k] * gain * Q[k][j];
      return sum;
    });
    h = z.map(f);
    return z.map(slope);
  });
}

/** The largest singular value of a matrix (rows), by one-sided Jacobi rotations. */
export function spectralNorm(matrix) {
  const size = Math.max(...matrix.flat().map(Math.abs));
  if (!(size > 0)) return 0;
  const a = matrix.map((row) => row.map((value) => value / size)); // very small numbers survive
  const n = a.length;
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) {
        let pp = 0, qq = 0, pq = 0;
        for (let j = 0; j < n; j++) { pp += a[p][j] ** 2; qq += a[q][j] ** 2; pq += a[p][j] * a[q][j]; }
        if (Math.abs(pq) <= 1e-15 * Math.sqrt(pp * qq) || pq === 0) continue;
        off = Math.max(off, Math.abs(pq) / Math.sqrt(pp * qq));
        const zeta = (qq - pp) / (2 * pq);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t), s = c * t;
        for (let j = 0; j < n; j++) {
          const u = a[p][j], v = a[q][j];
          a[p][j] = c * u - s * v;
          a[q][j] = s * u + c * v;
        }
      }
    if (off < 1e-13) break;
  }
  return size * Math.max(...a.map((row) => Math.hypot(...row)));
}

/** Norms of dh_T/dh_t for lag 0, 1, ..., T. */
export function norms(net, activation, gain) {
  const all = slopes(net, activation, gain);
  // dh_T/dh_t as a matrix that a row vector is multiplied with from the left: J = A_{t+1} ... A_T
  // with A_s[k][j] = gain Q[k][j] f'(z_s)[j].
  let J = net.Q.map((_, i) => net.Q.map((__, j) => (i === j ? 1 : 0)));
  const result = [1];
  for (let t = all.length - 1; t >= 0; t--) {
    const A = net.Q.map((row) => row.map((value, j) => gain * value * all[t][j]));
    J = A.map((row) => J[0].map((_, j) => row.reduce((sum, value, k) => sum + value * J[k][j], 0)));
    result.push(spectralNorm(J));
  }
  return result;
}

const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const power = (n) => "10" + [...String(n)].map((c) => SUPERSCRIPTS[c]).join("");
function show(value) {
  if (value === 0) return "0";
  if (value >= 0.01 && value < 1000) return value.toPrecision(2);
  const exponent = Math.floor(Math.log10(value));
  return `${(value / 10 ** exponent).toFixed(1)} × ${power(exponent)}`;
}

const LARGEST_LAG = 100;

export default function mount(stage, options) {
  const state = { activation: "tanh", gain: 1, lag: 50, seed: 1, ...options };
  let net = network(state.seed, LARGEST_LAG);
  stage.innerHTML = `
    <div class="controls">
      <label>Activation <select class="activation">${Object.keys(ACTIVATIONS)
        .map((name) => `<option${name === state.activation ? " selected" : ""}>${name}</option>`).join("")}</select></label>
      <button type="button" class="again">Other random weights</button>
    </div>
    <div class="controls">
      <label style="flex:1 1 13rem">Gain of U: <span class="gain-value"></span>
        <input type="range" class="gain" min="0.25" max="2.5" step="0.05" value="${state.gain}"></label>
      <label style="flex:1 1 13rem">Lag: <span class="lag-value"></span>
        <input type="range" class="lag" min="1" max="${LARGEST_LAG}" step="1" value="${state.lag}"></label>
    </div>
    <div class="chart"></div>
    <p class="status" aria-live="polite"></p>
    <p class="detail"></p>`;
  const find = (selector) => stage.querySelector(selector);

  function draw() {
    const { activation, gain, lag } = state;
    const values = norms(net, activation, gain);
    const mean = slopes(net, activation, gain).flat().reduce((sum, s) => sum + s, 0) / (LARGEST_LAG * H);
    find(".gain-value").textContent = gain.toFixed(2);
    find(".lag-value").textContent = `${lag} ${lag === 1 ? "timestep" : "timesteps"}`;
    find(".chart").innerHTML = chart(values, lag, gain * ACTIVATIONS[activation].largest);
    const here = values[lag];
    const verdict = here < 1e-3 ? "it has vanished" : here > 1e3 ? "it has exploded" : "it can still be used";
    find(".status").textContent = `Over ${lag} ${lag === 1 ? "timestep" : "timesteps"} the gradient is multiplied by at most ${show(here)}: ${verdict}.`;
    find(".detail").textContent =
      `Mean slope of ${activation} along the way: ${mean.toFixed(2)}. Gain times largest slope: ${(gain * ACTIVATIONS[activation].largest).toFixed(2)}, to the power of ${lag}: ${show((gain * ACTIVATIONS[activation].largest) ** lag)} (dashed line, never exceeded).`;
    stage.dataset.state = JSON.stringify({ ...state, values, mean, net });
  }

  find(".activation").addEventListener("change", (event) => { state.activation = event.target.value; draw(); });
  find(".gain").addEventListener("input", (event) => { state.gain = Number(event.target.value); draw(); });
  find(".lag").addEventListener("input", (event) => { state.lag = Number(event.target.value); draw(); });
  find(".again").addEventListener("click", () => { state.seed += 1; net = network(state.seed, LARGEST_LAG); draw(); });
  draw();
}

function chart(values, lag, bound) {
  const width = 520, height = 260, left = 58, right = 14, top = 12, base = 218;
  const low = -20, high = 10; // powers of ten; smaller and larger values stay at the edge
  const x = (k) => left + (k / (values.length - 1)) * (width - left - right);
  const clip = (v) => Math.min(high, Math.max(low, v));
  const y = (v) => top + ((high - clip(v > 0 ? Math.log10(v) : -Infinity)) / (high - low)) * (base - top);
  const lines = [];
  for (let p = low; p <= high; p += 5)
    lines.push(`<line x1="${left}" x2="${width - right}" y1="${y(10 ** p)}" y2="${y(10 ** p)}" style="stroke:var(--rnn-${p === 0 ? "muted" : "line"})"/>
      <text x="${left - 7}" y="${y(10 ** p) + 4}" text-anchor="end" style="font-size:14px;fill:var(--rnn-plain)">${p === 0 ? "1" : power(p)}</text>`);
  for (let k = 0; k <= 100; k += 20)
    lines.push(`<text x="${x(k)}" y="${base + 17}" text-anchor="middle" style="font-size:14px;fill:var(--rnn-plain)">${k}</text>`);
  const path = (points) => points.map(([k, v]) => `${x(k).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
  const curve = path(values.map((v, k) => [k, v]));
  const straight = path(values.map((_, k) => [k, bound ** k]));
  return `<svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img"
    aria-label="The norm of the gradient against the lag, on a logarithmic axis; the line below gives the number at the chosen lag">
    ${lines.join("")}
    <polyline points="${straight}" fill="none" stroke-dasharray="4 4" style="stroke:var(--rnn-muted);stroke-width:1.5"/>
    <polyline points="${curve}" fill="none" style="stroke:var(--rnn-state);stroke-width:2.4"/>
    <line x1="${x(lag)}" x2="${x(lag)}" y1="${top}" y2="${base}" stroke-dasharray="2 3" style="stroke:var(--rnn-plain)"/>
    <circle cx="${x(lag)}" cy="${y(values[lag])}" r="5" style="fill:var(--rnn-state);stroke:var(--rnn-card);stroke-width:1.5"/>
    <text x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle" style="font-size:15px;fill:var(--rnn-plain)">lag T − t</text></svg>`;
}
