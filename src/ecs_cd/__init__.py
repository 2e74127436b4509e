"""The CD pipeline to Amazon ECS: build and push, migrate, deploy."""

__version__ = "0.1.0"
