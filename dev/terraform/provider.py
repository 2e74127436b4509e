"""A stand-in for hashicorp/aws: the real schema, the real plugin protocol, and no AWS.

Terraform checks types, references, and required and unknown arguments against the schema, as with the real provider.
What the real one would compute is unknown in a plan and has a realistic value afterwards (facts.py). Not covered: the
provider's own checks and defaults, and which changes replace a resource.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgpack

from dev.terraform import facts, policy_document
from dev.terraform.protocol import ERROR, NESTING, message, serve

SCHEMA = Path(__file__).with_name("aws.schema.json")
ADDRESS = "registry.terraform.io/hashicorp/aws"

Json = dict[str, Any]

_UNKNOWN = msgpack.ExtType(0, b"\x00")
# What a provider block of ours may say.
_PROVIDER: Json = {
    "attributes": {
        **{name: {"type": "string", "optional": True} for name in ("region", "profile")},
        "allowed_account_ids": {"type": ["set", "string"], "optional": True},
    },
    "block_types": {
        "default_tags": {
            "nesting_mode": "list",
            "max_items": 1,
            "block": {"attributes": {"tags": {"type": ["map", "string"], "optional": True}}},
        }
    },
}


@lru_cache
def schema() -> Json:
    found: Json = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found


def _resource(kind: str) -> Json:
    block: Json = schema()["resource_schemas"][kind]["block"]
    return block


class Provider:
    """The calls of the protocol, by their names there."""

    def __init__(self) -> None:
        self.region = facts.REGION
        self.tags: dict[str, str] = {}

    # ---- what it is ----

    def GetMetadata(self, _: Any, __: Any) -> Any:  # noqa: N802
        return message("GetMetadata")(
            resources=[message("TypeName")(type_name=name) for name in schema()["resource_schemas"]],
            data_sources=[message("TypeName")(type_name=name) for name in schema()["data_source_schemas"]],
        )

    def GetProviderSchema(self, _: Any, __: Any) -> Any:  # noqa: N802
        return _schemas()

    def ValidateProviderConfig(self, _: Any, __: Any) -> Any:  # noqa: N802
        return message("DiagnosticsOfConfig")()

    def ConfigureProvider(self, request: Any, _: Any) -> Any:  # noqa: N802
        config = _loaded(request.config)
        self.region = config["region"] or facts.REGION
        self.tags = {name: tag for block in config["default_tags"] for name, tag in (block["tags"] or {}).items()}
        return message("Diagnostics")()

    def StopProvider(self, _: Any, __: Any) -> Any:  # noqa: N802
        return message("Nothing")()

    # ---- resources ----

    def ValidateResourceConfig(self, request: Any, _: Any) -> Any:  # noqa: N802
        kind, config = request.type_name, _loaded(request.config)
        found = [*_not_to_be_set(_resource(kind), config), *facts.complaints(kind, config)]
        return message("Diagnostics")(diagnostics=[_error(why, name) for name, why in found])

    def UpgradeResourceState(self, request: Any, _: Any) -> Any:  # noqa: N802
        return message("Answer")(value=_dumped(json.loads(request.raw_state.json)))

    def ReadResource(self, request: Any, _: Any) -> Any:  # noqa: N802
        return message("Answer")(value=request.current_state)

    def PlanResourceChange(self, request: Any, _: Any) -> Any:  # noqa: N802
        new = _loaded(request.proposed_new_state)
        if new is None:
            return message("Plan")(planned_state=request.proposed_new_state)
        if _loaded(request.prior_state) is None:
            new = _planned(_resource(request.type_name), _loaded(request.config))
        new |= {name: value for name, value in self._known(new).items() if name in new}
        return message("Plan")(planned_state=_dumped(new))

    def ApplyResourceChange(self, request: Any, _: Any) -> Any:  # noqa: N802
        state = _loaded(request.planned_state)
        if state is None:
            return message("Applied")(new_state=request.planned_state)
        found = facts.facts(request.type_name, state, state.get("region") or self.region)
        return message("Applied")(new_state=_dumped(_applied(_resource(request.type_name), state, found)))

    def _known(self, state: Json) -> Json:
        """What is known of a new resource before it is there: all its tags, its region."""
        own = state.get("tags")
        tags = own if own == _UNKNOWN else {**self.tags, **(own or {})}
        region = state.get("region")
        return {"tags_all": tags, "region": self.region if region in (None, _UNKNOWN) else region}

    # ---- data sources ----

    def ValidateDataResourceConfig(self, _: Any, __: Any) -> Any:  # noqa: N802
        return message("Diagnostics")()

    def ReadDataSource(self, request: Any, _: Any) -> Any:  # noqa: N802
        config, kind = _loaded(request.config), request.type_name
        found = facts.facts(kind, config, config.get("region") or self.region)
        try:
            found |= {"json": policy_document.render(config)} if kind == "aws_iam_policy_document" else {}
        except policy_document.Duplicate as error:
            return message("Answer")(diagnostics=[_error(str(error))])
        if "json" in found:
            found["minified_json"] = json.dumps(json.loads(found["json"]), separators=(",", ":"))
        block = schema()["data_source_schemas"][kind]["block"]
        return message("Answer")(value=_dumped(_applied(block, _planned(block, config), found)))


def _not_to_be_set(block: Json, config: Json) -> list[tuple[str, str]]:
    """The arguments that are only attributes; Terraform leaves it to the provider to refuse them."""
    attributes = block["attributes"].items()
    given = [name for name, each in attributes if set(each) == {"type", "computed"} and config[name] is not None]
    return [(name, f"{name} can't be set: its value is decided by AWS") for name in given]


def _planned(block: Json, config: Json) -> Json:
    """A new resource as its author wrote it; what is to be computed is unknown, in nested blocks as well."""
    state = dict(config)
    for name, attribute in block.get("attributes", {}).items():
        if state[name] is None and attribute.get("computed"):
            state[name] = _UNKNOWN
    for name, nested in block.get("block_types", {}).items():
        state[name] = _inside(state[name], lambda inner, nested=nested: _planned(nested["block"], inner))
    return state


def _applied(block: Json, state: Json, found: Json) -> Json:
    """The state with everything known: by `found`, or empty."""
    state = dict(state)
    for name, attribute in block.get("attributes", {}).items():
        if state[name] == _UNKNOWN:
            state[name] = found.get(name, _empty(attribute["type"]))
    for name, nested in block.get("block_types", {}).items():
        state[name] = _inside(state[name], lambda inner, nested=nested: _applied(nested["block"], inner, {}))
    return state


def _inside(value: Any, each: Any) -> Any:
    """A nested block, or a list of them, with each one replaced."""
    if isinstance(value, list):
        return [each(inner) for inner in value]
    return each(value) if isinstance(value, dict) else value


def _empty(kind: Any) -> Any:
    return {"list": [], "set": [], "map": {}}.get(kind[0]) if isinstance(kind, list) else None


# ---- messages ----


def _loaded(value: Any) -> Any:
    return msgpack.unpackb(value.msgpack, strict_map_key=False) if value.msgpack else json.loads(value.json)


def _dumped(value: Any) -> Any:
    return message("DynamicValue")(msgpack=msgpack.packb(value))


def _error(text: str, attribute: str = "") -> Any:
    steps = [message("Step")(attribute_name=attribute)] if attribute else []
    return message("Diagnostic")(severity=ERROR, summary=text, attribute=message("AttributePath")(steps=steps))


@lru_cache
def _schemas() -> Any:
    def named(kinds: Json) -> list[Any]:
        wrap = message("NamedSchema")
        return [wrap(key=name, value=message("Schema")(block=_block(kind["block"]))) for name, kind in kinds.items()]

    return message("GetProviderSchema")(
        provider=message("Schema")(block=_block(_PROVIDER)),
        resource_schemas=named(schema()["resource_schemas"]),
        data_source_schemas=named(schema()["data_source_schemas"]),
    )


def _block(block: Json) -> Any:
    attributes = [
        message("Attribute")(name=name, **{**given, "type": json.dumps(given["type"]).encode()})
        for name, given in block.get("attributes", {}).items()
    ]
    blocks = [_nested(name, nested) for name, nested in block.get("block_types", {}).items()]
    return message("Block")(attributes=attributes, block_types=blocks)


def _nested(name: str, given: Json) -> Any:
    limits = {limit: given.get(limit, 0) for limit in ("min_items", "max_items")}
    nesting = NESTING[given["nesting_mode"]]
    return message("NestedBlock")(type_name=name, nesting=nesting, block=_block(given["block"]), **limits)


@contextmanager
def running(folder: Path) -> Iterator[Json]:
    """The provider on a socket in the folder, and how Terraform finds it: the value of TF_REATTACH_PROVIDERS."""
    socket = folder / "aws.sock"
    server = serve(Provider(), socket)
    address = {"Network": "unix", "String": str(socket)}
    try:
        yield {ADDRESS: {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}}
    finally:
        server.stop(None).wait()
