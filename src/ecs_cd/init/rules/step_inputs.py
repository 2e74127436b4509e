"""The inputs of the step of ecs-cd: the document, the sign-in, and what changes with every run or environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ecs_cd.init.rules import images
from ecs_cd.init.rules.facts import Build
from ecs_cd.init.rules.plan import Document, slug
from ecs_cd.init.rules.values import is_known, is_portable, shown, sources

_ARGUMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_TAG = re.compile(r"[\w.-]{1,128}")
_OF_THE_COMMIT = ("github.sha", "the commit's tag")


@dataclass
class Shared:
    """What all new workflows share: the action, the build arguments of the app file, and the variables of the roles."""

    action: str
    arguments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()  # of runners, in the repository's configuration of actionlint
    variables: dict[str, tuple[str, str]] = field(default_factory=dict)  # by parameter: those of the role, the region


def variables(documents: list[Document]) -> dict[str, tuple[str, str]]:
    """The variables that hold the role and the region of each document. GitHub environments have their own values;
    without one, documents with other roles or regions need other names."""
    made: dict[str, tuple[str, str]] = {}
    plain = [each for each in documents if not each.environment.text]
    roles = {each.credentials for each in plain}
    regions = {each.region.text for each in plain}
    for each in documents:
        suffix = "_" + re.sub(r"[^A-Z0-9]+", "_", slug(each.name).upper())
        own = not each.environment.text
        role = f"ECS_CD_ROLE{suffix if own and len(roles) > 1 else ''}"
        region = f"AWS_REGION{suffix if own and len(regions) > 1 else ''}"
        made[each.parameter] = (role, region)
    return made


def write(document: Document, shared: Shared, unknown: list[tuple[str, str]]) -> dict[str, str]:
    """The inputs for a document; adds what is unknown."""
    role, region = shared.variables[document.parameter]
    made = {
        "config": document.parameter,
        "role-to-assume": f"${{{{ vars.{role} }}}}",
        "aws-region": f"${{{{ vars.{region} }}}}",
    }
    builds = [(image.name, image.build) for image in document.images if image.build is not None]
    arguments: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for name, build in builds:
        _arguments(name, build, shared, arguments, unknown)
        for line in build.secrets:
            key, equals, value = line.partition("=")
            if equals and is_portable(value):
                secrets[key] = shown(value)
            else:
                unknown.append((f"secrets, {key}", f"its value comes from another step ({build.place})"))
    for key, entries in (("build-args", arguments), ("secrets", secrets)):
        if entries:
            made[key] = "".join(f"{_quoted(f'{name}={value}')}\n" for name, value in entries.items())
    if tags := _tags([build for _, build in builds]):
        made["tags"] = "".join(f"{tag}\n" for tag in tags)
    if document.variables:
        made |= _environment(document, unknown)
    if document.minutes and 0 < int(document.minutes) <= 360:
        made["deployment-timeout"] = f"{document.minutes}m"
    return made


def _quoted(entry: str) -> str:
    return '"' + entry.replace('"', '""') + '"' if "\n" in entry else entry


def _arguments(name: str, build: Build, shared: Shared, found: dict[str, str], unknown: list[tuple[str, str]]) -> None:
    """The build arguments that the app file can't hold."""
    constant = shared.arguments.get(name, {})
    for text in build.arguments:
        match = _ARGUMENT.fullmatch(text)
        if match is None or match[1] in constant:
            continue
        if is_portable(match[2]):
            found[match[1]] = shown(match[2])
        else:
            unknown.append((f"build-args, {match[1]}", f"{', '.join(sources(match[2]))} ({build.place})"))


def _tags(builds: list[Build]) -> list[str]:
    """Tags in addition to the commit's, if all images get the same; none if it is only `latest`."""
    found: list[str] = []
    for build in builds:
        for each in build.tags:
            uri = images.split(each)
            whole = f"{uri.host}/{uri.name}" if uri.host else uri.name
            tag = each.removeprefix(whole).removeprefix(":")
            if tag and _is_tag(tag) and tag not in found:
                found.append(tag)
    texts = [shown(tag) for tag in found]
    return texts if texts != ["latest"] else []


def _is_tag(tag: str) -> bool:
    if any(name in _OF_THE_COMMIT for name in sources(tag)) or not is_portable(tag):
        return False
    return (is_known(tag) and _TAG.fullmatch(tag) is not None) or not is_known(tag)


def _environment(document: Document, unknown: list[tuple[str, str]]) -> dict[str, str]:
    portable = [shown(line) for line in document.variables if is_portable(line)]
    for line in document.variables:
        if not is_portable(line):
            unknown.append((f"environment-variables, {line.partition('=')[0]}", "its value comes from another step"))
    return {"environment-variables": "".join(f"{line}\n" for line in portable)} if portable else {}
