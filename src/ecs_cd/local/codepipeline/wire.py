"""awsJson1.1 by botocore's models: which operation a request calls, whether it is valid, an answer as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import JSONSerializer
from botocore.validate import ParamValidator

from ecs_cd.local.codepipeline.rules.service_error import ServiceError, invalid

SERVICES = ("codepipeline", "codebuild", "codedeploy")


class _Serializer(JSONSerializer):
    """With timestamps as AWS sends them: seconds with milliseconds."""

    def _serialize_type_timestamp(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        serialized[key] = round(value if isinstance(value, int | float) else value.timestamp(), 3)


_SERIALIZER: Any = _Serializer()


@cache
def _models() -> dict[str, Any]:
    """The services by the prefix of X-Amz-Target."""
    found = [ServiceModel(Loader().load_service_model(name, "service-2"), name) for name in SERVICES]
    return {each.metadata["targetPrefix"]: each for each in found}


def operation(target: str) -> Any:
    """The model of the operation that X-Amz-Target names, or ``None``."""
    prefix, _, name = target.partition(".")
    service = _models().get(prefix)
    return service.operation_model(name) if service and name in service.operation_names else None


def parsed(model: Any, body: bytes) -> dict[str, Any]:
    """The parameters. Raises what AWS answers to those that it does not take."""
    try:
        params = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"The request is no JSON: {error}") from error
    if not isinstance(params, dict):
        raise ServiceError("SerializationException", "The request is no JSON object")
    broken = list(_broken(model.input_shape, params, "")) if model.input_shape else []
    if broken:
        count = f"{len(broken)} validation error{'s'[: len(broken) - 1]} detected"
        raise invalid(f"{count}: {'; '.join(broken)}")
    report = ParamValidator().validate(params, model.input_shape).generate_report() if model.input_shape else ""
    if report:
        raise ServiceError("SerializationException", report)
    return params


def serialized(shape: Any, answer: Mapping[str, Any]) -> bytes:
    """An answer or an error, in the form of its shape; without a shape it is empty."""
    body: dict[str, Any] = {}
    if shape is not None:
        _SERIALIZER._serialize(body, answer, shape)
    return json.dumps(body).encode()


# --- constraints, in AWS's words ---


def _broken(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What ParamValidator does not check: maxima, patterns, enums; and what is missing."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            where = f"{path}.{name}".lstrip(".")
            if value.get(name) is not None:
                yield from _broken(member, value[name], where)
            elif name in shape.required_members:
                yield _words(None, where, "not be null")
    elif kind == "list" and isinstance(value, list):
        yield from _out_of_range(shape, len(value), value, path, "length")
        for number, member in enumerate(value, 1):
            yield from _broken(shape.member, member, f"{path}.{number}.member")
    elif kind == "string" and isinstance(value, str):
        yield from _out_of_range(shape, len(value), value, path, "length")
        yield from _unlike(shape, value, path)
    elif kind in ("integer", "long") and isinstance(value, int):
        yield from _out_of_range(shape, value, value, path, "value")


def _out_of_range(shape: Any, number: int, value: Any, path: str, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and number < least:
        yield _words(value, path, f"have {what} greater than or equal to {least}")
    if most is not None and number > most:
        yield _words(value, path, f"have {what} less than or equal to {most}")


def _unlike(shape: Any, value: str, path: str) -> Iterator[str]:
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield _words(value, path, f"satisfy regular expression pattern: {pattern}")
    if shape.enum and value not in shape.enum:
        yield _words(value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")


def _words(value: Any, path: str, what: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {what}"
