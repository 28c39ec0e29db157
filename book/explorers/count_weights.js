// Count the weights of an Embedding with SimpleRNN layers on top, and see every shape.

/** One entry per layer, from bottom to top: name, output shape, terms of its weights, their sum. */
export function layers({ vocabulary, D, H, depth, T, sequences }) {
  const result = [
    { name: `Embedding(${vocabulary}, ${D})`, shape: ["B", T, D], terms: [[vocabulary, D]], weights: vocabulary * D },
  ];
  for (let i = 0; i < depth; i++) {
    const input = i === 0 ? D : H;
    const all = i < depth - 1 || sequences;
    result.push({
      name: all ? `SimpleRNN(${H}, return_sequences=True)` : `SimpleRNN(${H})`,
      shape: all ? ["B", T, H] : ["B", H],
      terms: [[input, H], [H, H], [H]],
      weights: input * H + H * H + H,
    });
  }
  return result;
}

const SLIDERS = [
  ["vocabulary", "Vocabulary", 100, 20000, 100],
  ["D", "D, numbers per token", 1, 128, 1],
  ["H", "H, units", 1, 128, 1],
  ["depth", "Recurrent layers", 1, 6, 1],
  ["T", "T, timesteps", 1, 200, 1],
];

export default function mount(stage, options) {
  const state = { vocabulary: 10000, D: 32, H: 32, depth: 1, T: 50, sequences: false, ...options };
  const count = new Intl.NumberFormat("en");
  stage.innerHTML = `
    <div class="controls">${SLIDERS.map(([key, label, min, max, step]) => `<label data-size="${key}" style="flex:1 1 13rem">${label}: <span class="value"></span>
      <input type="range" min="${min}" max="${max}" step="${step}" value="${state[key]}"></label>`).join("")}
      <label><input type="checkbox" class="sequences"> last layer returns the full sequence</label></div>
    <div class="scroll-x"><table class="measured numbers"><caption class="mathml">Layers from bottom to top</caption>
      <thead><tr><th scope="col">layer</th><th scope="col">output shape</th><th scope="col">weights</th><th scope="col">count</th></tr></thead><tbody></tbody></table></div>
    <p class="total" aria-live="polite"></p>`;
  const find = (selector) => stage.querySelector(selector);

  function draw() {
    const all = layers(state);
    const total = all.reduce((sum, layer) => sum + layer.weights, 0);
    for (const label of stage.querySelectorAll("[data-size]"))
      label.querySelector(".value").textContent = count.format(state[label.dataset.size]);
    find("tbody").innerHTML = all.map((layer) => `<tr><th scope="row">${layer.name}</th><td>(${layer.shape.join(", ")})</td>
      <td>${layer.terms.map((term) => term.map((n) => count.format(n)).join(" · ")).join(" + ")}</td><td>${count.format(layer.weights)}</td></tr>`).join("");
    find(".total").textContent = `Together ${count.format(total)} weights, of which ${count.format(total - all[0].weights)} in recurrent layers.`;
    stage.dataset.state = JSON.stringify({ ...state, total, layers: all });
  }

  for (const label of stage.querySelectorAll("[data-size]"))
    label.addEventListener("input", (event) => { state[label.dataset.size] = Number(event.target.value); draw(); });
  find(".sequences").addEventListener("change", (event) => { state.sequences = event.target.checked; draw(); });
  draw();
}
