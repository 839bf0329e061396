/** The section of where players are. */

import { startPage } from "./page.js";
import { heatmaps } from "./panels/heatmaps.js";
import { models } from "./panels/models.js";

startPage([heatmaps, models], { filters: true });
