-- A position says which record it follows: a log that lost its end and has grown again has another one there.
ALTER TABLE log_positions ADD COLUMN IF NOT EXISTS mark String DEFAULT '' COMMENT 'LogAppendTime and CRC-32 of the last record before next_offset; empty where an older release wrote it'
;;
ALTER TABLE liveops_positions ADD COLUMN IF NOT EXISTS mark String DEFAULT '' COMMENT 'LogAppendTime and CRC-32 of the last record before next_offset; empty where an older release wrote it'
