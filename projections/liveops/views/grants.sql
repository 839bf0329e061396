-- Grants as they are now.
CREATE OR REPLACE VIEW views.grants
(
    studio_id       LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id         LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id       String COMMENT 'Player: externalId, which is telemetry''s player_id where the game uses one id',
    grant_id        String COMMENT 'Grant',
    kind            String COMMENT 'reward or crate',
    status          String COMMENT 'pending, claimed or expired',
    at              DateTime64(3, 'UTC') COMMENT 'When it was given',
    claimed_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was claimed, of a crate: opened; NULL while it is not',
    expires_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'When a pending one expires; NULL: never',
    trigger         String COMMENT 'Why: completed, a rank, a score, server, or crate for what came out of one',
    entries         Array(Tuple(type String, key String, quantity Int64)) COMMENT 'Items and currencies in it; empty of a crate: what was in it is another grant',
    event_key       String COMMENT 'Event it is of; empty where none',
    attempt_id      String COMMENT 'Attempt it is of; empty where none',
    board_id        String COMMENT 'Leaderboard of a rank''s reward; empty where none',
    rank            Nullable(UInt32) COMMENT 'That rank',
    parent_grant_id String COMMENT 'Crate it came out of; empty where none',
    claimed_by      String COMMENT 'sdk or server; empty while it is not claimed'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, grant_id, last.kind AS kind,
    if(last.status = 'pending' AND expires_at <= now64(3), 'expired', last.status) AS status,
    fromUnixTimestamp64Milli(last.created_at_ms, 'UTC') AS at,
    fromUnixTimestamp64Milli(last.claimed_at_ms, 'UTC') AS claimed_at,
    fromUnixTimestamp64Milli(last.expires_at_ms, 'UTC') AS expires_at,
    last.trigger AS trigger, last.entries AS entries, ifNull(last.event_key, '') AS event_key,
    ifNull(last.attempt_id, '') AS attempt_id, ifNull(last.board_id, '') AS board_id, last.rank AS rank,
    ifNull(last.parent_grant_id, '') AS parent_grant_id, ifNull(last.acked_by, '') AS claimed_by
FROM
(
    SELECT studio_id, game_id, player_id, given.id AS grant_id, argMax(given, place) AS last
    FROM
    (
        SELECT
            studio_id, game_id, external_id AS player_id, (_offset, _index) AS place,
            JSONExtract(arrayJoin(if(
                event = 'liveops.crate-opened.v1',
                [JSONExtractRaw(data, 'crate'), JSONExtractRaw(data, 'contents')],
                [JSONExtractRaw(data, 'grant')]
            )), 'Tuple(id String, kind String, status String, event_key Nullable(String),
                attempt_id Nullable(String), trigger String,
                entries Array(Tuple(type String, key String, quantity Int64)), created_at_ms Int64,
                parent_grant_id Nullable(String), acked_by Nullable(String), claimed_at_ms Nullable(Int64),
                expires_at_ms Nullable(Int64), board_id Nullable(String), rank Nullable(UInt32))') AS given
        FROM liveops_events FINAL
        WHERE event IN ('liveops.grant-created.v1', 'liveops.grant-claimed.v1', 'liveops.crate-opened.v1')
    )
    GROUP BY studio_id, game_id, player_id, grant_id
)
COMMENT 'Rewards and crates, one row each, as they are now. Unclaimed ones have the status pending.'
