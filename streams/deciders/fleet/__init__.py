"""Decides the fleet: servers, their hosts' room, pools, builds."""
