"""The buildspec, and the environment of a build, as data."""
