"""Variables of a pipeline and of its actions, and references to them.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ecs_cd.local.codepipeline.rules.infra import Request
from ecs_cd.local.codepipeline.rules.service_error import invalid

_REFERENCE = re.compile(r"#\{([^{}]*)\}")


class Unresolved(Exception):
    """References that have no value; the text names each."""


def given(declared: Request, values: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The values of all variables that the pipeline declares: those of the start, else the defaults."""
    known = {each["name"]: each.get("defaultValue") for each in declared.get("variables", ())}
    named = {each["name"]: each["value"] for each in values}
    if named and declared.get("pipelineType") != "V2":
        raise invalid("Pipeline variables are supported for V2 pipelines only")
    unknown = [name for name in named if name not in known]
    if unknown:
        raise invalid(f"Pipeline '{declared['name']}' does not declare the variables: {', '.join(unknown)}")
    found = {name: named.get(name, default) for name, default in known.items()}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise invalid(f"Variables must have a value, because they have no default: {', '.join(missing)}")
    return {name: str(value) for name, value in found.items()}


def resolved(configuration: Mapping[str, str], namespaces: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The configuration with each `#{namespace.key}` replaced. Raises ``Unresolved`` with all that have no value."""
    unknown = dict.fromkeys(
        f"{key}: #{{{reference}}} {problem}"
        for key, text in configuration.items()
        for reference in _REFERENCE.findall(text)
        if (problem := _problem(reference, namespaces))
    )
    if unknown:
        raise Unresolved("; ".join(unknown))
    return {key: _REFERENCE.sub(lambda m: _value(m[1], namespaces), text) for key, text in configuration.items()}


def _problem(reference: str, namespaces: Mapping[str, Mapping[str, str]]) -> str:
    namespace, dot, key = reference.partition(".")
    if not dot or not namespace or not key:
        return "is not of the form #{namespace.key}"
    if namespace not in namespaces:
        return f"has no value: no action before this one has the namespace {namespace}"
    if key in namespaces[namespace]:
        return ""
    known = ", ".join(namespaces[namespace]) or "nothing"
    return f"has no value: {namespace} has {known}"


def _value(reference: str, namespaces: Mapping[str, Mapping[str, str]]) -> str:
    namespace, _, key = reference.partition(".")
    return namespaces[namespace][key]
