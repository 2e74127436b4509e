"""Terraform's plugin protocol 6, as much of it as the stand-in provider speaks.

The messages, by name, and the numbers of their fields are those of tfplugin6.proto in terraform-plugin-go. Fields that
the stand-in neither reads nor writes are left out: protobuf skips what it doesn't know.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_MESSAGES = {
    "DynamicValue": "bytes msgpack=1; bytes json=2",
    "RawState": "bytes json=1",
    "Diagnostic": "int64 severity=1; string summary=2; string detail=3; AttributePath attribute=4",
    "AttributePath": "repeated Step steps=1",
    "Step": "string attribute_name=1",
    "Attribute": "string name=1; bytes type=2; bool required=4; bool optional=5; bool computed=6",
    "NestedBlock": "string type_name=1; Block block=2; int64 nesting=3; int64 min_items=4; int64 max_items=5",
    "Block": "repeated Attribute attributes=2; repeated NestedBlock block_types=3",
    "Schema": "int64 version=1; Block block=2",
    "TypeName": "string type_name=1",
    "NamedSchema": "string key=1; Schema value=2",
    "GetMetadata": "repeated TypeName data_sources=3; repeated TypeName resources=4",
    "GetProviderSchema": "Schema provider=1; repeated NamedSchema resource_schemas=2; "
    "repeated NamedSchema data_source_schemas=3",
    "Request": "string type_name=1; DynamicValue config=2",
    "ProviderConfig": "DynamicValue config=1",
    "ConfigureProvider": "string terraform_version=1; DynamicValue config=2",
    "UpgradeResourceState": "string type_name=1; int64 version=2; RawState raw_state=3",
    "ReadResource": "string type_name=1; DynamicValue current_state=2",
    "PlanResourceChange": "string type_name=1; DynamicValue prior_state=2; DynamicValue proposed_new_state=3; "
    "DynamicValue config=4",
    "ApplyResourceChange": "string type_name=1; DynamicValue prior_state=2; DynamicValue planned_state=3",
    "Nothing": "",
    "Answer": "DynamicValue value=1; repeated Diagnostic diagnostics=2",
    "Diagnostics": "repeated Diagnostic diagnostics=1",
    "DiagnosticsOfConfig": "repeated Diagnostic diagnostics=2",
    "Plan": "DynamicValue planned_state=1; repeated Diagnostic diagnostics=4",
    "Applied": "DynamicValue new_state=1; repeated Diagnostic diagnostics=3",
}
# Each call: what it is asked, what it answers.
CALLS = {
    "GetMetadata": ("Nothing", "GetMetadata"),
    "GetProviderSchema": ("Nothing", "GetProviderSchema"),
    "ValidateProviderConfig": ("ProviderConfig", "DiagnosticsOfConfig"),
    "ConfigureProvider": ("ConfigureProvider", "Diagnostics"),
    "ValidateResourceConfig": ("Request", "Diagnostics"),
    "ValidateDataResourceConfig": ("Request", "Diagnostics"),
    "UpgradeResourceState": ("UpgradeResourceState", "Answer"),
    "ReadResource": ("ReadResource", "Answer"),
    "PlanResourceChange": ("PlanResourceChange", "Plan"),
    "ApplyResourceChange": ("ApplyResourceChange", "Applied"),
    "ReadDataSource": ("Request", "Answer"),
    "StopProvider": ("Nothing", "Nothing"),
}
NESTING = {"single": 1, "list": 2, "set": 3}
ERROR = 1
_FIELD = re.compile(r"(repeated )?(\w+) (\w+)=(\d+)")
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def _described() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="tfplugin6.proto", package="tfplugin6", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for repeated, kind, field, number in _FIELD.findall(fields):
            added = message.field.add(name=field, number=int(number), label=3 if repeated else 1)
            if kind in _MESSAGES:
                added.type, added.type_name = added.TYPE_MESSAGE, f".tfplugin6.{kind}"
            else:
                added.type = getattr(added, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _described()


def message(name: str) -> Any:
    """The class of a message."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"tfplugin6.{name}"))


def serve(provider: object, socket: Path) -> Any:
    """Answer the calls with the provider's methods of the same names, until the server is stopped."""
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            getattr(provider, name), message(asked).FromString, message(answered).SerializeToString
        )
        for name, (asked, answered) in CALLS.items()
    }
    server = grpc.server(ThreadPoolExecutor(8), options=_UNLIMITED)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers),))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    return server
