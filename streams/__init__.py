"""The write side: HTTP to log, deciders, effects, timers, and the Faust shells around them."""
