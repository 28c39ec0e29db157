// A task, its wiring, the shape of every array, and which inputs an answer can know.
// The same rules as in chapter 3: a cell reads, an output layer answers, an answer may be fed back.

export const TASKS = {
  "one to one": { example: "first letter → language", reads: ["S"], writes: ["Finnish"], fixed: ["T", "S"] },
  "many to one": { example: "name → language", reads: [..."Suomi"], writes: ["Finnish"], fixed: ["S"] },
  "many to many, equal": {
    example: "date → the part each character belongs to",
    reads: [..."2.Mai"], writes: ["day", "–", "month", "month", "month"], fixed: ["S"],
  },
  "one to many": { example: "language → a name", reads: ["<de>"], writes: [..."Sarisch"], fixed: ["T"] },
  "many to many, unequal": {
    example: "written date → ISO date", reads: [..."7. Juni"], writes: [..."2026-06-07"], fixed: [],
  },
};

/**
 * One entry per timestep: what it reads ("input", "start", "fed back") and whether an answer is
 * taken there. `cell` is 0, or 1 for a decoder. T inputs; S answers where their number is free.
 */
export function timesteps(task, T, S) {
  const steps = (count, entry) => Array.from({ length: count }, (_, t) => entry(t));
  switch (task) {
    case "one to one":
      return [{ reads: "input", answers: true, cell: 0 }];
    case "many to one":
      return steps(T, (t) => ({ reads: "input", answers: t === T - 1, cell: 0 }));
    case "many to many, equal":
      return steps(T, () => ({ reads: "input", answers: true, cell: 0 }));
    case "one to many":
      return steps(S, (t) => ({ reads: t ? "fed back" : "input", answers: true, cell: 0 }));
    case "many to many, unequal":
      return [
        ...steps(T, () => ({ reads: "input", answers: false, cell: 0 })),
        ...steps(S, (t) => ({ reads: t ? "fed back" : "start", answers: true, cell: 1 })),
      ];
    default:
      throw new Error(`no such task: ${task}`);
  }
}

/** Which timesteps' inputs the answer of timestep `at` can know: found by following the arrows. */
export function known(task, T, S, at) {
  const steps = timesteps(task, T, S);
  const seen = new Set();
  const todo = [at];
  while (todo.length) {
    const t = todo.pop();
    if (seen.has(t)) continue;
    seen.add(t);
    if (t > 0) todo.push(t - 1); // the state; a fed back answer comes from there as well
  }
  return steps.map((step, t) => seen.has(t) && step.reads === "input");
}

/** The shape of every array, the number of weights and of terms in the loss. */
export function shapes(task, { B, T, S, D, H, K }) {
  const steps = timesteps(task, T, S);
  const answers = steps.filter((step) => step.answers).length;
  const many = answers > 1 || task.startsWith("many to many") || task === "one to many";
  const last = task === "many to one" || task === "one to one";
  const arrays = [];
  const add = (name, what, ...shape) => arrays.push({ name, what, shape });
  if (task === "one to many") add("tokens", "the start token of each sequence", B);
  else add("x", "what is read", B, task === "one to one" ? 1 : T, D);
  if (task === "many to many, unequal") {
    add("h_T", "encoder's last state, the decoder's first", B, H);
    add("h", "the decoder's states", B, S, H);
  } else if (last) add("h_T", "the last state", B, H);
  else add("h", "all states", B, answers, H);
  add("y", "logits", ...(many ? [B, answers, K] : [B, K]));
  const cells = task === "many to many, unequal" ? ["encoder's ", "decoder's "] : [""];
  for (const cell of cells) {
    add("W", `${cell}kernel`, D, H);
    add("U", `${cell}recurrent kernel`, H, H);
    add("b", `${cell}bias`, H);
  }
  add("V", "output layer", H, K);
  add("c", "its bias", K);
  const size = (array) => array.shape.reduce((product, n) => product * n, 1);
  const weights = arrays.filter((a) => "WUbVc".includes(a.name)).reduce((sum, a) => sum + size(a), 0);
  return { arrays, weights, terms: B * answers };
}

const KIND = { x: "input", tokens: "input", h: "state", h_T: "state", y: "output" };
const SLIDERS = [
  ["B", "B, sequences in a batch", 1, 64],
  ["T", "T, timesteps read", 1, 10],
  ["S", "T′, timesteps written", 1, 10],
  ["D", "D, numbers per token", 1, 64],
  ["H", "H, units", 1, 128],
  ["K", "K, classes or tokens", 2, 100],
];

export default function mount(stage, options) {
  const state = { task: options.task ?? "many to many, equal", B: 8, T: 5, S: 5, D: 16, H: 32, K: 12, at: 2 };
  const count = new Intl.NumberFormat("en");
  stage.innerHTML = `
    <div class="controls"><label style="flex:1 1 100%;min-width:0">Task <select class="task" style="max-width:100%">${Object.entries(TASKS)
      .map(([name, task]) => `<option value="${name}"${name === state.task ? " selected" : ""}>${name}: ${task.example}</option>`)
      .join("")}</select></label></div>
    <div class="chart"></div>
    <div class="controls"><label>Answer number <span class="at-value"></span>
      <input type="range" class="at" min="1" step="1"></label></div>
    <p class="status" aria-live="polite"></p>
    <div class="controls">${SLIDERS.map(([key, label, min, max]) => `<label class="slide" data-size="${key}" style="flex:1 1 13rem">${label}: <span class="value"></span>
      <input type="range" min="${min}" max="${max}" step="1" value="${state[key]}"></label>`).join("")}</div>
    <div class="scroll-x"><table class="measured numbers"><caption class="mathml">The shape of every array</caption>
      <thead><tr><th scope="col">array</th><th scope="col" class="words">what it is</th><th scope="col">shape</th></tr></thead><tbody></tbody></table></div>
    <p class="count" aria-live="polite"></p>`;
  const find = (selector) => stage.querySelector(selector);

  function draw() {
    const { task, T, S } = state;
    const steps = timesteps(task, T, S);
    const answers = steps.flatMap((step, t) => (step.answers ? [t] : []));
    state.at = Math.min(state.at, answers.length - 1);
    const reach = known(task, T, S, answers[state.at]);
    find(".chart").innerHTML = chart(task, steps, reach, answers[state.at]);
    const slider = find(".at");
    slider.max = answers.length;
    slider.value = state.at + 1;
    slider.disabled = answers.length === 1;
    find(".at-value").textContent = `${state.at + 1} of ${answers.length}`;
    const inputs = steps.filter((step) => step.reads === "input").length;
    const reached = reach.filter(Boolean).length;
    find(".status").textContent =
      `Answer ${state.at + 1} of ${answers.length} can know ${reached} of ${inputs} ${inputs === 1 ? "input" : "inputs"}` +
      (reached < inputs ? `: nothing of the last ${inputs - reached}.` : ".");
    for (const label of stage.querySelectorAll("[data-size]")) {
      label.querySelector(".value").textContent = state[label.dataset.size];
      label.hidden = TASKS[task].fixed.includes(label.dataset.size);
    }
    const { arrays, weights, terms } = shapes(task, state);
    find("tbody").innerHTML = arrays.map(({ name, what, shape }) => {
      const kind = KIND[name] ?? "weight";
      return `<tr><th scope="row" class="k-${kind}" style="color:var(--k)">${name}</th><td class="words">${what}</td><td>(${shape.join(", ")}${shape.length === 1 ? "," : ""})</td></tr>`;
    }).join("");
    find(".count").textContent =
      `${count.format(weights)} weights, whatever the length. ${count.format(terms)} ${terms === 1 ? "term" : "terms"} in the loss of a batch.`;
    stage.dataset.state = JSON.stringify({ ...state, reach, weights, terms, arrays });
  }

  find(".task").addEventListener("change", (event) => {
    state.task = event.target.value;
    state.T = Math.min(TASKS[state.task].reads.length, 10);
    state.S = Math.min(TASKS[state.task].writes.length, 10);
    for (const key of "TS") find(`[data-size="${key}"] input`).value = state[key];
    draw();
  });
  find(".at").addEventListener("input", (event) => { state.at = event.target.value - 1; draw(); });
  for (const label of stage.querySelectorAll("[data-size]"))
    label.addEventListener("input", (event) => { state[label.dataset.size] = Number(event.target.value); draw(); });
  draw();
}

function chart(task, steps, reach, at) {
  const gap = Math.min(92, 500 / steps.length);
  const size = Math.min(20, gap * 0.32); // half a box
  const width = 520, height = 212, top = 36, middle = 106, bottom = 176;
  const left = (width - (steps.length - 1) * gap) / 2;
  const font = Math.max(12, Math.min(16, gap * 0.36));
  const { reads, writes } = TASKS[task];
  let input = 0, answer = 0, out = "";
  const wire = (points, kind, dashed, faint) => {
    const [x1, y1] = points.at(-1), [x0, y0] = points.at(-2);
    const long = Math.hypot(x1 - x0, y1 - y0) || 1, ux = (x1 - x0) / long, uy = (y1 - y0) / long;
    const tip = [[x1, y1], [x1 - 8 * ux - 4 * uy, y1 - 8 * uy + 4 * ux], [x1 - 8 * ux + 4 * uy, y1 - 8 * uy - 4 * ux]];
    const body = [...points.slice(0, -1), [x1 - 5 * ux, y1 - 5 * uy]];
    out += `<g style="opacity:${faint ? 0.25 : 1}"><polyline points="${body.map((p) => p.join(",")).join(" ")}" fill="none"
      style="stroke:var(--rnn-${kind});stroke-width:1.8" ${dashed ? 'stroke-dasharray="4 4"' : ""}/>
      <polygon points="${tip.map((p) => p.join(",")).join(" ")}" style="fill:var(--rnn-${kind})"/></g>`;
  };
  const words = (x, y, text, kind, faint, bold) => {
    const small = Math.min(font, (gap * 1.75) / Math.max(text.length, 2));
    out += `<text x="${x}" y="${y + small * 0.35}" text-anchor="middle" style="font-size:${Math.max(small, 11)}px;fill:var(--rnn-${kind});opacity:${faint ? 0.4 : 1};font-weight:${bold ? 700 : 400}">${text.replace("<", "&lt;")}</text>`;
  };
  steps.forEach((step, t) => {
    const x = left + t * gap, used = t <= at;
    out += `<rect x="${x - size}" y="${middle - size}" width="${2 * size}" height="${2 * size}" rx="6"
      style="stroke:var(--rnn-state);stroke-width:1.7;fill:var(--rnn-state);fill-opacity:${used ? 0.22 : 0.05};stroke-opacity:${used ? 1 : 0.4}"/>`;
    if (t) wire([[x - gap + size, middle], [x - size, middle]], "state", false, !used);
    if (step.reads === "input") {
      wire([[x, bottom - 12], [x, middle + size]], "input", false, !reach[t]);
      words(x, bottom, reads[input % reads.length], "input", !reach[t], reach[t]);
      input += 1;
    } else if (step.reads === "start") {
      wire([[x, bottom - 12], [x, middle + size]], "input", true, !used);
      words(x, bottom, "start", "input", !used, false);
    } else {
      const half = x - gap / 2;
      wire([[x - gap + Math.min(10, gap / 4), top], [half, top], [half, middle + size + 16], [x, middle + size + 16], [x, middle + size]], "output", true, !used);
    }
    if (step.answers) {
      wire([[x, middle - size], [x, top + 12]], "output", false, t !== at && !(used && steps[t + 1]?.reads === "fed back" && t < at));
      words(x, top, writes[answer % writes.length], "output", t !== at, t === at);
      answer += 1;
    }
    if (step.cell && !steps[t - 1].cell)
      out += `<line x1="${x - gap / 2}" x2="${x - gap / 2}" y1="62" y2="${height - 10}" stroke-dasharray="3 4" style="stroke:var(--rnn-muted)"/>
        <text x="${x - gap / 2 - 8}" y="${height - 6}" text-anchor="end" style="font-size:14px;fill:var(--rnn-muted)">encoder</text>
        <text x="${x - gap / 2 + 8}" y="${height - 6}" style="font-size:14px;fill:var(--rnn-muted)">decoder</text>`;
  });
  return `<svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img"
    aria-label="The wiring of ${task}: ${steps.length} timesteps; the line below says which inputs the chosen answer can know">${out}</svg>`;
}
