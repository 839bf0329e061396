-- Batches of keys, counted.
CREATE OR REPLACE VIEW views.playtest_batches
(
    studio_id        LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id          LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    batch_id         LowCardinality(String) COMMENT 'Batch',
    at               DateTime64(3, 'UTC') COMMENT 'When its first key was imported or minted',
    keys             UInt64 COMMENT 'Keys in it',
    available        UInt64 COMMENT 'Of them nobody has',
    reserved         UInt64 COMMENT 'Of them reserved for an invite',
    redeemed         UInt64 COMMENT 'Of them redeemed',
    revoked          UInt64 COMMENT 'Of them revoked',
    last_redeemed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the last was redeemed; NULL where none was'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, batch_id, min(created_at) AS at, count() AS keys, countIf(status = 'available') AS available,
    countIf(status = 'reserved') AS reserved, countIf(status = 'redeemed') AS redeemed,
    countIf(status = 'revoked') AS revoked, max(redeemed_at) AS last_redeemed_at
FROM playtest_keys FINAL
GROUP BY studio_id, game_id, batch_id
COMMENT 'Batches of keys, one row each.'
