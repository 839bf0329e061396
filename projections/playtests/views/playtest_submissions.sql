-- Recordings that were handed in.
CREATE OR REPLACE VIEW views.playtest_submissions
(
    studio_id         LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id           LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    playtest_id       String COMMENT 'Playtest',
    slot_id           String COMMENT 'Slot',
    playtester_id     String COMMENT 'Who handed it in',
    at                DateTime64(3, 'UTC') COMMENT 'When it was handed in',
    reviewed_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'When its slot ended; NULL while it waits',
    status            LowCardinality(String) COMMENT 'Status of its slot: submitted, publishing, accepted or rejected',
    rating            Nullable(UInt8) COMMENT 'The owner''s rating, 1 to 5',
    rejection_reason  String COMMENT 'What the owner said of a rejected one',
    video_bytes       Nullable(UInt64) COMMENT 'Size of the recording',
    transcript_status LowCardinality(String) COMMENT 'pending, processing, approved or failed; empty without a transcript'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, playtest_id, id AS slot_id, playtester_id, assumeNotNull(submitted_at) AS at,
    ended_at AS reviewed_at, status, rating, rejection_reason, video_bytes, transcript_status
FROM playtest_slots FINAL
WHERE submitted_at IS NOT NULL
COMMENT 'Submissions to playtests, one row each.'
