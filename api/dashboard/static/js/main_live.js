/** The section of what happens now. */

import { startPage } from "./page.js";
import { event } from "./panels/event.js";
import { events } from "./panels/events.js";
import { live } from "./panels/live.js";
import { summary } from "./panels/summary.js";
import { timeline } from "./panels/timeline.js";

startPage([live, summary, timeline, events, event], { filters: true });
