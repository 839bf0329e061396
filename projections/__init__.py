"""The read side's writers, each beside the queries over what it writes."""
