"""Deployments of services: conflicts, start, follow, evidence, digests, the way back. No input is parsed here."""
