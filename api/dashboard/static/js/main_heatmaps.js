/** The section of where players are. */

import { startPage } from "./page.js";
import { cell } from "./panels/cell.js";
import { heatmaps } from "./panels/heatmaps.js";
import { models } from "./panels/models.js";

startPage([heatmaps, cell, models], { filters: true });
