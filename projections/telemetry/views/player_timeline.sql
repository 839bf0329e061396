-- Telemetry's part of player_timeline.
SELECT
    studio_id, game_id, player_id, occurred_at AS at, 'telemetry' AS noun, 'event' AS kind,
    toString(event_name) AS name, session_id, properties AS details
FROM events
UNION ALL
SELECT studio_id, game_id, player_id, occurred_at, 'telemetry', 'funnel-step', toString(step_name), session_id, properties
FROM funnel_steps
UNION ALL
SELECT
    studio_id, game_id, player_id, started_at, 'telemetry', 'trajectory', toString(room), session_id,
    toJSONString(map('points', toFloat64(points), 'fps_mean', ifNull(fps_mean, 0)))
FROM performance
UNION ALL
SELECT studio_id, game_id, player_id, recorded_at, 'telemetry', 'session-started', toString(build_id), session_id, metadata
FROM sessions
UNION ALL
SELECT studio_id, game_id, player_id, last_event_at, 'telemetry', 'session-ended', toString(build_id), session_id, ''
FROM sessions
WHERE closed = 1
UNION ALL
SELECT studio_id, game_id, player_id, arrived_at, 'telemetry', 'feedback', toString(form_id), session_id, answers
FROM feedback FINAL
UNION ALL
SELECT studio_id, game_id, player_id, occurred_at, 'telemetry', 'player-created', toString(build_id), '', hardware
FROM players FINAL
