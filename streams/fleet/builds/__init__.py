"""Builds of game servers: an upload or an image becomes an artefact that hosts unpack."""
