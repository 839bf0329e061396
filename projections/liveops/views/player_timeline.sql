-- Live-ops' part of player_timeline: all events that are about a player.
SELECT
    studio_id, game_id, external_id AS player_id, at, 'liveops' AS noun,
    replaceRegexpOne(event, '^liveops[.](.*)[.]v[0-9]+$', '\\1') AS kind,
    multiIf(
        JSONHas(data, 'attempt'), JSONExtractString(data, 'attempt', 'event_key'),
        JSONHas(data, 'movement'), JSONExtractString(data, 'movement', 'key'),
        JSONHas(data, 'grant'), JSONExtractString(data, 'grant', 'trigger'),
        JSONHas(data, 'crate'), JSONExtractString(data, 'crate', 'trigger'),
        JSONExtractString(data, 'event_key')
    ) AS name,
    '' AS session_id, data AS details
FROM liveops_events FINAL
WHERE external_id != ''
