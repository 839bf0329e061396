-- Sessions, one row each: what an analyst asks for first.
CREATE OR REPLACE VIEW views.sessions
(
    studio_id             LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id               LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    session_id            String COMMENT 'Session, as in sessions',
    player_id             String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    at                    DateTime64(3, 'UTC') COMMENT 'When it began: startedAt as sent, else its first event',
    ended_at              DateTime64(3, 'UTC') COMMENT 'Its last event so far',
    arrived_at            DateTime64(3, 'UTC') COMMENT 'When the log took its first record',
    build_id              String COMMENT 'Build that the client said first; its place in the order is in builds',
    environment           String COMMENT 'Environment slug; production where none was sent',
    source                String COMMENT 'What sent it, such as unity-telemetry',
    platform              String COMMENT 'metadata.platform of S1; of S4 the os in the player''s hardware. Empty where neither is known',
    country               String COMMENT 'From the proxy''s headers; empty where unknown',
    region                String COMMENT 'Likewise',
    city                  String COMMENT 'Likewise',
    title                 String COMMENT 'As sent; empty where none',
    tester_handle         String COMMENT 'testerHandle; the player''s id where none was sent',
    status                String COMMENT 'pending while it is open, processing once it has ended, analyzed when its insights are written',
    duration_seconds      Float64 COMMENT 'From its first event to its last',
    active_seconds        Float64 COMMENT 'Sum of the gaps of at most 30 s between its events',
    longest_pause_seconds Float64 COMMENT 'Longest gap of more than 30 s between its events; 0 where there is none',
    events                UInt64 COMMENT 'How many events it has, of all kinds',
    crashes               UInt64 COMMENT 'How many of them are called crash',
    event_counts          Map(String, UInt64) COMMENT 'How many of each name; of more than 1,000 names some count as (other)',
    experiments           Map(String, String) COMMENT 'Variant by experiment, as the game said',
    metadata              Map(String, String) COMMENT 'metadata as sent, by field'
)
SQL SECURITY INVOKER
AS
WITH
    arraySort(arrayConcat(
        arrayMap(span -> (span.1, 0), s.spans),
        arrayMap(span -> (span.2, 1), s.spans)
    )) AS edges,
    arrayCumSum(arrayMap(edge -> if(edge.2 = 0, 1, -1), edges)) AS open,
    arrayMap(edge -> edge.1, edges) AS times
SELECT
    s.studio_id AS studio_id, s.game_id AS game_id, s.session_id AS session_id, s.player_id AS player_id,
    s.recorded_at AS at, s.last_event_at AS ended_at, s.first_arrived_at AS arrived_at,
    s.build_id AS build_id, s.environment AS environment, s.source AS source,
    if(s.platform != '', s.platform, p.os) AS platform,
    s.country AS country, s.region AS region, s.city AS city, s.title AS title, s.tester_handle AS tester_handle,
    s.status AS status, s.duration_ms / 1000 AS duration_seconds, s.active_ms / 1000 AS active_seconds,
    arrayMax(arrayMap(
        (here, next, depth) -> if(depth = 0, greatest(next - here, 0), 0),
        times, arrayPushBack(arrayPopFront(times), 0), open
    )) / 1000 AS longest_pause_seconds,
    s.events AS events,
    s.crashes AS crashes,
    s.event_counts AS event_counts,
    JSONExtract(s.experiments, 'Map(String, String)') AS experiments,
    JSONExtract(s.metadata, 'Map(String, String)') AS metadata
FROM sessions AS s
LEFT ANY JOIN
(
    SELECT studio_id, game_id, player_id, JSONExtractString(hardware, 'os') AS os FROM players FINAL
) AS p ON s.studio_id = p.studio_id AND s.game_id = p.game_id AND s.player_id = p.player_id
COMMENT 'Sessions of all telemetry, one row each. Retention, length, crashes and variants begin here.'
