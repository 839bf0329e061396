-- What was minted and spent by hour: read at once whatever the size.
CREATE OR REPLACE VIEW views.economy
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id   LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    at        DateTime64(3, 'UTC') COMMENT 'The hour''s begin',
    type      LowCardinality(String) COMMENT 'item or currency',
    key       LowCardinality(String) COMMENT 'Item or currency',
    minted    Int128 COMMENT 'Sum of what was added',
    spent     Int128 COMMENT 'Sum of what was taken, as a positive number'
)
SQL SECURITY INVOKER
AS
SELECT studio_id, game_id, toDateTime64(start, 3, 'UTC') AS at, type, key, sum(e.minted) AS minted, sum(e.spent) AS spent
FROM liveops_economy AS e FINAL
WHERE step = 60
GROUP BY studio_id, game_id, start, type, key
COMMENT 'Minted and spent, one row an hour and key. Single movements are in ledger.'
