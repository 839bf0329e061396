-- Keys that were redeemed, with the player behind the handle.
CREATE OR REPLACE VIEW views.playtest_redemptions
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id   LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id String COMMENT 'Device that the handle was linked to: telemetry''s player_id; empty where none was',
    batch_id  LowCardinality(String) COMMENT 'Batch',
    key_id    String COMMENT 'Key; its code is nowhere here',
    at        DateTime64(3, 'UTC') COMMENT 'When it was redeemed',
    handle    String COMMENT 'Handle of the tester; empty where none, or forgotten',
    country   LowCardinality(String) COMMENT 'Country it was redeemed from; empty where unknown'
)
SQL SECURITY INVOKER
AS
SELECT
    k.studio_id AS studio_id, k.game_id AS game_id, l.device_id AS player_id, k.batch_id AS batch_id, k.id AS key_id,
    assumeNotNull(k.redeemed_at) AS at, k.handle AS handle, k.country AS country
FROM (SELECT * FROM playtest_keys FINAL WHERE redeemed_at IS NOT NULL) AS k
LEFT ANY JOIN (SELECT * FROM tester_links FINAL WHERE unlinked_at IS NULL) AS l
ON k.studio_id = l.studio_id AND k.game_id = l.game_id AND k.id = l.key_id
COMMENT 'Redemptions of keys, one row each.'
