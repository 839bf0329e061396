-- The sessions as readers see them: how many events and crashes there were is summed by itself, so that only who asks
-- for the counts by name has them added name by name.
CREATE OR REPLACE VIEW sessions
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id LowCardinality(String) COMMENT 'Game',
    session_id String COMMENT 'Session id as sent',
    player_id String COMMENT 'deviceId or player_id',
    tester_handle String COMMENT 'testerHandle, else the device id',
    title String COMMENT 'title as sent',
    source String COMMENT 'Telemetry source',
    build_id String COMMENT 'Build',
    environment String COMMENT 'Environment slug',
    platform String COMMENT 'metadata.platform',
    metadata String COMMENT 'JSON of metadata as sent',
    experiments String COMMENT 'JSON of experiment tags as sent',
    country String COMMENT 'From the proxy''s headers; empty where unknown',
    region String COMMENT 'From the proxy''s headers; empty where unknown',
    city String COMMENT 'From the proxy''s headers; empty where unknown',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'startedAt as sent',
    first_event_at DateTime64(3, 'UTC') COMMENT 'Time of the first event',
    last_event_at DateTime64(3, 'UTC') COMMENT 'Time of the last event',
    first_arrived_at DateTime64(3, 'UTC') COMMENT 'LogAppendTime of the first record',
    event_counts Map(String, UInt64) COMMENT 'How many events of each name; of more than 1,000 names of a part some count as (other)',
    events UInt64 COMMENT 'How many events of all names',
    crashes UInt64 COMMENT 'How many events called crash',
    spans Array(Tuple(Int64, Int64)) COMMENT 'Runs of events of all parts, unix ms; they may overlap. Of more than 1,000 of a part the oldest are joined',
    ended UInt8 COMMENT '1 once ended: true was sent',
    closed UInt8 COMMENT '1 once ended or due',
    duration_ms Int64 COMMENT 'From the first event to the last',
    active_ms Int64 COMMENT 'Sum of the gaps of at most 30 s between consecutive events; events that come late into the oldest of more than 1,000 spans of a part add nothing',
    duration_seconds UInt64 COMMENT 'duration_ms in whole seconds, halves up',
    active_seconds UInt64 COMMENT 'active_ms in whole seconds, halves up',
    status String COMMENT 'pending while open, processing once ended, analyzed when insights are written',
    recorded_at DateTime64(3, 'UTC') COMMENT 'started_at, else first_event_at',
    session_hash String COMMENT 'Public id of a session whose own id does not start with sess_'
)
AS
WITH
    arraySort(arrayConcat(
        arrayMap(span -> (span.1, 0), all_spans),
        arrayMap(span -> (span.2 + 30000, 1), all_spans)
    )) AS edges,
    arrayCumSum(arrayMap(edge -> if(edge.2 = 0, 1, -1), edges)) AS depth,
    arraySum((edge, open) -> multiIf(open = 0, edge.1, edge.2 = 0 AND open = 1, -edge.1, 0), edges, depth)
        - 30000 * countEqual(depth, 0) AS covered_ms
SELECT
    studio_id, game_id, session_id,
    player_id, tester_handle, title, source, build_id, environment, platform, metadata, experiments,
    country, region, city,
    started_at, first_event_at, last_event_at, first_arrived_at,
    event_counts, events, crashes, all_spans AS spans,
    ended, closed,
    toUnixTimestamp64Milli(last_event_at) - toUnixTimestamp64Milli(first_event_at) AS duration_ms,
    greatest(covered_ms - all_idle_ms, longest_active_ms) AS active_ms,
    intDiv(duration_ms + 500, 1000)::UInt64 AS duration_seconds,
    intDiv(active_ms + 500, 1000)::UInt64 AS active_seconds,
    multiIf(
        closed = 0, 'pending',
        (studio_id, game_id, session_id) IN (
            SELECT studio_id, game_id, session_id FROM insights FINAL WHERE type = 'session-summary' AND removed = 0
        ), 'analyzed',
        'processing'
    ) AS status,
    coalesce(started_at, first_event_at) AS recorded_at,
    concat('sess_', substring(lower(hex(SHA256(concat(game_id, char(10), session_id)))), 1, 32)) AS session_hash
FROM
(
    SELECT
        studio_id, game_id, session_id,
        argMin(p.player_id, p._partition) AS player_id,
        argMin(p.tester_handle, p._partition) AS tester_handle,
        argMinIf(p.title, p._partition, p.title != '') AS title,
        argMin(p.source, p._partition) AS source,
        argMin(p.build_id, p._partition) AS build_id,
        argMin(p.environment, p._partition) AS environment,
        argMinIf(p.platform, p._partition, p.platform != '') AS platform,
        argMinIf(p.metadata, p._partition, p.metadata NOT IN ('', '{}')) AS metadata,
        argMinIf(p.experiments, p._partition, p.experiments NOT IN ('', '{}')) AS experiments,
        argMinIf(p.country, p._partition, p.country != '') AS country,
        argMinIf(p.region, p._partition, p.region != '') AS region,
        argMinIf(p.city, p._partition, p.city != '') AS city,
        min(p.started_at) AS started_at,
        min(p.first_event_at) AS first_event_at,
        max(p.last_event_at) AS last_event_at,
        min(p.first_arrived_at) AS first_arrived_at,
        sumMap(p.event_counts) AS event_counts,
        sum(arraySum(mapValues(p.event_counts))) AS events,
        sum(p.event_counts['crash']) AS crashes,
        arraySort(arrayFlatten(groupArray(p.spans))) AS all_spans,
        sum(p.idle_ms) AS all_idle_ms,
        max(p.part_active_ms) AS longest_active_ms,
        max(p.ended) AS ended,
        max(p.closed) AS closed
    FROM session_parts AS p FINAL
    WHERE p.spans.size0 > 0
    GROUP BY studio_id, game_id, session_id
)
COMMENT 'Sessions with their wall and active seconds and their status (pending while open, processing once ended, analyzed when insights are written). spans are of all parts and may overlap; session_hash is the public id of a session whose own id does not start with sess_.'
