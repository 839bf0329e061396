-- Slots of playtests.
CREATE OR REPLACE VIEW views.playtest_slots
(
    studio_id        LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id          LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    playtest_id      String COMMENT 'Playtest',
    slot_id          String COMMENT 'Slot',
    number           UInt32 COMMENT 'Position in its playtest, from 1',
    at               DateTime64(3, 'UTC') COMMENT 'When it was opened',
    reserved_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was reserved',
    deadline_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'When a submission is due; NULL before it is reserved',
    submitted_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'When a recording was handed in',
    ended_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was accepted, rejected, expired or cancelled',
    status           LowCardinality(String) COMMENT 'open, reserved, submitted, publishing, accepted, rejected, expired, blocked or cancelled',
    playtester_id    String COMMENT 'Who has or had it; empty where nobody',
    previous_slot_id String COMMENT 'Slot whose seat it took over; empty where none',
    blocked_reason   LowCardinality(String) COMMENT 'Why a blocked one can''t be played; empty where it never was, or goes on',
    earned_cents     Int64 COMMENT 'What its playtester earned by it',
    credited_cents   Int64 COMMENT 'What came back to the studio as credit'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, playtest_id, id AS slot_id, number, created_at AS at, reserved_at, deadline_at, submitted_at,
    ended_at, status, playtester_id, previous_slot_id, blocked_reason, earned_cents, credited_cents
FROM playtest_slots FINAL
COMMENT 'Slots of playtests, one row each, as they are now.'
