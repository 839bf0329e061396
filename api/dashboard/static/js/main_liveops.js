/** The section of leaderboards, players’ holdings and the economy. */

import { startPage } from "./page.js";
import { economy } from "./panels/economy.js";
import { leaderboard } from "./panels/leaderboard.js";
import { player } from "./panels/player.js";

startPage([leaderboard, player, economy], { filters: true });
