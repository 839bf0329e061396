"""What commands raise; `questlog` prints its message as one line and ends with exit code 1."""

from __future__ import annotations


class RequestRefused(Exception):
    """What is asked for can't be done. The message is for the person at the screen."""
