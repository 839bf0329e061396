/** The section of playtests. */

import { startPage } from "./page.js";
import { applications } from "./playtests/applications.js";
import { batches } from "./playtests/batches.js";
import { credit } from "./playtests/credit.js";
import { orders } from "./playtests/orders.js";
import { reviews } from "./playtests/reviews.js";
import { slots } from "./playtests/slots.js";

const STUDIO_KEY_ONLY = "Playtests and their money are the studio’s. Sign out, and sign in with a management key (pl_mgmt_…) to see them.";

startPage([credit, reviews, orders, slots, applications, batches], {
  mayNot: ({ kind }) => (kind === "pl_mgmt" ? null : STUDIO_KEY_ONLY),
});
