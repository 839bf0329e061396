/** What one panel of this page knows and others go by. */

/** The page of playtests that is listed, and of which game; null until it was answered. */
export const known = { game: null, orders: null };

/** The playtest whose slots and applications are shown; null where there is none. */
export function chosen(selection) {
  const listed = known.orders ?? [];
  return listed.find(({ id }) => id === selection.playtest) ?? listed[0] ?? null;
}

/** The views that a decision changes are asked again at once. */
export const views = [];
export const everythingAgain = () => views.forEach((view) => view.askAgain?.());
