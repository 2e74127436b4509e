"""AWS's protocols, from botocore's models: a request to operation and parameters, an answer to bytes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator

Params = dict[str, Any]

# A signing name is the service's name in botocore, but for these.
SIGNING_NAMES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
# Errors that every service has and few models name: the code in JSON, then code and HTTP status in XML.
COMMON_ERRORS = {
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "RequestLimitExceeded": ("RequestLimitExceeded", 503),
    "ThrottlingException": ("Throttling", 400),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "ValidationException": ("ValidationError", 400),
}
# Those that EC2 calls otherwise.
ERRORS_OF_EC2 = {
    "AccessDeniedException": ("UnauthorizedOperation", 403),
    "ExpiredTokenException": ("RequestExpired", 400),
    "ThrottlingException": ("RequestLimitExceeded", 503),
    "UnrecognizedClientException": ("AuthFailure", 401),
}
# botocore's own serialisers write the answers, an output shape in the place of the input shape.
JSON: Any = create_serializer("json", include_validation=False)
XML: Any = create_serializer("rest-xml", include_validation=False)


class ScriptError(AssertionError):
    """A request or a scripted answer that AWS's model does not allow, or that is not in the script."""


class Unmodelled(str):
    """A value outside the model's enum, on purpose: AWS adds values all the time."""


@dataclass(frozen=True)
class Request:
    """A request as read from the connection; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False  # the connection ends in the middle of the body


@lru_cache
def service_model(service: str) -> Any:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def operation_model(name: str) -> Any:
    """The model of "ecs.DescribeServices"; an unknown name is a ValueError."""
    service, _, operation = name.partition(".")
    try:
        return service_model(service).operation_model(operation)
    except Exception as error:
        raise ValueError(f"botocore knows no operation {name}: {error}") from error


def name_of(operation: Any) -> str:
    return f"{operation.service_model.service_name}.{operation.name}"


# --- holding values to the model ---


def check(shape: Any, value: Any, what: str) -> None:
    """Unknown or missing members, wrong types, values outside an enum: a ScriptError with the path."""
    if shape is None:
        found = f"has no members: {value}" if value else ""
    else:
        found = ParamValidator().validate(value, shape).generate_report()
        found = found or "\n".join(_outside_enums(shape, value, ""))
    if found:
        raise ScriptError(f"{what}: {found}")


def _outside_enums(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from _outside_enums(shape.members[name], member, f"{path}.{name}".lstrip("."))
    elif shape.type_name == "list":
        for index, member in enumerate(value):
            yield from _outside_enums(shape.member, member, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from _outside_enums(shape.value, member, f"{path}.{key}")
    elif value not in (getattr(shape, "enum", None) or [value]) and not isinstance(value, Unmodelled):
        yield f"{path} is {value!r}, none of {', '.join(shape.enum)}"


# --- requests ---


def parse(request: Request) -> tuple[Any, Params]:
    """The operation of a request, and its parameters as the caller passed them to boto3."""
    service = _service(request)
    protocol = service.resolved_protocol
    if protocol == "json":
        prefix, _, name = request.headers.get("x-amz-target", "").partition(".")
        if prefix != service.metadata["targetPrefix"] or name not in service.operation_names:
            raise ScriptError(f"{service.service_name} has no operation {prefix}.{name}")
        operation = service.operation_model(name)
        params = _decode(operation.input_shape, json.loads(request.body or b"{}"))
    elif protocol == "query":
        form = _tree(parse_qsl(request.body.decode(), keep_blank_values=True))
        operation = service.operation_model(form.pop("Action"))
        del form["Version"]
        params = _decode(operation.input_shape, form, text=True)
    elif protocol == "ec2":
        form = _tree(parse_qsl(request.body.decode(), keep_blank_values=True))
        operation = service.operation_model(form.pop("Action"))
        del form["Version"]
        params = _decode_ec2(operation.input_shape, form)
    elif protocol in ("rest-json", "rest-xml"):
        operation, params = _from_rest(service, request)
    else:
        raise ScriptError(f"{service.service_name} speaks {protocol}: not there yet")
    check(operation.input_shape, params, f"request {name_of(operation)}")
    return operation, params


def _service(request: Request) -> Any:
    """By the scope of the signature; only STS's AssumeRoleWithWebIdentity is unsigned."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", request.headers.get("authorization", ""))
    signing_name = scope[1] if scope else "sts"
    return service_model(SIGNING_NAMES.get(signing_name, signing_name))


def _tree(form: Iterable[tuple[str, str]]) -> Params:
    """`A.member.1.B=x`, in the query protocol, means {"A": {"member": {"1": {"B": "x"}}}}."""
    root: Params = {}
    for path, text in form:
        *branches, leaf = path.split(".")
        node = root
        for branch in branches:
            node = node.setdefault(branch, {})
        node[leaf] = text
    return root


def _decode(shape: Any, node: Any, text: bool = False) -> Any:
    """A value of the shape from JSON, or from a tree of texts; unknown members stay, so that check reports them."""
    kind = shape.type_name if shape is not None else ""
    if kind == "structure" and isinstance(node, dict):
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        return {
            names.get(key, key): _decode(shape.members[names[key]], item, text) if key in names else item
            for key, item in node.items()
        }
    if kind == "list" and text:
        items = node[shape.member.serialization.get("name", "member")] if node else {}
        return [_decode(shape.member, items[index], text) for index in sorted(items, key=int)]
    if kind == "list" and isinstance(node, list):
        return [_decode(shape.member, item) for item in node]
    if kind == "map" and isinstance(node, dict) and not text:
        return {key: _decode(shape.value, item) for key, item in node.items()}
    return _scalar(kind, node) if text or kind in ("timestamp", "blob") else node


def _decode_ec2(shape: Any, node: Any) -> Any:
    """A value of the shape from EC2's own query protocol: lists have no member in between, and names are capitalised."""
    if shape.type_name == "structure":
        names = {_name_for_ec2(name, member): name for name, member in shape.members.items()}
        return {
            names.get(key, key): _decode_ec2(shape.members[names[key]], item) if key in names else item
            for key, item in node.items()
        }
    if shape.type_name == "list":
        return [_decode_ec2(shape.member, node[index]) for index in sorted(node, key=int)]
    return _scalar(shape.type_name, node)


def _name_for_ec2(name: str, member: Any) -> str:
    serialized = member.serialization.get("name", name)
    return str(member.serialization.get("queryName", serialized[0].upper() + serialized[1:]))


def _scalar(kind: str, text: Any) -> Any:
    if kind in ("integer", "long"):
        return int(text)
    if kind in ("float", "double"):
        return float(text)
    if kind == "boolean":
        return text == "true"
    if kind == "timestamp":
        return parse_timestamp(text)
    return base64.b64decode(text) if kind == "blob" else text


def _from_rest(service: Any, request: Request) -> tuple[Any, Params]:
    """Of the operations that match method, path, query and headers, the most specific one."""
    fits = []
    for name in service.operation_names:
        operation = service.operation_model(name)
        found = _located(operation, request) if operation.http["method"] == request.method else None
        if found is not None:
            fits.append((found[0], name, found[1]))
    if not fits:
        raise ScriptError(f"{service.service_name} has no operation {request.method} {request.target}")
    _, name, params = max(fits, key=lambda fit: fit[0])
    operation = service.operation_model(name)
    return operation, params | _rest_body(operation, request)


def _located(operation: Any, request: Request) -> tuple[int, Params] | None:
    """What the operation takes from path, query and headers, and how much of it is required."""
    url, (pattern, _, literals) = urlsplit(request.target), operation.http["requestUri"].partition("?")
    query, wanted = (dict(parse_qsl(text, keep_blank_values=True)) for text in (url.query, literals))
    path = re.fullmatch(re.sub(r"{[^}]+\+}", "(.+)", re.sub(r"{[^}+]+}", "([^/]+)", pattern)), url.path)
    if not path or not wanted.items() <= query.items():
        return None
    labels = dict(zip(re.findall(r"{([^}+]+)", pattern), map(unquote, path.groups()), strict=True))
    sources = {"uri": labels, "querystring": query, "header": request.headers}
    params, insisted = {}, len(wanted)
    for name, member in operation.input_shape.members.items() if operation.input_shape else ():
        location, key = member.serialization.get("location"), member.serialization.get("name", name)
        if location not in sources:
            continue
        text = sources[location].get(key.lower() if location == "header" else key)
        if text is not None:
            params[name] = _scalar(member.type_name, text)
        if name in operation.input_shape.required_members:
            if text is None:
                return None
            insisted += 1
    return insisted, params


def _rest_body(operation: Any, request: Request) -> Params:
    shape = operation.input_shape
    payload = shape.serialization.get("payload") if shape else None
    if payload and shape.members[payload].type_name in ("blob", "string"):
        return {payload: request.body}
    if not request.body:
        return {}
    if operation.service_model.resolved_protocol == "rest-xml":
        raise ScriptError(f"{name_of(operation)} has a body of XML: not there yet")
    body = json.loads(request.body)
    return {payload: _decode(shape.members[payload], body)} if payload else cast(Params, _decode(shape, body))


# --- answers ---


def respond(operation: Any, answer: Params) -> Response:
    """The answer in the operation's protocol."""
    shape, protocol = operation.output_shape, operation.service_model.resolved_protocol
    check(shape, answer, f"answer to {name_of(operation)}")
    if shape is not None and shape.event_stream_name:
        raise ScriptError(f"{name_of(operation)} answers with an event stream: not there yet")
    if protocol == "json":
        return Response(200, _json(shape, answer))
    if protocol == "query":
        wrapper = (shape.serialization if shape else {}).get("resultWrapper", "Result")
        return Response(200, _xml(shape, answer, wrapper, f"{operation.name}Response"))
    if protocol == "ec2":
        return Response(200, _xml(shape, answer, f"{operation.name}Response"))
    return _rest_response(operation, answer)


def _rest_response(operation: Any, answer: Params) -> Response:
    shape, protocol = operation.output_shape, operation.service_model.resolved_protocol
    headers: dict[str, str] = {"ETag": '"e"'} if name_of(operation) == "s3.GetObject" else {}
    body: Any = {}
    for name, value in answer.items():
        member = shape.members[name]
        location, key = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "header":
            headers[key] = XML._convert_header_value(member, value)
        elif location == "headers":
            headers |= {key + suffix: text for suffix, text in value.items()}
        elif location is None:
            body[name] = value
    payload = shape.serialization.get("payload") if shape else None
    if payload:
        shape, body = shape.members[payload], body.get(payload, {})
    if payload and shape.type_name in ("blob", "string"):
        content = body.encode() if isinstance(body, str) else body or b""
    else:
        content = _json(shape, body) if protocol == "rest-json" else _xml(shape, body, "Result")
    return Response(operation.http.get("responseCode", 200), content, headers)


def refuse(operation: Any, code: str, message: str, status: int | None, members: Params) -> Response:
    """An error in the operation's protocol; an error that the service does not have is a ScriptError."""
    if not code:
        return Response(status or 503)
    service, protocol = operation.service_model, operation.service_model.resolved_protocol
    if protocol == "ec2":  # its model names no errors
        return _refused_by_ec2(code, message, status)
    in_xml = protocol in ("query", "rest-xml")
    shapes = [*operation.error_shapes, *([] if code in COMMON_ERRORS else service.error_shapes)]
    shape = next((shape for shape in shapes if shape.error_code == code), None)
    if shape is not None:
        members = members | {name: message for name in shape.members if name.lower() == "message"}
        check(shape, members, f"error {code} of {name_of(operation)}")
        status = status or shape.metadata.get("error", {}).get("httpStatusCode")
    elif code in COMMON_ERRORS and in_xml:
        code, status = COMMON_ERRORS[code][0], status or COMMON_ERRORS[code][1]
    elif code not in COMMON_ERRORS and service.service_name != "s3":  # whose model names few of its errors
        raise ScriptError(f"{name_of(operation)}: {service.service_name} has no error {code}")
    if in_xml:
        about = ElementTree.fromstring(_xml(shape, members, "Error"))
        ElementTree.SubElement(about, "Code").text = code
        ElementTree.SubElement(about, "Message").text = message
        body = ElementTree.tostring(about)
        return Response(status or 400, b"<E>%b</E>" % body if protocol == "query" else body)
    body = {"__type": code, "message": message} | json.loads(_json(shape, members))
    return Response(status or 400, json.dumps(body).encode(), {"x-amzn-errortype": code})


def _refused_by_ec2(code: str, message: str, status: int | None) -> Response:
    code, usual = ERRORS_OF_EC2.get(code, (code, 400))
    body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Response(status or usual, f"<Response><Errors>{body}</Errors><RequestID>1</RequestID></Response>".encode())


def violation(request: Request, message: str) -> Response:
    """boto3's answer for a violation in any protocol: an error that it does not retry."""
    code = "ScriptedAwsViolation"
    body = json.dumps({"__type": code, "message": message})
    if "json" not in request.headers.get("content-type", ""):
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        body = f"<ErrorResponse>{body}</ErrorResponse>" if b"Action=" in request.body else body
    return Response(400, body.encode(), {"x-amzn-errortype": code})


def _json(shape: Any, value: Params) -> bytes:
    body: Params = {}
    if shape is not None:
        JSON._serialize(body, value, shape)
    return json.dumps(body).encode()


def _xml(shape: Any, value: Params, tag: str, around: str | None = None) -> bytes:
    root = ElementTree.Element(around or "root")
    if shape is None:
        ElementTree.SubElement(root, tag)
    else:
        XML._serialize(shape, value, root, tag)
    return ElementTree.tostring(root if around else root[0])
