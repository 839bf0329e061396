-- Time in rooms: what else takes a window over all positions.
--
-- Moments are gathered into arrays: by session and room first, then by session. There the lower 20 bits of each say
-- which of the session's rooms it is, in the order of names, so that plain numbers are sorted; a million rooms a session
-- and times until the year 2248 fit.
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
    studio_id, game_id, player_id, session_id, rooms[visit_place] AS room,
    fromUnixTimestamp64Milli(visit_ms, 'UTC') AS at, fromUnixTimestamp64Milli(visit_left_ms, 'UTC') AS left_at,
    (spent_after_ms - spent_before_ms) / 1000 AS seconds, toUInt64(visit_number) AS number
FROM
(
    WITH
        arrayMap(moment -> bitShiftRight(moment, 20), moments) AS times,
        arrayMap(moment -> bitAnd(moment, 1048575), moments) AS places,
        arrayMap((here, before) -> here != before, places, arrayPushFront(arrayPopBack(places), 0)) AS changed,
        arrayMap(
            (here, next) -> if(next - here <= 30000, next - here, 0),
            times, arrayPushBack(arrayPopFront(times), times[-1])
        ) AS gaps,
        arrayCumSum(gaps) AS spent
    SELECT
        studio_id, game_id, player_id, session_id, rooms,
        arrayFilter((place, new) -> new, places, changed) AS visit_places,
        arrayFilter((time, new) -> new, times, changed) AS visits_ms,
        arrayFilter((sum, new) -> new, arrayMap((sum, gap) -> sum - gap, spent, gaps), changed) AS spent_ms,
        arrayPushBack(arrayPopFront(visits_ms), times[-1]) AS visits_left_ms,
        arrayPushBack(arrayPopFront(spent_ms), spent[-1]) AS spent_then_ms
    FROM
    (
        SELECT
            studio_id, game_id, player_id, session_id,
            arraySort(groupArray((room, times_ms))) AS by_room,
            tupleElement(by_room, 1) AS rooms,
            arraySort(arrayFlatten(arrayMap(
                (times, place) -> arrayMap(time -> time * 1048576 + place, times),
                tupleElement(by_room, 2), arrayEnumerate(by_room)
            ))) AS moments
        FROM
        (
            SELECT
                studio_id, game_id, player_id, session_id, room,
                groupArray(toUnixTimestamp64Milli(occurred_at)) AS times_ms
            FROM
            (
                SELECT studio_id, game_id, player_id, session_id, room, occurred_at
                FROM events WHERE room NOT IN ('', 'unknown')
                UNION ALL
                SELECT studio_id, game_id, player_id, session_id, room, occurred_at
                FROM positions WHERE room NOT IN ('', 'unknown')
            )
            GROUP BY studio_id, game_id, player_id, session_id, room
        )
        GROUP BY studio_id, game_id, player_id, session_id
    )
)
ARRAY JOIN
    visit_places AS visit_place, visits_ms AS visit_ms, visits_left_ms AS visit_left_ms, spent_ms AS spent_before_ms,
    spent_then_ms AS spent_after_ms, arrayEnumerate(visit_places) AS visit_number
COMMENT 'Visits to rooms, one row each, by events and positions that name a room.'
