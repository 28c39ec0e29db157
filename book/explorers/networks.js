// A SimpleRNN and an LSTM that can be trained in a page: forward, back-propagation through time,
// Adam. The same letters and layouts as in the chapters: x (B, T, D), W (D, G*H), U (H, G*H),
// b (G*H), gates side by side in Keras' order i, f, c, o. Arrays are flat and hold float64.

const GATES = { rnn: 1, lstm: 4 };

// A small seeded generator (mulberry32): numbers in [0, 1), the same in every browser.
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// The weights of one recurrent layer and of the output (a number: h_T @ V + v), in one flat array.
export function network(kind, D, H) {
  const G = GATES[kind];
  const sizes = { W: D * G * H, U: H * G * H, b: G * H, V: H, v: 1 };
  const theta = new Float64Array(Object.values(sizes).reduce((sum, size) => sum + size));
  const net = { kind, D, H, G, theta };
  let start = 0;
  for (const [name, size] of Object.entries(sizes)) {
    net[name] = theta.subarray(start, start + size);
    start += size;
  }
  return net;
}

// Keras' first weights: W and V glorot-uniform, U with orthonormal rows, b 0 and 1 for forgetting.
export function initialise(net, next) {
  const { D, H, G } = net;
  const uniform = (array, limit) => {
    for (let k = 0; k < array.length; k++) array[k] = (2 * next() - 1) * limit;
  };
  uniform(net.W, Math.sqrt(6 / (D + G * H)));
  uniform(net.V, Math.sqrt(6 / (H + 1)));
  const row = (r) => net.U.subarray(r * G * H, (r + 1) * G * H);
  for (let r = 0; r < H; r++) {
    const own = row(r);
    for (let j = 0; j < own.length; j++)
      own[j] = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    for (let s = 0; s < r; s++) {
      const other = row(s);
      let dot = 0;
      for (let j = 0; j < own.length; j++) dot += own[j] * other[j];
      for (let j = 0; j < own.length; j++) own[j] -= dot * other[j];
    }
    const norm = Math.hypot(...own);
    for (let j = 0; j < own.length; j++) own[j] /= norm;
  }
  net.b.fill(0);
  if (net.kind === "lstm") net.b.fill(1, H, 2 * H);
  net.v[0] = 0;
  return net;
}

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

// The states of all timesteps and the prediction h_T @ V + v of every sequence.
function forward(net, x, B, T) {
  const { kind, D, H, G, W, U, b, V, v } = net;
  const N = G * H;
  const lstm = kind === "lstm";
  const h = new Float64Array((T + 1) * B * H); // (T + 1, B, H), first the zero state
  const c = new Float64Array(lstm ? h.length : 0);
  const gates = new Float64Array(lstm ? T * B * N : 0); // after their activation
  const z = new Float64Array(N);
  for (let t = 0; t < T; t++) {
    for (let n = 0; n < B; n++) {
      z.set(b);
      for (let d = 0; d < D; d++) {
        const value = x[(n * T + t) * D + d];
        if (value !== 0) for (let j = 0; j < N; j++) z[j] += value * W[d * N + j];
      }
      const before = (t * B + n) * H;
      for (let k = 0; t > 0 && k < H; k++) {
        const value = h[before + k];
        for (let j = 0; j < N; j++) z[j] += value * U[k * N + j];
      }
      const after = ((t + 1) * B + n) * H;
      const here = (t * B + n) * N;
      for (let k = 0; k < H; k++) {
        if (!lstm) {
          h[after + k] = Math.tanh(z[k]);
          continue;
        }
        const i = sigmoid(z[k]);
        const f = sigmoid(z[H + k]);
        const candidate = Math.tanh(z[2 * H + k]);
        const o = sigmoid(z[3 * H + k]);
        c[after + k] = f * c[before + k] + i * candidate;
        h[after + k] = o * Math.tanh(c[after + k]);
        gates[here + k] = i;
        gates[here + H + k] = f;
        gates[here + 2 * H + k] = candidate;
        gates[here + 3 * H + k] = o;
      }
    }
  }
  const prediction = new Float64Array(B).fill(v[0]);
  for (let n = 0; n < B; n++)
    for (let k = 0; k < H; k++) prediction[n] += h[(T * B + n) * H + k] * V[k];
  return { h, c, gates, prediction };
}

// Mean squared error of the predictions.
export function loss(net, x, y, B, T) {
  const { prediction } = forward(net, x, B, T);
  return prediction.reduce((sum, p, n) => sum + (p - y[n]) ** 2, 0) / B;
}

// Mean squared error and its gradient, flat like theta: back-propagation through time.
export function lossAndGradient(net, x, y, B, T) {
  const { kind, D, H, G, W, U, b, V, v, theta } = net;
  const N = G * H;
  const lstm = kind === "lstm";
  const { h, c, gates, prediction } = forward(net, x, B, T);
  const gradient = new Float64Array(theta.length);
  const part = (array) => {
    const start = array.byteOffset / 8 - theta.byteOffset / 8;
    return gradient.subarray(start, start + array.length);
  };
  const [dW, dU, db, dV, dv] = [W, U, b, V, v].map(part);
  const dh = new Float64Array(B * H);
  const dc = new Float64Array(B * H);
  let total = 0;
  for (let n = 0; n < B; n++) {
    const last = (T * B + n) * H;
    const error = prediction[n] - y[n];
    total += (error * error) / B;
    const d = (2 * error) / B;
    dv[0] += d;
    for (let k = 0; k < H; k++) {
      dV[k] += d * h[last + k];
      dh[n * H + k] = d * V[k];
    }
  }

  const dz = new Float64Array(N);
  for (let t = T - 1; t >= 0; t--) {
    for (let n = 0; n < B; n++) {
      const before = (t * B + n) * H;
      const after = ((t + 1) * B + n) * H;
      const here = (t * B + n) * N;
      for (let k = 0; k < H; k++) {
        const own = n * H + k;
        if (!lstm) {
          dz[k] = dh[own] * (1 - h[after + k] * h[after + k]);
          continue;
        }
        const i = gates[here + k];
        const f = gates[here + H + k];
        const candidate = gates[here + 2 * H + k];
        const o = gates[here + 3 * H + k];
        const squashed = Math.tanh(c[after + k]);
        const arrives = dc[own] + dh[own] * o * (1 - squashed * squashed);
        dz[k] = arrives * candidate * i * (1 - i);
        dz[H + k] = arrives * c[before + k] * f * (1 - f);
        dz[2 * H + k] = arrives * i * (1 - candidate * candidate);
        dz[3 * H + k] = dh[own] * squashed * o * (1 - o);
        dc[own] = arrives * f;
      }
      for (let j = 0; j < N; j++) db[j] += dz[j];
      for (let d = 0; d < D; d++) {
        const value = x[(n * T + t) * D + d];
        if (value !== 0) for (let j = 0; j < N; j++) dW[d * N + j] += value * dz[j];
      }
      for (let k = 0; k < H; k++) {
        const value = h[before + k];
        let sum = 0;
        for (let j = 0; j < N; j++) {
          dU[k * N + j] += value * dz[j];
          sum += U[k * N + j] * dz[j];
        }
        dh[n * H + k] = sum;
      }
    }
  }
  return { loss: total, gradient };
}

// One update with Adam, after clipping the gradient to a norm of 1. Returns the loss before it.
export function optimiser(net, rate = 0.01) {
  const m = new Float64Array(net.theta.length);
  const s = new Float64Array(net.theta.length);
  let step = 0;
  return (x, y, B, T) => {
    const { loss: before, gradient } = lossAndGradient(net, x, y, B, T);
    let square = 0;
    for (const g of gradient) square += g * g;
    const scale = Math.min(1, 1 / Math.sqrt(square));
    step += 1;
    const size = (rate * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    for (let k = 0; k < gradient.length; k++) {
      const g = gradient[k] * scale;
      m[k] += 0.1 * (g - m[k]);
      s[k] += 0.001 * (g * g - s[k]);
      net.theta[k] -= (size * m[k]) / (Math.sqrt(s[k]) + 1e-7);
    }
    return before;
  };
}

// The adding problem: x (B, T, 2) flat, y (B): the sum of the two marked numbers.
export function addingProblem(B, T, next) {
  const x = new Float64Array(B * T * 2);
  const y = new Float64Array(B);
  const half = Math.floor(T / 2);
  for (let n = 0; n < B; n++) {
    for (let t = 0; t < T; t++) x[(n * T + t) * 2] = next();
    for (const t of [Math.floor(next() * half), half + Math.floor(next() * (T - half))]) {
      x[(n * T + t) * 2 + 1] = 1;
      y[n] += x[(n * T + t) * 2];
    }
  }
  return { x, y };
}
