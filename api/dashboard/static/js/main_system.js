/** The operators’ section: what the deployment does. */

import { hosts } from "./fleet/hosts.js";
import { startPage } from "./page.js";
import { projections } from "./panels/projections.js";

startPage([projections, hosts]);
