"""Checks, before anything is deployed, whether what the document names exists and fits together. Only reads."""
