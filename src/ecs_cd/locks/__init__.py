"""The lock of an environment and its freeze windows: when deployments are refused, and who overrides it."""
