// The quiz: choosing an answer shows its explanation in the question's <output>, where screen
// readers announce it. Nothing is stored and nothing is sent.
for (const question of document.querySelectorAll(".quiz-question")) {
  const answers = question.querySelector(".quiz-answers");
  const output = question.querySelector("output");
  answers.hidden = true;
  question.addEventListener("change", (event) => {
    const explanation = answers.querySelector(`[data-answer="${event.target.value}"]`).cloneNode(true);
    explanation.querySelector(".quiz-letter").remove();
    output.replaceChildren(explanation);
  });
}
