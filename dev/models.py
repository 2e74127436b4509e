"""botocore's service models, cut to the operations that src/ecs_cd/aws calls.

botocore reads a service's whole model before its first call: every operation, every shape, all documentation. Nine
tenths of that is never called. The code is read in a simple way: a file of aws/ makes clients of a service by its name,
and any call by an operation's name counts as that operation.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader

from dev.host import ROOT
from ecs_cd.local.machine import LocalError

AWS = ROOT / "src" / "ecs_cd" / "aws"
# What botocore calls by itself: to sign in (environment, profiles), and where a bucket turns out to be elsewhere.
BY_ITSELF = {
    "s3": {"CreateSession", "HeadBucket"},
    "sso": {"GetRoleCredentials"},
    "sso-oidc": {"CreateToken"},
    "sts": {"AssumeRole", "AssumeRoleWithWebIdentity"},
}
KINDS = ("service-2", "endpoint-rule-set-1")


def names_used(folder: Path = AWS) -> dict[str, set[str]]:
    """The services that the code makes clients of, each with all names that its files take attributes by."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        names = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        for service in re.findall(r'\.(?:client|once)\(\s*"([\w-]+)"', text):
            found.setdefault(service, set()).update(names)
    return found


def operations(model: Mapping[str, Any], service: str, names: Iterable[str]) -> set[str]:
    """The model's operations that the code calls by these names, and those that botocore calls itself. Raises if the
    model lacks one of them, or if the code calls none."""
    called = {name for name in model["operations"] if xform_name(name) in names}
    wanted = called | BY_ITSELF.get(service, set())
    if not wanted <= set(model["operations"]) or not (called or service in BY_ITSELF):
        raise LocalError(f"src/ecs_cd/aws makes clients of {service}, and calls nothing that botocore's model has.")
    return wanted


def cut(data: Path) -> None:
    """Leave of botocore's data what the calls need: the newest model of each service, its endpoints, the defaults."""
    used = names_used()
    services = sorted({*used, *BY_ITSELF})
    loader = Loader([str(data)], include_default_search_paths=False)
    cut_models = {service: _cut(loader, service, used.get(service, ())) for service in services}
    endpoints = _endpoints(json.loads((data / "endpoints.json").read_text()), cut_models.values())
    for place in [place for place in data.iterdir() if place.is_dir()]:
        shutil.rmtree(place)
    for service, model in cut_models.items():
        folder = data / service / model["version"]
        folder.mkdir(parents=True)
        for kind in KINDS:
            _write(folder / f"{kind}.json", model[kind])
    _write(data / "endpoints.json", endpoints)


def _cut(loader: Loader, service: str, names: Iterable[str]) -> dict[str, Any]:
    version = loader.determine_latest_version(service, "service-2")
    model, rules = (loader.load_service_model(service, kind, version) for kind in KINDS)
    kept = {name: model["operations"][name] for name in sorted(operations(model, service, names))}
    shapes = {name: model["shapes"][name] for name in sorted(_reached(kept, model["shapes"]))}
    return {
        "version": version,
        # The rest has little of it, and there botocore may look for it (clientContextParams).
        KINDS[0]: {**model, **_without_documentation({"operations": kept, "shapes": shapes})},
        KINDS[1]: rules,
    }


def _reached(operations: Any, shapes: Mapping[str, Any]) -> set[str]:
    """The names of the shapes that these are made of, directly or by way of others."""
    reached: set[str] = set()
    ahead = list(_named(operations))
    while ahead:
        if (name := ahead.pop()) not in reached:
            reached.add(name)
            ahead += _named(shapes[name])
    return reached


def _named(model: Any) -> Iterator[str]:
    if isinstance(model, dict):
        if isinstance(name := model.get("shape"), str):
            yield name
        for part in model.values():
            yield from _named(part)
    elif isinstance(model, list):
        for part in model:
            yield from _named(part)


def _without_documentation(model: Any) -> Any:
    """A member with this name is not documentation, and stays."""
    if isinstance(model, dict):
        return {
            key: _without_documentation(part)
            for key, part in model.items()
            if not (key == "documentation" and isinstance(part, str))
        }
    return [_without_documentation(part) for part in model] if isinstance(model, list) else model


def _endpoints(endpoints: dict[str, Any], models: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The regions, and the services that ecs-cd uses: botocore reads this at every start."""
    prefixes = {model[KINDS[0]]["metadata"]["endpointPrefix"] for model in models}
    for partition in endpoints["partitions"]:
        services = partition["services"].items()
        partition["services"] = {name: entry for name, entry in services if name in prefixes}
    return endpoints


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
