-- A sum of 64-bit amounts has 64 bits and wraps without a word; one of 128-bit amounts can't come that far.
ALTER TABLE liveops_ledger
    MODIFY COLUMN amount Int128 COMMENT 'What was added; negative for what was taken. 64 bits, held in 128 so that no sum wraps',
    MODIFY COLUMN balance Int128 COMMENT 'Balance or holding after it. 64 bits, held in 128 so that no sum wraps'
