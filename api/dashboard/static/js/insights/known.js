/** What one panel of this page knows and others go by. */

/** The experiments that are listed, and of which game; null until they were answered. */
export const known = { game: null, experiments: [] };

/** The experiment that is looked at: the one that was picked, else one that runs, else the newest. */
export function chosen(selection) {
  const { experiments } = known;
  return experiments.find(({ id }) => id === selection.experiment) ?? experiments.find(({ status }) => status === "running") ?? experiments[0] ?? null;
}

/** What S1's types of findings are called here. */
export const TYPES = {
  "bug-report": "bug", "stuck-point": "stuck", "difficulty-spike": "difficulty", "ui-friction": "interface", confusion: "confusion",
  "pacing-issue": "pacing", "negative-moment": "bad moment", "positive-moment": "good moment", praise: "praise", "feature-request": "wish",
};
