-- Playtests that were ordered.
CREATE OR REPLACE VIEW views.playtest_orders
(
    studio_id           LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id             LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    playtest_id         String COMMENT 'Playtest',
    at                  DateTime64(3, 'UTC') COMMENT 'When it was ordered',
    activated_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'When its slots opened',
    ended_at            Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was completed or cancelled',
    status              LowCardinality(String) COMMENT 'pending_payment, active, completed or cancelled',
    trial               LowCardinality(String) COMMENT 'Free trial: pending, approved or declined; none for a paid one',
    visibility          LowCardinality(String) COMMENT 'private or public',
    selection_mode      LowCardinality(String) COMMENT 'automatic or manual',
    targeting_type      LowCardinality(String) COMMENT 'new or past; empty for everybody',
    quantity            UInt16 COMMENT 'Seats',
    duration_minutes    UInt16 COMMENT 'Length of a session',
    player_count        UInt8 COMMENT 'Players in a session',
    cost_per_slot_cents Int64 COMMENT 'What a seat costs the studio',
    paid_cents          Int64 COMMENT 'What was paid for it',
    paid_out_cents      Int64 COMMENT 'Earned by playtesters',
    fee_cents           Int64 COMMENT 'Fees of accepted slots',
    credited_cents      Int64 COMMENT 'Came back as credit',
    slots_accepted      UInt32 COMMENT 'Slots that were accepted',
    slots_open          UInt32 COMMENT 'Slots that are open'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, id AS playtest_id, created_at AS at, activated_at, ended_at, status, trial, visibility,
    selection_mode, targeting_type, quantity, duration_minutes, player_count, cost_per_slot_cents, paid_cents,
    paid_out_cents, fee_cents, credited_cents, slots_accepted, slots_open
FROM playtest_orders FINAL
COMMENT 'Playtests that were ordered, one row each, as they are now.'
