-- What was minted and spent, by minute and by hour, so that an economy of any size is read at once.
-- A row says everything of its time up to an offset: written again, in whatever cuts, it says the same.
CREATE TABLE IF NOT EXISTS liveops_economy
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game',
    step        UInt16 COMMENT 'Minutes that the row stands for: 1 or 60. Every movement is in one row of each',
    start       DateTime('UTC') COMMENT 'When they begin',
    type        LowCardinality(String) COMMENT 'item or currency',
    key         LowCardinality(String) COMMENT 'itemKey or economyKey',
    minted      Int128 COMMENT 'Sum of what was added',
    spent       Int128 COMMENT 'Sum of what was taken, as a positive number',
    _partition  UInt16 COMMENT 'Partition of liveops.events: players of one partition',
    next_offset UInt64 COMMENT 'Movements of records before it are in the sums'
)
ENGINE = ReplacingMergeTree(next_offset) ORDER BY (game_id, step, start, type, key, _partition)
SETTINGS auto_statistics_types = ''
COMMENT 'Minted and spent by currency and item. Read with FINAL, one step at a time.'
