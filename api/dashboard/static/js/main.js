/** The page of analytics. */

import { startPage } from "./page.js";
import { builds } from "./panels/builds.js";
import { economy } from "./panels/economy.js";
import { events } from "./panels/events.js";
import { fps } from "./panels/fps.js";
import { funnel } from "./panels/funnel.js";
import { heatmaps } from "./panels/heatmaps.js";
import { leaderboard } from "./panels/leaderboard.js";
import { live } from "./panels/live.js";
import { models } from "./panels/models.js";
import { player } from "./panels/player.js";
import { projections } from "./panels/projections.js";
import { sessions } from "./panels/sessions.js";
import { summary } from "./panels/summary.js";
import { timeline } from "./panels/timeline.js";

startPage([live, summary, timeline, events, funnel, sessions, fps, builds, projections, leaderboard, player, economy, heatmaps, models], { title: "analytics", filters: true });
