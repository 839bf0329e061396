-- Last rooms: where do players stop?
--
-- The room of a session is that of its last event that names one. `players` are those who have not come back since:
-- it was their last session of all.
-- Parameters: game (game_id).
WITH ends AS
(
    SELECT player_id, argMax(room, at) AS last_room, max(at) AS ended_at
    FROM events
    WHERE game_id = {game:String} AND room != ''
    GROUP BY player_id, session_id
)
SELECT
    last_room AS room,
    count() AS sessions,
    countIf(ended_at = last_at) AS players,
    round(sessions / sum(sessions) OVER (), 4) AS share
FROM
(
    SELECT last_room, ended_at, max(ended_at) OVER (PARTITION BY player_id) AS last_at FROM ends
)
GROUP BY room
ORDER BY sessions DESC, room
