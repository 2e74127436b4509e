"""A kind of deployment a file: how it is started, and one look at it."""
