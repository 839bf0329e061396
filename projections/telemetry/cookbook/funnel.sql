-- Funnel with times: how many players reach each step, how many of those of the step before, and how long it took.
--
-- A player's time at a step is the first time; the median is over the players who reached both steps, in seconds.
-- The order is that of the view funnels: a step stands before those that most players reached after it.
-- Parameters: game (game_id).
WITH reached AS
(
    SELECT r.player_id AS player_id, f.position AS position, min(r.at) AS first_at
    FROM funnel_steps AS r
    JOIN funnels AS f ON f.game_id = r.game_id AND f.step = r.step
    WHERE r.game_id = {game:String}
    GROUP BY player_id, position
)
SELECT
    f.position AS position,
    any(f.step) AS step,
    uniqExact(here.player_id) AS players,
    countIf(before.player_id != '') AS from_before,
    if(from_before = 0, NULL, quantileExactInclusiveIf(0.5)(
        (toUnixTimestamp64Milli(here.first_at) - toUnixTimestamp64Milli(before.first_at)) / 1000,
        before.player_id != ''
    )) AS median_seconds
FROM funnels AS f
JOIN reached AS here ON here.position = f.position
LEFT JOIN reached AS before ON before.player_id = here.player_id AND before.position + 1 = here.position
WHERE f.game_id = {game:String}
GROUP BY position
ORDER BY position
