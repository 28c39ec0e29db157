// Drive a gated cell by hand: set its gates, make a step, watch what it keeps and what it shows.
// One unit. What could be stored at each timestep is given by a tape of inputs.

export const TAPE = [0.8, -0.5, 0.6, 0.3, -0.9, 0.7, -0.2, 0.5, -0.6, 0.4, 0.9, -0.3];

/** One step of an LSTM's unit with given gates: the candidate is read from the tape. */
export function lstmStep({ c }, { f, i, o }, candidate) {
  const kept = f * c;
  const added = i * candidate;
  return { kept, added, c: kept + added, h: o * Math.tanh(kept + added) };
}

/** One step of a GRU's unit, in the form of the slides: h = (1 - z) h + z tanh(x + r h). */
export function gruStep({ h }, { z, r }, x) {
  const candidate = Math.tanh(x + r * h);
  const kept = (1 - z) * h;
  const added = z * candidate;
  return { candidate, kept, added, h: kept + added };
}

const CELLS = {
  lstm: {
    step: lstmStep,
    gates: { f: ["forget gate f", 1], i: ["input gate i", 1], o: ["output gate o", 0] },
    presets: {
      Write: { f: 0, i: 1, o: 0 }, Keep: { f: 1, i: 0, o: 0 }, Add: { f: 1, i: 1, o: 0 },
      Leak: { f: 0.7, i: 0, o: 0 }, Show: { f: 1, i: 0, o: 1 },
    },
    lines: { c: ["cₜ", "carry", ""], h: ["hₜ", "state", "7 3"] },
    memory: "c",
    tape: "candidate c̃",
    rows: (s, g, x) => [
      ["f · c", `${show(g.f)} · ${show(s.before.c)}`, s.kept],
      ["i · c̃", `${show(g.i)} · ${show(x)}`, s.added],
      ["new c, the sum", "", s.c],
      ["h = o · tanh(c)", `${show(g.o)} · ${show(Math.tanh(s.c))}`, s.h],
    ],
    survives: (gates) => gates.reduce((product, g) => product * g.f, 1),
    goal: "Goal: store the first candidate, 0.8, keep it through all twelve steps, and let nothing out before the last.",
    reached: (steps) =>
      steps.length === TAPE.length && Math.abs(steps.at(-1).c - TAPE[0]) < 0.05 && steps.at(-1).h > 0.6 &&
      steps.slice(0, -1).every((s) => Math.abs(s.h) < 0.05),
  },
  gru: {
    step: gruStep,
    gates: { z: ["update gate z", 1], r: ["reset gate r", 1] },
    presets: {
      Replace: { z: 1, r: 0 }, Keep: { z: 0, r: 1 }, Mix: { z: 0.5, r: 1 }, "As SimpleRNN": { z: 1, r: 1 },
    },
    lines: { h: ["hₜ", "state", ""] },
    memory: "h",
    tape: "input x",
    rows: (s, g, x) => [
      ["candidate h̃", `tanh(${show(x)} + ${show(g.r)} · ${show(s.before.h)})`, s.candidate],
      ["(1 − z) · h", `${show(1 - g.z)} · ${show(s.before.h)}`, s.kept],
      ["z · h̃", `${show(g.z)} · ${show(s.candidate)}`, s.added],
      ["new h, the sum", "", s.h],
    ],
    survives: (gates) => gates.reduce((product, g) => product * (1 - g.z), 1),
    goal: "Goal: after step 1 the state is tanh(0.8) = 0.66. Keep it through step 5. At step 6 replace it by tanh(0.7) = 0.60, and keep that to the end.",
    reached: (steps) =>
      steps.length === TAPE.length &&
      steps.every((s, t) => Math.abs(s.h - Math.tanh(t < 5 ? TAPE[0] : TAPE[5])) < 0.02),
  },
};

const show = (value) => (value < -0.0005 ? "−" : "") + Math.abs(value).toFixed(2);

export default function mount(stage, options) {
  const cell = CELLS[options.cell ?? "lstm"];
  const names = Object.keys(cell.gates);
  let steps = []; // what each step gave
  let set = []; // how its gates stood

  stage.innerHTML = `
    <p class="goal">${cell.goal}</p>
    <div class="controls sliders">${names.map((name) => `
      <label class="slide">${cell.gates[name][0]}: <span class="value-${name}"></span>
        <input type="range" class="gate-${name}" min="0" max="1" step="0.05" value="${cell.gates[name][1]}"></label>`).join("")}
    </div>
    <div class="controls presets" role="group" aria-label="Settings of all gates">${Object.keys(cell.presets).map((p) =>
      `<button type="button" data-preset="${p}">${p}</button>`).join("")}</div>
    <div class="controls">
      <button type="button" class="next">Make a step</button>
      <button type="button" class="back">Take it back</button>
      <button type="button" class="reset">Start again</button>
    </div>
    <div class="chart"></div>
    <p class="status" aria-live="polite"></p>
    <div class="scroll-x"><table class="measured numbers"><caption class="mathml">The terms of the last step</caption>
      <thead><tr><th scope="col">term</th><th scope="col">with numbers</th><th scope="col">value</th></tr></thead><tbody></tbody></table></div>`;
  const find = (selector) => stage.querySelector(selector);
  const controls = () => Object.fromEntries(names.map((name) => [name, Number(find(`.gate-${name}`).value)]));

  function draw() {
    const at = steps.length;
    const last = steps.at(-1);
    for (const name of names) find(`.value-${name}`).textContent = controls()[name].toFixed(2);
    find(".chart").innerHTML = chart(cell, steps, set);
    find("tbody").innerHTML = last
      ? cell.rows(last, set.at(-1), TAPE[at - 1]).map(([term, how, value]) =>
          `<tr><th scope="row">${term}</th><td>${how}</td><td>${show(value)}</td></tr>`).join("")
      : "";
    find("table").hidden = !last;
    const next = at < TAPE.length ? ` Next ${cell.tape}: ${show(TAPE[at])}.` : "";
    const names_ = Object.keys(cell.lines);
    find(".status").textContent = last
      ? `Step ${at} of ${TAPE.length}: ${names_.map((name) => `${name} = ${show(last[name])}`).join(", ")}. ` +
        `Of a small change in the first ${cell.memory}, this part is left on the direct way: ${cell.survives(set.slice(1)).toFixed(3)}.` +
        (cell.reached(steps) ? " You have reached the goal." : next)
      : `Nothing is stored.${next}`;
    find(".back").disabled = find(".reset").disabled = at === 0;
    find(".next").disabled = at >= TAPE.length;
    stage.dataset.state = JSON.stringify({ step: at, ...(last ?? { c: 0, h: 0 }), reached: cell.reached(steps) });
  }

  for (const name of names) find(`.gate-${name}`).addEventListener("input", draw);
  for (const button of stage.querySelectorAll("[data-preset]"))
    button.addEventListener("click", () => {
      const values = cell.presets[button.dataset.preset];
      for (const name of names) find(`.gate-${name}`).value = values[name];
      draw();
    });
  find(".next").addEventListener("click", () => {
    const before = steps.at(-1) ?? { c: 0, h: 0 };
    const gates = controls();
    set.push(gates);
    steps.push({ before, ...cell.step(before, gates, TAPE[steps.length]) });
    draw();
    if (find(".next").disabled) find(".reset").focus(); // a disabled button would lose the focus
  });
  find(".back").addEventListener("click", () => {
    steps.pop();
    set.pop();
    draw();
    if (!steps.length) find(".next").focus();
  });
  find(".reset").addEventListener("click", () => { steps = []; set = []; draw(); find(".next").focus(); });
  draw();
}

function chart(cell, steps, set) {
  const names = Object.keys(cell.gates);
  const width = 520, left = 66, right = 40, top = 14, base = 170;
  const height = base + 26 + 22 * names.length;
  const limit = Math.max(1, ...steps.flatMap((s) => [Math.abs(s.c ?? 0), Math.abs(s.h)]));
  const x = (t) => left + (t / TAPE.length) * (width - left - right);
  const y = (value) => (top + base) / 2 - (value / limit / 2) * (base - top);
  const small = "font-size:16px;fill:var(--rnn-muted)";
  const axis = [-limit, 0, limit].map((v) =>
    `<line x1="${left}" x2="${width - right}" y1="${y(v)}" y2="${y(v)}" style="stroke:var(--rnn-line)"/>
     <text x="${left - 8}" y="${y(v) + 4}" text-anchor="end" style="${small}">${v < 0 ? "−" : ""}${Math.abs(v).toFixed(limit > 1 ? 1 : 0)}</text>`).join("");
  const tape = TAPE.map((value, t) =>
    `<rect x="${x(t + 1) - 4}" y="${y(value) - 4}" width="8" height="8" style="fill:${
      t < steps.length ? "var(--rnn-input)" : "none"};stroke:var(--rnn-input);opacity:${t < steps.length ? 0.55 : 1}"/>`).join("");
  const lines = Object.entries(cell.lines).map(([name, [label, colour, dash]]) => {
    const points = [[x(0), y(0)], ...steps.map((s, t) => [x(t + 1), y(s[name])])];
    const [ex, ey] = points.at(-1);
    const named = steps.length > 0;
    return `<polyline points="${points.map((p) => p.join(",")).join(" ")}" fill="none" stroke-dasharray="${dash}" style="stroke:var(--rnn-${colour});stroke-width:2.4"/>
      ${points.map(([px, py]) => `<circle cx="${px}" cy="${py}" r="3.2" style="fill:var(--rnn-${colour})"/>`).join("")}
      ${named ? `<text x="${ex + 9}" y="${ey + (name === "h" && cell.lines.c ? 19 : -6)}" style="font-size:18px;fill:var(--rnn-${colour})">${label}</text>` : ""}`;
  }).join("");
  const bars = names.map((name, row) => {
    const middle = base + 26 + 22 * row;
    return `<text x="${left - 8}" y="${middle + 5}" text-anchor="end" style="font-size:16px;fill:var(--rnn-gate)">${name}</text>` +
      TAPE.map((_, t) => {
        const value = set[t]?.[name];
        return `<rect x="${x(t + 1) - 13}" y="${middle - 8}" width="26" height="16" rx="3" style="fill:var(--rnn-gate);fill-opacity:${
          value === undefined ? 0 : 0.06 + 0.7 * value};stroke:var(--rnn-${value === undefined ? "line" : "gate"})"/>`;
      }).join("");
  }).join("");
  return `<svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img"
    aria-label="What the cell keeps and shows after each step, the tape of inputs as squares, and below them how the gates stood">${axis}${tape}${lines}${bars}</svg>`;
}
