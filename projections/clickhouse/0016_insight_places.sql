-- Where a finding is and whose, which is what friction is counted by, and what is summed of its session, so that
-- builds are compared from this table alone. Rows of older rules have none of it until `questlog rebuild insights`.
ALTER TABLE insights ADD COLUMN IF NOT EXISTS player_id String DEFAULT '' COMMENT 'deviceId or player_id of the session; empty in rows of older rules' AFTER session_id
;;
ALTER TABLE insights ADD COLUMN IF NOT EXISTS place String DEFAULT '' COMMENT 'Room or level that it is about; empty where it is about none' AFTER event_ids
;;
ALTER TABLE insights ADD COLUMN IF NOT EXISTS tag String DEFAULT toString(type) COMMENT 'The place as a slug and what was found, else the type' AFTER place
;;
ALTER TABLE insights ADD COLUMN IF NOT EXISTS recorded_at DateTime64(3, 'UTC') COMMENT 'The session''s startedAt, else its first event' AFTER created_at
;;
ALTER TABLE insights ADD COLUMN IF NOT EXISTS wall_ms Int64 COMMENT 'The session from its first event to its last' AFTER recorded_at
;;
ALTER TABLE insights ADD COLUMN IF NOT EXISTS active_ms Int64 COMMENT 'The session''s gaps of at most 30 s between consecutive events' AFTER wall_ms
