-- Live-ops: what Redis does not keep for ever. Every row says by its key which fact it is, so that writing one
-- twice changes nothing; read with FINAL.
CREATE TABLE IF NOT EXISTS liveops_ledger
(
    studio_id     LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id       LowCardinality(String) COMMENT 'Game',
    external_id   String COMMENT 'Player',
    number        UInt64 COMMENT 'Position in the player''s ledger, from 1, without gaps',
    type          LowCardinality(String) COMMENT 'item or currency',
    key           LowCardinality(String) COMMENT 'itemKey or economyKey',
    amount        Int64 COMMENT 'What was added; negative for what was taken',
    balance       Int64 COMMENT 'Balance or holding after it',
    cause         LowCardinality(String) COMMENT 'debit, credit, consume, item_grant or claim',
    reason        String COMMENT 'What the caller said',
    command_id    String COMMENT 'Command that moved it',
    grant_id      String COMMENT 'Grant it came from; empty where none',
    table_version String COMMENT 'Crate table it was rolled from; empty where none',
    seed          String COMMENT 'Seed of the roll; empty where none',
    at            DateTime64(3, 'UTC') COMMENT 'Effective time'
)
ENGINE = ReplacingMergeTree ORDER BY (game_id, external_id, number)
SETTINGS auto_statistics_types = ''
COMMENT 'Every movement of every balance and holding. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS liveops_final_entries
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game',
    event_key   LowCardinality(String) COMMENT 'Event',
    window_id   LowCardinality(String) COMMENT 'Window',
    board_id    String COMMENT 'Leaderboard',
    rank        UInt32 COMMENT 'Frozen rank, from 1',
    external_id String COMMENT 'Player, or bot',
    is_bot      Bool COMMENT 'Whether it is a bot',
    score       Float64 COMMENT 'Final score',
    achieved_at DateTime64(3, 'UTC') COMMENT 'When the score got its value'
)
ENGINE = ReplacingMergeTree ORDER BY (board_id, rank)
SETTINGS auto_statistics_types = ''
COMMENT 'Ranks of finalized leaderboards. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS liveops_positions
(
    partition   UInt16 COMMENT 'Partition of liveops.events',
    next_offset UInt64 COMMENT 'Everything before it is in both tables',
    src         Int64 COMMENT 'Last accepted src; -1 before the first',
    log_id      String COMMENT 'Identity of the log'
)
ENGINE = ReplacingMergeTree(next_offset) ORDER BY (log_id, partition)
COMMENT 'How far liveops.events has been applied, written after both tables. Read with FINAL.'
