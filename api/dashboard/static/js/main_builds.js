/** The section of builds and experiments. */

import { compare } from "./insights/compare.js";
import { comparison } from "./insights/comparison.js";
import { experiments } from "./insights/experiments.js";
import { known } from "./insights/known.js";
import { suggestions } from "./insights/suggestions.js";
import { startPage } from "./page.js";
import { builds } from "./panels/builds.js";
import { fps } from "./panels/fps.js";

known.again = () => experiments.askAgain();
startPage([builds, fps, compare, suggestions, experiments, comparison], { filters: true });
