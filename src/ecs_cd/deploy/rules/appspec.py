"""AppSpecs of CodeDeploy for ECS: read one, make one from the service, insert the task definition.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest
from ecs_cd.tasks.rules.task_definition import container

AppSpec = dict[str, Any]

_TYPE = "AWS::ECS::Service"
# What no name, ARN or id in an AppSpec contains, but nearly every kind of placeholder does. `$LATEST` is a version of a
# Lambda function.
_PLACEHOLDER = re.compile(r"[<>{}\[\]%\s]|\$(?!LATEST$)|^__.*__$")
_IDS = {"subnets": "subnet-", "securitygroups": "sg-"}  # how EC2's ids start
_REMEDY = (
    "ecs-cd inserts only the task definition: write everything else as CodeDeploy needs it, or omit the appspec, and "
    "ecs-cd makes it from the service."
)


def read(text: str, *, where: str) -> AppSpec:
    """The AppSpec in ``text`` (JSON or YAML). Keys stay as written, in any case.

    A missing version becomes 0.0, the only one that exists; empty keys are dropped; a port written as text becomes a
    number. For the input of ``aws deploy create-deployment``, reads the AppSpec inside it. Raises ``Refused`` with
    every problem and its path.
    """
    what = f"the appspec in {where}"
    content = json_yaml.parse(text, what=what)
    inside = _inside(content, "revision", "appSpecContent", "content")
    if isinstance(inside, str):
        return read(inside, where=f"{where}, revision.appSpecContent.content")
    ours = isinstance(content, Mapping) and _key(content, "resources")  # else no key of the file belongs in a log
    found = [f"{path}: occurs twice; keep one" for path in json_yaml.duplicate_keys(content)] if ours else []
    found += _problems(content)
    if found:
        raise _refused(what, found, "See the AppSpec file for an ECS deployment in CodeDeploy's documentation.")
    fitted: AppSpec = _fitted(content)
    return fitted if _key(fitted, "version") else {"version": 0.0, **fitted}


def check(appspec: Mapping[str, Any], definition: Mapping[str, Any], *, where: str) -> None:
    """Raises ``Refused`` for what CodeDeploy and ECS would refuse minutes later.

    That is placeholders, and a container or port that the task definition does not have.
    """
    found: list[str] = []
    for path, properties in _all_properties(appspec):
        found += _placeholders({k: v for k, v in properties.items() if k.lower() != "taskdefinition"}, path)
        if not found:
            found += _load_balancer_problems(properties, path, definition)
    hooks = _key(appspec, "hooks")
    found += _placeholders(appspec[hooks], hooks) if hooks else []
    if found:
        raise _refused(f"the appspec in {where}", found, _REMEDY)


def dropped_capacity_providers(appspec: Mapping[str, Any], service: Mapping[str, Any]) -> list[str]:
    """The names in the service's capacity provider strategy, if a resource of the AppSpec states none."""
    task_set: Mapping[str, Any] = next((s for s in service.get("taskSets", ()) if s.get("status") == "PRIMARY"), {})
    strategy = service.get("capacityProviderStrategy") or task_set.get("capacityProviderStrategy") or ()
    stated = all(_key(properties, "capacityproviderstrategy") for _, properties in _all_properties(appspec))
    return [] if stated else [str(each.get("capacityProvider")) for each in strategy]


def with_task_definition(appspec: Mapping[str, Any], arn: str) -> AppSpec:
    """A copy in which every resource runs this task definition, replacing any other."""

    def rewritten(resource: Mapping[str, Any]) -> dict[str, Any]:
        name = _key(resource, "properties")
        properties = resource[name]
        return {**resource, name: {**properties, _key(properties, "taskdefinition") or "TaskDefinition": arn}}

    resources = _key(appspec, "resources")
    return {
        **appspec,
        resources: [{name: rewritten(body) for name, body in entry.items()} for entry in appspec[resources]],
    }


def of_service(service: Mapping[str, Any]) -> AppSpec:
    """The AppSpec that changes only the service's task definition, which the caller must insert.

    Takes what the service itself does not show from its PRIMARY task set. Raises ``Refused`` without a load balancer,
    because CodeDeploy moves a load balancer's traffic.
    """
    primary: Mapping[str, Any] = next(
        (each for each in service.get("taskSets", ()) if each.get("status") == "PRIMARY"), {}
    )

    def setting(name: str) -> Any:
        return service.get(name) or primary.get(name)

    load_balancer = next((each for each in setting("loadBalancers") or () if each.get("containerName")), None)
    if load_balancer is None:
        raise Refused(
            f"the service {service.get('serviceName')} has no loadBalancers whose traffic CodeDeploy could move",
            "Name an appspec with a LoadBalancerInfo in the document's `codedeploy`.",
        )
    awsvpc = (setting("networkConfiguration") or {}).get("awsvpcConfiguration")
    properties = {
        "TaskDefinition": "",
        "LoadBalancerInfo": {
            "ContainerName": load_balancer["containerName"],
            "ContainerPort": load_balancer["containerPort"],
        },
        "PlatformVersion": setting("platformVersion"),
        "NetworkConfiguration": {"AwsvpcConfiguration": _capitalised(awsvpc)} if awsvpc else None,
        "CapacityProviderStrategy": [_capitalised(each) for each in setting("capacityProviderStrategy") or ()],
    }
    kept = {name: value for name, value in properties.items() if value or name == "TaskDefinition"}
    return {"version": 0.0, "Resources": [{"TargetService": {"Type": _TYPE, "Properties": kept}}]}


def content(appspec: Mapping[str, Any]) -> tuple[str, str]:
    """The text for CreateDeployment, and its SHA-256."""
    text = json.dumps(appspec)
    return text, hashlib.sha256(text.encode()).hexdigest()


def task_definition(text: str) -> str:
    """The task definition that the AppSpec in this text deploys; empty if unknown."""
    try:
        found = json_yaml.parse(text, what="the appspec")
    except Refused:
        return ""
    if _problems(found):
        return ""
    arns = {str(each.get(_key(each, "taskdefinition"), "")) for _, each in _all_properties(found)}
    return arns.pop() if len(arns) == 1 else ""


# ---- its structure ----


def _key(mapping: Mapping[str, Any], name: str) -> str:
    """The key of this name as written; empty if it is missing."""
    return next((key for key in mapping if key.lower() == name), "")


def _all_properties(appspec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each resource's properties, with their path."""
    resources = _key(appspec, "resources")
    for index, entry in enumerate(appspec[resources]):
        for name, resource in entry.items():
            properties = _key(resource, "properties")
            yield f"{resources}[{index}].{name}.{properties}", resource[properties]


def _problems(content: Any) -> list[str]:
    if not isinstance(content, Mapping):
        return ["must be a mapping that holds `version` and `Resources`"]
    name = _key(content, "resources")
    if not name:
        of_ec2 = "; this is an AppSpec for EC2" if _key(content, "files") or _key(content, "os") else ""
        return [f"Resources: is missing{of_ec2}"]
    resources = content[name]
    if not isinstance(resources, list) or not resources:
        return [f"{name}: must be a list with the service in it, as in `- TargetService: ...`"]
    found: list[str] = []
    for index, entry in enumerate(resources):
        path = f"{name}[{index}]"
        if not isinstance(entry, Mapping) or not entry:
            found.append(f"{path}: must be a mapping, as in `TargetService: ...`")
            continue
        for inner, resource in entry.items():
            found += _resource_problems(resource, f"{path}.{inner}")
    return found


def _resource_problems(resource: Any, path: str) -> list[str]:
    if not isinstance(resource, Mapping):
        return [f"{path}: must be a mapping that holds `Type` and `Properties`"]
    found = []
    kind = _key(resource, "type")
    if kind and resource[kind] != _TYPE:
        found.append(f"{path}.{kind}: must be {_TYPE}")
    properties = _key(resource, "properties")
    if not isinstance(resource.get(properties), Mapping):
        found.append(f"{path}.{properties or 'Properties'}: must be a mapping that holds `LoadBalancerInfo`")
    return found


def _fitted(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _fitted(inner, key.lower()) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_fitted(inner) for inner in value]
    if name == "containerport" and isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value.strip()):
        return int(value)
    return value


def _inside(content: Any, *path: str) -> Any:
    for name in path:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def _capitalised(members: Mapping[str, Any]) -> dict[str, Any]:
    """ECS's ``assignPublicIp`` is the AppSpec's ``AssignPublicIp``."""
    return {name[0].upper() + name[1:]: value for name, value in members.items()}


# ---- its values ----


def _placeholders(value: Any, path: str, name: str = "") -> list[str]:
    if isinstance(value, Mapping):
        return [each for key, inner in value.items() for each in _placeholders(inner, json_yaml.join(path, key), key)]
    if isinstance(value, list):
        return [each for index, inner in enumerate(value) for each in _placeholders(inner, f"{path}[{index}]", name)]
    begins = _IDS.get(name.lower(), "")
    if isinstance(value, str) and (_PLACEHOLDER.search(value) or not value.startswith(begins)):
        return [f"{path}: is still a placeholder"]
    return []


def _load_balancer_problems(properties: Mapping[str, Any], path: str, definition: Mapping[str, Any]) -> list[str]:
    name = _key(properties, "loadbalancerinfo")
    info = properties.get(name)
    path = json_yaml.join(path, name or "LoadBalancerInfo")
    if not isinstance(info, Mapping):
        return [f"{path}: must be a mapping that holds `ContainerName` and `ContainerPort`"]
    name_key, port_key = _key(info, "containername"), _key(info, "containerport")
    there = [str(each.get("name", "")) for each in definition.get("containerDefinitions", ())]
    wanted, port = str(info.get(name_key, "")), info.get(port_key)
    found = []
    if wanted not in there:
        known = f"the task definition has no container `{wanted}`{closest(wanted, there)}; it has {', '.join(there)}"
        found.append(f"{path}.{name_key or 'ContainerName'}: {known if wanted else 'is missing'}")
    if not isinstance(port, int) or isinstance(port, bool):
        found.append(f"{path}.{port_key or 'ContainerPort'}: must be a port number")
    elif not found and not _has_port(container(definition, wanted), port):
        found.append(f"{path}.{port_key}: container `{wanted}` has no containerPort {port} in its portMappings")
    return found


def _has_port(definition: Mapping[str, Any], port: int) -> bool:
    mappings = definition.get("portMappings", ())
    return any(each.get("containerPort") == port or "containerPortRange" in each for each in mappings)


def _refused(what: str, found: list[str], remedy: str) -> Refused:
    return Refused([f"{what} has {len(found)} problem{'s' * (len(found) > 1)}:", *found], remedy)
