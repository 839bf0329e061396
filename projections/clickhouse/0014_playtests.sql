-- Playtests: what Redis does not keep for ever, and all of it for analysts. Every row says by its key which thing
-- it is about and by _offset up to which record, so that writing one twice changes nothing; read with FINAL.
-- Secrets and persons are left out: no game keys, e-mails, texts of applicants, display names or user agents.
CREATE TABLE IF NOT EXISTS playtest_orders
(
    studio_id               LowCardinality(String) COMMENT 'Studio that ordered it',
    game_id                 LowCardinality(String) COMMENT 'Game',
    id                      String COMMENT 'Playtest',
    status                  LowCardinality(String) COMMENT 'pending_payment, active, completed or cancelled',
    trial                   LowCardinality(String) COMMENT 'Free trial: pending, approved or declined; none for a paid one',
    visibility              LowCardinality(String) COMMENT 'private or public',
    selection_mode          LowCardinality(String) COMMENT 'automatic or manual',
    targeting_type          LowCardinality(String) COMMENT 'new or past; empty for everybody',
    past_playtester_scope   LowCardinality(String) COMMENT 'any or specific, of past ones; else empty',
    targeted_playtester_id  String COMMENT 'Whom a specific one is for; else empty',
    quantity                UInt16 COMMENT 'Seats',
    duration_minutes        UInt16 COMMENT 'Length of a session',
    player_count            UInt8 COMMENT 'Players in a session',
    cost_per_slot_cents     Int64 COMMENT 'What a seat costs the studio',
    payout_cents            Int64 COMMENT 'What the playtester of an accepted slot earns',
    created_at              DateTime64(3, 'UTC') COMMENT 'When it was ordered',
    activated_at            Nullable(DateTime64(3, 'UTC')) COMMENT 'When its slots opened',
    applications_expire_at  Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the review of applications; of manual ones alone',
    ended_at                Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was completed or cancelled',
    paid_cents              Int64 COMMENT 'What was paid for it: held, paid out, fees and credited together',
    held_cents              Int64 COMMENT 'On slots that have not ended',
    paid_out_cents          Int64 COMMENT 'Earned by playtesters',
    fee_cents               Int64 COMMENT 'The fees of accepted slots',
    credited_cents          Int64 COMMENT 'Came back as credit',
    slots_open              UInt32 COMMENT 'Slots with this status, as all that follow',
    slots_reserved          UInt32 COMMENT 'Reserved by a playtester',
    slots_submitted         UInt32 COMMENT 'With a recording that waits for its review',
    slots_accepted          UInt32 COMMENT 'Accepted',
    slots_rejected          UInt32 COMMENT 'Rejected',
    slots_expired           UInt32 COMMENT 'Expired',
    slots_blocked           UInt32 COMMENT 'Blocked',
    slots_cancelled         UInt32 COMMENT 'Cancelled or abandoned',
    slots_publishing        UInt32 COMMENT 'Accepted, its recording being published',
    _offset                 UInt64 COMMENT 'Offset of the last record of playtests.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY (studio_id, id)
SETTINGS auto_statistics_types = ''
COMMENT 'Every playtest that was ordered, as it is now. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS playtest_slots
(
    studio_id          LowCardinality(String) COMMENT 'Studio that ordered the playtest',
    game_id            LowCardinality(String) COMMENT 'Game',
    playtest_id        String COMMENT 'Playtest',
    id                 String COMMENT 'Slot',
    number             UInt32 COMMENT 'Position in its playtest, from 1',
    status             LowCardinality(String) COMMENT 'open, reserved, submitted, publishing, accepted, rejected, expired, blocked or cancelled',
    playtester_id      String COMMENT 'Who has or had it; empty where nobody',
    previous_slot_id   String COMMENT 'Slot whose seat it took over; empty where none',
    created_at         DateTime64(3, 'UTC') COMMENT 'When it was opened',
    deadline_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'When a submission is due; NULL before it is reserved',
    reserved_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was reserved',
    submitted_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'When a recording was handed in',
    ended_at           Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was accepted, rejected, expired or cancelled',
    video_bytes        Nullable(UInt64) COMMENT 'Size of the recording',
    rating             Nullable(UInt8) COMMENT 'The owner''s rating, 1 to 5; the last one counts',
    rejection_reason   String COMMENT 'What the owner said of a rejected one',
    blocked_reason     LowCardinality(String) COMMENT 'Why a blocked one can''t be played; empty where it never was, or goes on',
    transcript_status  LowCardinality(String) COMMENT 'pending, processing, approved or failed; empty without a transcript',
    transcript_version LowCardinality(String) COMMENT 'Which transcript is selected; empty where none',
    earned_cents       Int64 COMMENT 'What its playtester earned by it',
    credited_cents     Int64 COMMENT 'What came back to the studio as credit when it ended',
    _offset            UInt64 COMMENT 'Offset of the last record of playtests.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY (studio_id, id)
SETTINGS auto_statistics_types = ''
COMMENT 'Every slot of every playtest, as it is now. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS playtest_applications
(
    studio_id        LowCardinality(String) COMMENT 'Studio that ordered the playtest',
    game_id          LowCardinality(String) COMMENT 'Game',
    playtest_id      String COMMENT 'Playtest',
    id               String COMMENT 'Application',
    playtester_id    String COMMENT 'Who applied',
    status           LowCardinality(String) COMMENT 'pending, approved, rejected, auto_rejected or withdrawn',
    created_at       DateTime64(3, 'UTC') COMMENT 'When it was made',
    reviewed_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'When it left pending',
    assigned_slot_id String COMMENT 'Slot of an approved one; else empty',
    _offset          UInt64 COMMENT 'Offset of the last record of playtests.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY (studio_id, id)
SETTINGS auto_statistics_types = ''
COMMENT 'Every application to a playtest, as it is now. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS playtest_ledger
(
    studio_id     LowCardinality(String) COMMENT 'Studio',
    playtester_id String COMMENT 'Whose earnings it is a movement of; empty for the studio''s own credit',
    number        UInt64 COMMENT 'Position in that ledger, from 1, without gaps',
    id            String COMMENT 'Movement',
    type          LowCardinality(String) COMMENT 'top_up, adjustment, paid or credit; a playtester''s payout_earned, payout_sent or payout_failed',
    amount_cents  Int64 COMMENT 'What was added; negative for what was taken',
    balance_cents Int64 COMMENT 'Balance after it',
    playtest_id   String COMMENT 'Playtest it is about; empty where none',
    slot_id       String COMMENT 'Slot it is about; empty where none',
    payment_id    String COMMENT 'Payment of a top-up; empty where none',
    payout_id     String COMMENT 'Payout; empty where none',
    reason        String COMMENT 'What the operator said; empty where nothing',
    at            DateTime64(3, 'UTC') COMMENT 'Effective time'
)
ENGINE = ReplacingMergeTree ORDER BY (studio_id, playtester_id, at, number)
SETTINGS auto_statistics_types = ''
COMMENT 'Every movement of every studio''s credit and of what playtesters earn. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS playtest_keys
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game',
    batch_id    LowCardinality(String) COMMENT 'Batch',
    id          String COMMENT 'Key; its code is nowhere here',
    number      UInt32 COMMENT 'Position in its batch, from 1',
    status      LowCardinality(String) COMMENT 'available, reserved, redeemed or revoked; those of an expired batch keep what they were',
    created_at  DateTime64(3, 'UTC') COMMENT 'When it was imported or minted',
    invite_id   String COMMENT 'Invite it is reserved for; empty where none',
    redeemed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody got it',
    handle      String COMMENT 'Handle it was redeemed under; empty where none, or forgotten',
    country     LowCardinality(String) COMMENT 'Country it was redeemed from; empty where unknown',
    _offset     UInt64 COMMENT 'Offset of the last record of playtests.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY (studio_id, game_id, batch_id, id)
SETTINGS auto_statistics_types = ''
COMMENT 'Every key of every batch, as it is now. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS tester_links
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game',
    handle      String COMMENT 'Handle of a tester, unique in the game',
    device_id   String COMMENT 'Device it is or was linked to: the player id of its sessions',
    claimed_at  DateTime64(3, 'UTC') COMMENT 'Since when',
    unlinked_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when; NULL while it is linked',
    batch_id    LowCardinality(String) COMMENT 'Batch of the key that was redeemed under the handle',
    key_id      String COMMENT 'That key',
    _offset     UInt64 COMMENT 'Offset of the last record of playtests.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY (studio_id, game_id, handle)
SETTINGS auto_statistics_types = ''
COMMENT 'Every handle that was ever linked to a device, as it is now. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS playtest_events
(
    studio_id   LowCardinality(String) COMMENT 'Studio',
    game_id     LowCardinality(String) COMMENT 'Game; empty where it is about the account or a playtester',
    playtest_id String COMMENT 'Playtest it is about; empty where none',
    event       LowCardinality(String) COMMENT 'Name and version, for example playtests.slot-accepted.v1',
    command_id  String COMMENT 'Command that it came from',
    data        String COMMENT 'The event as JSON, without secrets and persons; JSONExtract reads it',
    at          DateTime64(3, 'UTC') COMMENT 'Effective time',
    _partition  UInt16 COMMENT 'Partition of playtests.events',
    _offset     UInt64 COMMENT 'Offset of its record',
    _index      UInt32 COMMENT 'Place in the record, from 0'
)
ENGINE = ReplacingMergeTree ORDER BY (studio_id, game_id, playtest_id, _partition, _offset, _index)
SETTINGS auto_statistics_types = ''
COMMENT 'Every event of playtests: orders, slots, applications, money, playtesters, key batches. Read with FINAL.'
