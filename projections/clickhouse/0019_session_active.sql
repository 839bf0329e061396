-- A part's active time as a column: reads of many sessions need not read their spans.
ALTER TABLE session_parts ADD COLUMN IF NOT EXISTS part_active_ms Int64 MATERIALIZED arraySum(tupleElement(spans, 2)) - arraySum(tupleElement(spans, 1)) - idle_ms COMMENT 'Active time of this part: the sum of its spans'' lengths without idle_ms. That of a session of several parts is in the view sessions' AFTER idle_ms
;;
ALTER TABLE session_parts MATERIALIZE COLUMN part_active_ms
