-- Builds in their order. The order is that of audiences: schemas/studio/builds.py.
CREATE OR REPLACE VIEW views.builds
(
    studio_id     LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id       LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    build_id      String COMMENT 'Build as clients say it',
    position      UInt64 COMMENT 'Place in the order, from 1: builds that begin with a number by version, then the others by first_seen_at',
    first_seen_at DateTime64(3, 'UTC') COMMENT 'First event of a session with it',
    last_seen_at  DateTime64(3, 'UTC') COMMENT 'Last event of a session with it',
    sessions      UInt64 COMMENT 'Sessions that began with it',
    players       UInt64 COMMENT 'Players of these'
)
SQL SECURITY INVOKER
AS
WITH
    extract(build_id, '^[0-9]+(?:[.][0-9]+)*') AS integers,
    substring(build_id, length(integers) + 1) AS suffix,
    arrayStringConcat(arrayMap(
        digits -> concat(leftPad(toString(length(digits)), 3, '0'), digits),
        arrayMap(
            part -> replaceRegexpOne(part, '^0+', ''),
            splitByChar('.', replaceRegexpOne(integers, '(?:[.]0+)+$', ''))
        )
    )) AS version
SELECT
    studio_id, game_id, build_id,
    row_number() OVER (
        PARTITION BY studio_id, game_id
        ORDER BY
            integers = '',
            if(integers = '', '', version),
            if(integers = '', 0, multiIf(suffix = '', 1, startsWith(suffix, '-'), 0, 2)),
            if(integers = '', '', suffix),
            first_seen_at,
            build_id
    ) AS position,
    first_seen_at, last_seen_at, sessions, players
FROM
(
    SELECT
        studio_id, game_id, toString(build_id) AS build_id, min(first_event_at) AS first_seen_at,
        max(last_event_at) AS last_seen_at, uniqExact(session_id) AS sessions, uniqExact(player_id) AS players
    FROM session_parts FINAL
    WHERE spans.size0 > 0
    GROUP BY studio_id, game_id, build_id
)
COMMENT 'Builds that were played, one row each, in their order.'
