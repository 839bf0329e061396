"""The write side of the hosting of game servers, beside its decider and gateway."""
