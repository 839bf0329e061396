"""One machine that runs game servers: it compares what the log wants with what it finds, and reports."""
