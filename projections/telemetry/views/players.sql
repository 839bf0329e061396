-- Players, joined of what they said of themselves and of their sessions.
CREATE OR REPLACE VIEW views.players
(
    studio_id      LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id        LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id      String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    first_seen_at  DateTime64(3, 'UTC') COMMENT 'First event of any session, or when the player was created',
    last_seen_at   DateTime64(3, 'UTC') COMMENT 'Last event of any session',
    sessions       UInt64 COMMENT 'How many sessions',
    first_build_id String COMMENT 'Build of the first session',
    last_build_id  String COMMENT 'Build of the last session',
    country        String COMMENT 'Country of the latest session that has one; empty where unknown',
    region         String COMMENT 'region as the game sent it; empty where it sent none',
    platform       String COMMENT 'os of the hardware, else the platform of the latest session that has one',
    gpu            String COMMENT 'gpu of the latest hardware; empty where unknown',
    cpu            String COMMENT 'cpu of the latest hardware; empty where unknown',
    ram            String COMMENT 'ram of the latest hardware; empty where unknown',
    hardware       Map(String, String) COMMENT 'All of the latest hardware as sent, by field'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id,
    min(first_at) AS first_seen_at,
    max(last_at) AS last_seen_at,
    uniqExactIf(session_id, is_session) AS sessions,
    argMin(build_id, (NOT is_session, first_at)) AS first_build_id,
    argMax(build_id, (is_session, first_at)) AS last_build_id,
    argMaxIf(session_country, last_at, session_country != '') AS country,
    max(player_region) AS region,
    if(hardware['os'] != '', hardware['os'], argMaxIf(session_platform, last_at, session_platform != '')) AS platform,
    hardware['gpu'] AS gpu,
    hardware['cpu'] AS cpu,
    hardware['ram'] AS ram,
    JSONExtract(max(player_hardware), 'Map(String, String)') AS hardware
FROM
(
    SELECT
        studio_id, game_id, player_id, session_id, true AS is_session, first_event_at AS first_at,
        last_event_at AS last_at, toString(build_id) AS build_id, country AS session_country,
        toString(platform) AS session_platform, '' AS player_region, '' AS player_hardware
    FROM session_parts FINAL WHERE spans.size0 > 0
    UNION ALL
    SELECT
        studio_id, game_id, player_id, '', false, occurred_at, occurred_at, toString(build_id), '', '',
        toString(region), hardware
    FROM players FINAL
)
GROUP BY studio_id, game_id, player_id
COMMENT 'Players of telemetry, one row each: since when, with which builds, where and on what.'
