-- Session lengths by build: how long do players stay, and how much of that do they play?
--
-- Lengths are from the first event to the last; `active` leaves out pauses of more than 30 s. A tenth of the sessions
-- is longer than `tenth_longest_seconds`. Builds stand in their order.
-- Parameters: game (game_id).
SELECT
    b.position AS position,
    s.build_id AS build_id,
    count() AS sessions,
    quantileExactInclusive(0.5)(s.duration_seconds) AS median_seconds,
    quantileExactInclusive(0.9)(s.duration_seconds) AS tenth_longest_seconds,
    quantileExactInclusive(0.5)(s.active_seconds) AS median_active_seconds
FROM sessions AS s
JOIN builds AS b ON b.game_id = s.game_id AND b.build_id = s.build_id
WHERE s.game_id = {game:String}
GROUP BY position, build_id
ORDER BY position
