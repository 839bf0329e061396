-- Movements of balances and holdings.
CREATE OR REPLACE VIEW views.ledger
(
    studio_id  LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id    LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id  String COMMENT 'Player: externalId, which is telemetry''s player_id where the game uses one id',
    at         DateTime64(3, 'UTC') COMMENT 'When it moved',
    number     UInt64 COMMENT 'Position in the player''s ledger, from 1, without gaps',
    type       LowCardinality(String) COMMENT 'item or currency',
    key        LowCardinality(String) COMMENT 'Item or currency',
    amount     Int128 COMMENT 'What was added; negative for what was taken',
    balance    Int128 COMMENT 'Balance or holding after it',
    cause      LowCardinality(String) COMMENT 'debit, credit, consume, item_grant or claim',
    reason     String COMMENT 'What the caller said',
    grant_id   String COMMENT 'Grant it came from; empty where none',
    command_id String COMMENT 'Command that moved it'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, external_id AS player_id, at, number, type, key, amount, balance, cause, reason, grant_id,
    command_id
FROM liveops_ledger FINAL
COMMENT 'Every movement of every balance and holding, one row each.'
