"""A whole deployment on one machine: engine, AWS, database and workflow runner, each a context manager."""
