/** What charts over time are marked with: builds' first sessions, and the definition's annotations. */

import { ask } from "./request.js";

const FRESH_MS = 30_000;
let kept = { key: "", at: 0, marks: Promise.resolve([]) };

/** `[{at, text}]` of the chosen time, `at` in unix seconds, in order; none where they can't be read. */
function marksOf(selection) {
  const parameters = selection.parameters();
  const key = JSON.stringify(parameters);
  if (kept.key !== key || performance.now() - kept.at > FRESH_MS) {
    const marks = ask("annotations", parameters).then(({ annotations }) => annotations.map(({ at, text }) => ({ at: at / 1000, text })), () => []);
    kept = { key, at: performance.now(), marks };
  }
  return kept.marks;
}

/** A panel's `load`: its endpoint's answer, and the `marks` for its chart. */
export async function withMarks(endpoint, selection, signal, more = {}) {
  const [data, marks] = await Promise.all([ask(endpoint, { ...selection.parameters(), ...more }, signal), marksOf(selection)]);
  return { ...data, marks };
}
