/** What one panel of this page knows and others go by. */

/** The servers and builds that are listed, and of which game; null until they were answered. */
export const known = { game: null, servers: [], buildsOf: null, builds: [] };

/** The server whose use and log are shown; null where there is none. */
export function chosenServer(selection) {
  return known.servers.find(({ instance_id: id }) => id === selection.server) ?? known.servers[0] ?? null;
}

/** The build whose processing log is shown; null where there is none. */
export function chosenBuild(selection) {
  return known.builds.find(({ build_id: id }) => id === selection.hosted) ?? known.builds[0] ?? null;
}

/** The views that a start or a stop changes are asked again at once. */
export const views = [];
export const everythingAgain = () => views.forEach((view) => view.askAgain?.());
export const askAgain = (...ids) => views.filter(({ id }) => ids.includes(id)).forEach((view) => view.askAgain?.());
