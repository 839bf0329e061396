-- They are in reader_positions.
DROP TABLE IF EXISTS log_positions
;;
DROP TABLE IF EXISTS liveops_positions
