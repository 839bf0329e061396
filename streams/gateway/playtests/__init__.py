"""S2's writes over HTTP: a request becomes a command, its outcome the answer."""
