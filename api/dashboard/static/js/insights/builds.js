/** Which builds and environments there are, and which two builds are looked at. */

import { ask } from "../request.js";

const FRESH_MS = 30_000;
let kept = { game: null, at: 0, builds: [], environments: [] };

/** All that pickers offer, and `a` and `b`: what was picked, else the first two of them; "" where there is none. */
export async function buildsOf({ game, a: pickedA, b: pickedB }, signal) {
  if (kept.game !== game || performance.now() - kept.at > FRESH_MS) {
    const { builds, environments } = await ask("choices", { game }, signal);
    kept = { game, at: performance.now(), builds: builds.filter(Boolean), environments: environments.filter(Boolean) };
  }
  const { builds, environments } = kept;
  const b = builds.includes(pickedB) ? pickedB : builds.find((build) => build !== pickedA) ?? "";
  const a = builds.includes(pickedA) ? pickedA : builds.find((build) => build !== b) ?? "";
  return { builds, environments, a, b };
}
