"""Writes dev/terraform/aws.schema.json: the schema of the few types of hashicorp/aws that our modules and pages use.

The schema comes out of the PyPI package cdktn-provider-aws, whose JavaScript is made from the provider's own schema:

    python -m dev.aws_schema

The file has the form of `terraform providers schema -json`. What the JavaScript doesn't tell (defaults, checks of
values) is not in it. Both the package and the file are under the MPL-2.0: dev/terraform/aws.schema.LICENSE.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dev.host import ROOT

PACKAGE = "cdktn-provider-aws==25.8.1"
SCHEMA = ROOT / "dev" / "terraform" / "aws.schema.json"
LICENSE = ROOT / "dev" / "terraform" / "aws.schema.LICENSE"
RESOURCES = (
    "appautoscaling_target", "cloudwatch_event_rule", "cloudwatch_event_target", "cloudwatch_log_group",
    "codebuild_project", "codebuild_report_group", "codeconnections_connection", "codedeploy_app",
    "codedeploy_deployment_group", "codepipeline", "codestarconnections_connection",
    "codestarnotifications_notification_rule", "ecr_repository", "ecs_cluster", "ecs_service",
    "ecs_task_definition", "iam_openid_connect_provider", "iam_role", "iam_role_policy", "kms_key",
    "lb_listener_rule", "s3_bucket", "s3_bucket_lifecycle_configuration", "s3_bucket_policy",
    "s3_bucket_public_access_block", "s3_bucket_server_side_encryption_configuration", "s3_bucket_versioning",
    "s3_object", "security_group", "ssm_parameter", "vpc_security_group_egress_rule",
)  # fmt: skip
DATA = (
    "caller_identity", "ecr_repository", "ecs_cluster", "ecs_service", "iam_openid_connect_provider",
    "iam_policy_document", "iam_role", "kms_key", "partition", "region", "s3_bucket", "security_group",
    "ssm_parameter", "subnet",
)  # fmt: skip

Json = dict[str, Any]

# A getter's call, in the JavaScript, and the type it reads.
_SIMPLE: dict[str, Any] = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
    "getBooleanMapAttribute": ["map", "bool"],
    "cdktn.StringMap": ["map", "string"],
    "cdktn.BooleanMap": ["map", "bool"],
    "cdktn.StringMapList": ["list", ["map", "string"]],
}
_READ = re.compile("|".join(rf"\b{re.escape(name)}\(" for name in _SIMPLE))
_MEMBER = re.compile(r"^    // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n", re.M)
_NESTED = re.compile(r'new (\w+?)(List|OutputReference)\(this, "')
_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{\n(.*?)^\}\n", re.M | re.S)
_STRUCT = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}\n", re.M | re.S)
_HCL = re.compile(r"^ +(\w+): \{\n +value: .*,\n +isBlock: \w+,\n +type: \"(\w+)\"", re.M)


class Member(NamedTuple):
    """An attribute or a block: how the JavaScript declares it."""

    name: str
    computed: bool
    optional: bool
    required: bool
    source: str


class Type:
    """One resource or data source: its module of the package, by classes."""

    def __init__(self, source: str) -> None:
        self.classes: dict[str, tuple[str, str]] = {name: (base, body) for name, base, body in _CLASS.findall(source)}
        self.kinds = {function: dict(_HCL.findall(body)) for function, body in _STRUCT.findall(source)}

    def top(self) -> Json:
        body = next(body for base, body in self.classes.values() if base.startswith("Terraform"))
        return self._block(body, dict(_HCL.findall(body.partition("synthesizeHclAttributes()")[2])))

    def _block(self, body: str, kinds: dict[str, str]) -> Json:
        attributes, blocks = {}, {}
        for member in _members(body):
            nested = _NESTED.search(member.source)
            if nested and not member.computed:
                blocks[member.name] = self._nested(member, nested, kinds[member.name])
            else:
                attributes[member.name] = _attribute(member, self._type(member, nested, kinds))
        return {name: found for name, found in (("attributes", attributes), ("block_types", blocks)) if found}

    def _nested(self, member: Member, nested: re.Match[str], kind: str) -> Json:
        function = nested[1][0].lower() + nested[1][1:]
        block = self._block(self._body(nested[1]), self.kinds[function])
        mode = {"struct": "single"}.get(kind, kind)
        limits = {"min_items": 1} if member.required and mode != "single" else {}
        limits |= {"max_items": 1} if nested[2] == "OutputReference" and mode != "single" else {}
        return {"nesting_mode": mode, "block": block, **limits}

    def _type(self, member: Member, nested: re.Match[str] | None, kinds: dict[str, str]) -> Any:
        if nested:
            inner = {each.name: self._inner(each) for each in _members(self._body(nested[1]))}
            return [kinds.get(member.name, _collection(member.source)), ["object", inner]]
        found = _SIMPLE[_READ.findall(member.source)[0][:-1]]
        return ["set", *found[1:]] if "cdktn.Fn.tolist(" in member.source else found

    def _inner(self, member: Member) -> Any:
        return self._type(member, _NESTED.search(member.source), {})

    def _body(self, name: str) -> str:
        return self.classes[f"{name}OutputReference"][1]


def _members(body: str) -> Iterator[Member]:
    found = list(_MEMBER.finditer(body))
    ends = [each.start() for each in found[1:]] + [len(body)]
    for each, end in zip(found, ends, strict=True):
        computed, optional, required = (flag == "true" for flag in each.groups()[1:])
        yield Member(each[1], computed, optional, required, body[each.end() : end].split("\n    }\n")[0])


def _collection(source: str) -> str:
    """Whether a computed collection is a list or a set: the last argument tells."""
    return "set" if re.search(r", true\);", source) else "list"


def _attribute(member: Member, kind: Any) -> Json:
    flags = {"required": member.required, "optional": member.optional, "computed": member.computed}
    return {"type": kind, **{name: True for name, given in flags.items() if given}}


def schema(package: tarfile.TarFile) -> Json:
    """The schema of all types, as `terraform providers schema -json` has it."""
    version = set[str]()

    def read(kind: str, name: str) -> Json:
        folder = f"{kind}{name}".replace("_", "-")
        member = package.extractfile(f"package/lib/{folder}/index.js")
        assert member
        source = member.read().decode().partition("//# sourceMappingURL")[0]
        version.update(re.findall(r"providerVersion: '([\d.]+)'", source))
        return {"version": 0, "block": Type(source).top()}

    found = {
        "resource_schemas": {f"aws_{name}": read("", name) for name in RESOURCES},
        "data_source_schemas": {f"aws_{name}": read("data_aws_", name) for name in DATA},
    }
    return {"provider": f"hashicorp/aws {version.pop()}", **found}


def _package(folder: Path) -> tarfile.TarFile:
    """The JavaScript inside the wheel, which pip fetches."""
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", PACKAGE]
    subprocess.run(fetch, cwd=folder, check=True)
    wheel = zipfile.ZipFile(next(folder.glob("*.whl")))
    inner = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    return tarfile.open(fileobj=io.BytesIO(wheel.read(inner)))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, _package(Path(folder)) as package:
        SCHEMA.write_text(json.dumps(schema(package), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        notice = package.extractfile("package/LICENSE")
        assert notice
        LICENSE.write_bytes(notice.read())
    print(f"{SCHEMA.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
