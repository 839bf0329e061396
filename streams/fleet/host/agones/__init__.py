"""Attempts as GameServers of a Kubernetes cluster with Agones. Source: contract/fleet.md, "Host agent"."""
