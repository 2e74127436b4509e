"""What a lock and a freeze window say, and whether a deployment may start."""
