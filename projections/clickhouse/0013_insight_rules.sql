-- By which rules a finding was made: a release with newer ones finds the sessions that older ones analysed.
ALTER TABLE insights ADD COLUMN IF NOT EXISTS rules_version UInt16 DEFAULT 1 COMMENT 'Version of the rules that the session was analysed by' AFTER removed
