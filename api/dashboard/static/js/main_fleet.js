/** The section of game servers. */

import { builds } from "./fleet/builds.js";
import { log } from "./fleet/log.js";
import { processing } from "./fleet/processing.js";
import { servers } from "./fleet/servers.js";
import { states } from "./fleet/states.js";
import { usage } from "./fleet/usage.js";
import { startPage } from "./page.js";

const STUDIO_KEY_ONLY = "Game servers cost the studio money. Sign out, and sign in with a management key (pl_mgmt_…) to see them.";

startPage([states, servers, usage, log, builds, processing], {
  mayNot: ({ kind }) => (kind === "pl_mgmt" ? null : STUDIO_KEY_ONLY),
});
