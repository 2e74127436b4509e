"""Checks, before anything is deployed, whether what the document names is there and fits together. Only reads."""
