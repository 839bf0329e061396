/** What one panel of this page knows and others go by. */

/** The playtests that are listed, and of which game; null until they were answered. */
export const known = { game: null, orders: [] };

/** The playtest whose slots and applications are shown; null where there is none. */
export function chosen(selection) {
  return known.orders.find(({ id }) => id === selection.playtest) ?? known.orders[0] ?? null;
}

/** The views that a decision changes are asked again at once. */
export const views = [];
export const everythingAgain = () => views.forEach((view) => view.askAgain?.());
