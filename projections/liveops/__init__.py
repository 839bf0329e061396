"""Liveops read sides."""
