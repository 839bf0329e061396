-- Time in rooms: how long do players stay in each room?
--
-- A visit ends when the player is seen elsewhere or no more; gaps of more than 30 s do not count. The median is over
-- visits, so that one who comes back is there twice. Over weeks of a large game add a condition on sessions, such as
-- session_id IN (SELECT session_id FROM sessions WHERE build_id = …).
-- Parameters: game (game_id).
SELECT
    room,
    count() AS visits,
    uniqExact(player_id) AS players,
    quantileExactInclusive(0.5)(seconds) AS median_seconds
FROM room_visits
WHERE game_id = {game:String}
GROUP BY room
ORDER BY room
