/** The section of players, their sessions and what they say. */

import { archetypes } from "./insights/archetypes.js";
import { feedback } from "./insights/feedback.js";
import { journey } from "./insights/journey.js";
import { testers } from "./insights/testers.js";
import { startPage } from "./page.js";
import { active } from "./panels/active.js";
import { funnel } from "./panels/funnel.js";
import { retention } from "./panels/retention.js";
import { session } from "./panels/session.js";
import { sessions } from "./panels/sessions.js";

startPage([sessions, funnel, active, retention, testers, journey, session, feedback, archetypes], { filters: true });
