-- A player's timeline: what happened to one player, in telemetry, live-ops and playtests, the latest first?
--
-- `details` has all else that was sent, as JSON.
-- Parameters: game (game_id), player (player_id).
SELECT at, noun, kind, name, session_id, details
FROM player_timeline
WHERE game_id = {game:String} AND player_id = {player:String}
ORDER BY at DESC, noun, kind, name, session_id, details
LIMIT 1000
