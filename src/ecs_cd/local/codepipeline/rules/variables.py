"""Variables of a pipeline and of its actions, and references to them.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from ecs_cd.local.codepipeline.rules.infra import Request
from ecs_cd.local.codepipeline.rules.service_error import invalid
from ecs_cd.model.names import closest

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
    """The configuration with each `#{namespace.variable}` replaced. Raises ``Unresolved`` with all that can't be."""
    wrong = list(problems(configuration, namespaces))
    if wrong:
        raise Unresolved("; ".join(wrong))

    def value(reference: re.Match[str]) -> str:
        namespace, _, name = reference[1].partition(".")
        return namespaces[namespace][name]

    return {key: _REFERENCE.sub(value, text) for key, text in configuration.items()}


def problems(configuration: Mapping[str, str], namespaces: Mapping[str, Collection[str] | None]) -> Iterator[str]:
    """The references that refer to nothing. Of a namespace that is ``None`` the variables aren't known."""
    for key, text in configuration.items():
        for reference in dict.fromkeys(_REFERENCE.findall(text)):
            why = _problem(reference, namespaces)
            if why:
                yield f"{key}: #{{{reference}}}: {why}"


def _problem(reference: str, namespaces: Mapping[str, Collection[str] | None]) -> str:
    namespace, _, name = reference.partition(".")
    if not namespace or not name:
        return "it is not of the form #{namespace.variable}"
    if namespace not in namespaces:
        return f"no action before this one has the namespace {namespace}{closest(namespace, namespaces)}"
    known = namespaces[namespace]
    if known is None or name in known:
        return ""
    return f"{namespace} has no variable {name}{closest(name, known)}; it has {', '.join(known) or 'none'}"
