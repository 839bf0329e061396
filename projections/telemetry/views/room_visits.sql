-- Time in rooms: what else takes a window over all positions.
CREATE OR REPLACE VIEW views.room_visits
(
    studio_id  LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id    LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id  String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    session_id String COMMENT 'Session, as in sessions',
    room       String COMMENT 'Room or level',
    at         DateTime64(3, 'UTC') COMMENT 'When the player was first seen in it, this time',
    left_at    DateTime64(3, 'UTC') COMMENT 'When the player was first seen elsewhere; else when they were last seen',
    seconds    Float64 COMMENT 'Time in it, without gaps of more than 30 s',
    number     UInt64 COMMENT 'Position among the visits of the session, from 1'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, session_id, room, min(here_at) AS at, max(next_at) AS left_at,
    sumIf(gap_ms, gap_ms <= 30000) / 1000 AS seconds, visit AS number
FROM
(
    SELECT
        studio_id, game_id, player_id, session_id, room, here_at, next_at,
        toUnixTimestamp64Milli(next_at) - toUnixTimestamp64Milli(here_at) AS gap_ms,
        sum(changed) OVER (
            PARTITION BY studio_id, game_id, player_id, session_id ORDER BY here_at, room
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS visit
    FROM
    (
        SELECT
            studio_id, game_id, player_id, session_id, room, here_at,
            leadInFrame(here_at, 1, here_at) OVER (
                PARTITION BY studio_id, game_id, player_id, session_id ORDER BY here_at, room
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS next_at,
            toUInt64(room != lagInFrame(room, 1, '') OVER (
                PARTITION BY studio_id, game_id, player_id, session_id ORDER BY here_at, room
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            )) AS changed
        FROM
        (
            SELECT studio_id, game_id, player_id, session_id, toString(room) AS room, occurred_at AS here_at
            FROM events WHERE room NOT IN ('', 'unknown')
            UNION ALL
            SELECT studio_id, game_id, player_id, session_id, toString(room), occurred_at
            FROM positions WHERE room NOT IN ('', 'unknown')
        )
    )
)
GROUP BY studio_id, game_id, player_id, session_id, room, visit
COMMENT 'Visits to rooms, one row each, by events and positions that name a room.'
