"""Load and measurement of a running stack, from outside and on this machine only: `questlog bench`."""
