"""An error that the API answers with."""

from __future__ import annotations


class ServiceError(Exception):
    """``code`` is the exception's name in CodePipeline's model."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
