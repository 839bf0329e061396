/** The page of insights: builds, experiments, testers, feedback. */

import { archetypes } from "./insights/archetypes.js";
import { compare } from "./insights/compare.js";
import { comparison } from "./insights/comparison.js";
import { experiments } from "./insights/experiments.js";
import { feedback } from "./insights/feedback.js";
import { journey } from "./insights/journey.js";
import { known } from "./insights/known.js";
import { suggestions } from "./insights/suggestions.js";
import { testers } from "./insights/testers.js";
import { startPage } from "./page.js";

known.again = () => experiments.askAgain();
startPage([compare, suggestions, experiments, comparison, testers, journey, feedback, archetypes], { title: "insights" });
