"""Fields that botocore's model lacks, because AWS added them later. botocore refuses to send them, and drops them from
a response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ecs_cd.aws.session import Client

RESPONSE = "AsWritten"
_CONTEXT = "ecs_cd_as_written"


def send(client: Client, operation: str) -> None:
    """Makes this operation of a JSON service send unknown fields too; botocore alone refuses them. Can be repeated."""
    events, name = client.meta.events, f"{client.meta.service_model.service_id.hyphenize()}.{operation}"
    events.register_last(f"provide-client-params.{name}", _set_aside, unique_id=f"{_CONTEXT}.{operation}.params")
    events.register_last(f"before-call.{name}", _put_back, unique_id=f"{_CONTEXT}.{operation}.body")


def keep(client: Client, operation: str) -> None:
    """Makes the response of this operation of a JSON service hold its body under ``RESPONSE``. Can be repeated."""
    name = f"{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register(f"before-parse.{name}", _keep, unique_id=f"{_CONTEXT}.{operation}.response")


def _keep(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    with suppress(ValueError, RecursionError):
        customized_response_dict[RESPONSE] = json.loads(response_dict["body"])


def _set_aside(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> dict[str, Any]:
    known: dict[str, Any] = _known(params, model.input_shape)
    if known != params:
        context[_CONTEXT] = params
    return known


def _put_back(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if _CONTEXT in context:
        params["body"] = json.dumps(context[_CONTEXT]).encode()


def _known(value: Any, shape: Any) -> Any:
    """The value without members that the shape lacks."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {name: _known(inner, shape.members[name]) for name, inner in value.items() if name in shape.members}
    if shape.type_name == "list" and isinstance(value, list):
        return [_known(item, shape.member) for item in value]
    return value
