-- Named events of one day's sessions.
INSERT INTO events
(
    studio_id, game_id, build_id, environment, source, event_name, session_id, player_id, room, x, y, occurred_at,
    arrived_at, properties, identity, _partition, _offset, _index
)
WITH
    sipHash64(number, place) AS any,
    [
        'enemy_killed', 'shot_fired', 'item_picked', 'door_opened', 'damage_taken', 'player_death', 'weapon_changed',
        'checkpoint', 'secret_found', 'menu_opened', 'level_completed', 'level_failed', 'setting_changed', 'error'
    ] AS names,
    at_ms + place * pace_ms + intDiv(place, 25) * 45000 AS happened_ms
SELECT
    studio_id, game_id, build_id, 'production', 'unity-telemetry',
    multiIf(
        place = 0, 'level_started',
        place = events - 1 AND crashed, 'crash',
        names[1 + toUInt64(14 * pow((any % 1009) / 1009, 2))]
    ),
    session_id, player_id, concat('E1M', toString(1 + intDiv(place * (reach + 1), events))),
    (any % 997 + intDiv(any, 997) % 997) / 2, (intDiv(any, 1000000) % 997 + intDiv(any, 1000000000) % 997) / 2,
    fromUnixTimestamp64Milli(happened_ms, 'UTC'), fromUnixTimestamp64Milli(happened_ms + any % 3000, 'UTC'),
    concat(
        '{"weapon":"', ['fist', 'pistol', 'shotgun', 'chaingun'][1 + any % 4], '","damage":', toString(any % 100),
        ',"ammo":', toString(any % 50), '}'
    ),
    0, 0, number, place
FROM bench_sessions ARRAY JOIN range(events) AS place
WHERE day = {day:UInt16}
