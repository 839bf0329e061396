/** Which builds and environments there are, and which two builds are looked at. */

import { ask } from "../request.js";

const FRESH_MS = 30_000;
let kept = { game: null, at: 0, builds: [], environments: [], small: [] };

/**
 * All that pickers offer, and `a` and `b`: what was picked, else the first two of them that are not small; "" where
 * there is none.
 */
export async function buildsOf({ game, a: pickedA, b: pickedB }, signal) {
  if (kept.game !== game || performance.now() - kept.at > FRESH_MS) {
    const { builds, environments, small } = await ask("choices", { game }, signal);
    kept = { game, at: performance.now(), builds: builds.filter(Boolean), environments: environments.filter(Boolean), small };
  }
  const { builds, environments, small } = kept;
  const enough = builds.filter((build) => !small.includes(build));
  const b = builds.includes(pickedB) ? pickedB : enough.find((build) => build !== pickedA) ?? "";
  const a = builds.includes(pickedA) ? pickedA : enough.find((build) => build !== b) ?? "";
  return { builds, environments, a, b };
}
