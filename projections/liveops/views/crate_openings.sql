-- Crates with what came out of them and how likely that was.
CREATE OR REPLACE VIEW views.crate_openings
(
    studio_id         LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id           LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id         String COMMENT 'Player: externalId, which is telemetry''s player_id where the game uses one id',
    at                DateTime64(3, 'UTC') COMMENT 'When it was opened',
    crate_grant_id    String COMMENT 'Grant of the crate',
    contents_grant_id String COMMENT 'Grant of what was in it, which is claimed by itself',
    entries           Array(Tuple(type String, key String, quantity Int64)) COMMENT 'Items and currencies in it; empty of a crate: what was in it is another grant',
    row               UInt32 COMMENT 'Row of the crate''s table that was drawn, from 0',
    chance            Nullable(Float64) COMMENT 'Weight of that row in the sum of weights; NULL where the table is not known',
    rows              UInt64 COMMENT 'Rows of that table; 0 where it is not known',
    table_version     String COMMENT 'Table, as version:hash of the definition, or server:hash',
    seed              String COMMENT 'Seed of the roll, hexadecimal',
    trigger           String COMMENT 'Why the crate was given',
    event_key         String COMMENT 'Event it is of; empty where none'
)
SQL SECURITY INVOKER
AS
SELECT
    o.studio_id AS studio_id, o.game_id AS game_id, o.player_id AS player_id, o.at AS at,
    o.crate_grant_id AS crate_grant_id, o.contents.id AS contents_grant_id, o.contents.entries AS entries,
    ifNull(o.contents.roll.row, 0) AS row,
    if(empty(c.weights), NULL, c.weights[row + 1] / arraySum(c.weights)) AS chance,
    length(c.weights) AS rows,
    ifNull(o.contents.roll.table_version, '') AS table_version, ifNull(o.contents.roll.seed, '') AS seed,
    o.trigger AS trigger, o.event_key AS event_key
FROM
(
    SELECT
        studio_id, game_id, external_id AS player_id, at, JSONExtractString(data, 'crate', 'id') AS crate_grant_id,
        JSONExtractString(data, 'crate', 'trigger') AS trigger,
        JSONExtractString(data, 'crate', 'event_key') AS event_key,
        JSONExtract(data, 'contents', 'Tuple(id String,
            entries Array(Tuple(type String, key String, quantity Int64)),
            roll Tuple(table_version Nullable(String), seed Nullable(String), row Nullable(UInt32)))') AS contents
    FROM liveops_events FINAL
    WHERE event = 'liveops.crate-opened.v1'
) AS o
LEFT ANY JOIN
(
    SELECT
        studio_id, game_id, external_id AS player_id, JSONExtractString(data, 'grant', 'id') AS crate_grant_id,
        tupleElement(JSONExtract(data, 'grant', 'table', 'Array(Tuple(weight Float64))'), 'weight') AS weights
    FROM liveops_events FINAL
    WHERE event = 'liveops.grant-created.v1' AND JSONExtractString(data, 'grant', 'kind') = 'crate'
) AS c
ON o.studio_id = c.studio_id AND o.game_id = c.game_id AND o.player_id = c.player_id
    AND o.crate_grant_id = c.crate_grant_id
COMMENT 'Crates that were opened, one row each: what was in them, and its chance.'
