"""From a CloudFormation template and its parameters to what it declares."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from ecs_cd.local.codepipeline.rules import resource_types, template
from ecs_cd.local.codepipeline.rules.infra import (
    DeploymentGroup,
    Infra,
    Object,
    Parameter,
    Request,
    Rule,
    Target,
    target,
)
from ecs_cd.local.codepipeline.rules.intrinsics import Resolver, Wrong
from ecs_cd.model.errors import Refused, checked

STACK = "local"  # the stack's name

_READ = {
    "AWS::CodePipeline::Pipeline",
    "AWS::CodeBuild::Project",
    "AWS::Events::Rule",
    "AWS::SSM::Parameter",
    "AWS::S3::Bucket",
    "AWS::Logs::LogGroup",
    "AWS::CodeDeploy::DeploymentGroup",
}
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "AWS::CodePipeline::Pipeline": ("RoleArn", "Stages"),
    "AWS::CodeBuild::Project": ("Artifacts", "Environment", "ServiceRole", "Source"),
    "AWS::SSM::Parameter": ("Value",),
}
# Properties of CloudFormation alone, which are no parameters of CreatePipeline or CreateProject.
_NOT_SENT = {"RestartExecutionOnUpdate", "Tags", "Triggers@Project", "Visibility", "ResourceAccessRole"}
_NOT_SUPPORTED = {"DisableInboundStageTransitions": "disable the transition after the start instead"}
_NAMES = {"BuildSpec": "buildspec"}  # where the API's name has another first letter, or more
_INTEGERS = {"runOrder", "timeoutInMinutes", "queuedTimeoutInMinutes", "gitCloneDepth"}
_BOOLEANS = {"privilegedMode", "insecureSsl", "encryptionDisabled", "overrideArtifactName", "reportBuildStatus"}
_AS_WRITTEN = {"configuration"}  # whose keys belong to the action's provider


class Resource(NamedTuple):
    """A resource of the stack, its functions resolved. ``name`` is what it is called in AWS."""

    type: str
    name: str
    properties: Mapping[str, Any]
    metadata: Mapping[str, Any]


def read(
    text: str, parameters: Mapping[str, str], *, account: str, region: str, content: Callable[[str], bytes]
) -> Infra:
    """What the template declares. ``content`` reads a file beside the template; it may raise ``OSError``."""
    found = resources(text, parameters, account=account, region=region, only=_READ)

    def of(kind: str) -> list[Resource]:
        return [each for each in found.values() if each.type == kind]

    pipelines = {each.name: request(each) for each in of("AWS::CodePipeline::Pipeline")}
    projects = {each.name: request(each) for each in of("AWS::CodeBuild::Project")}
    objects = tuple(made for each in of("AWS::S3::Bucket") for made in _uploads(each, content))
    return Infra(
        pipelines=pipelines,
        projects=projects,
        rules=_rules(of("AWS::Events::Rule"), pipelines, projects),
        parameters=tuple(
            Parameter(each.name, str(each.properties["Value"]), str(each.properties.get("Type", "String")))
            for each in of("AWS::SSM::Parameter")
        ),
        buckets={each.bucket: False for each in objects}
        | {each.name: _is_versioned(each.properties) for each in of("AWS::S3::Bucket")},
        objects=objects,
        log_groups=tuple(each.name for each in of("AWS::Logs::LogGroup")),
        deployment_groups=tuple(made for each in of("AWS::CodeDeploy::DeploymentGroup") for made in _groups(each)),
    )


def resources(
    text: str, parameters: Mapping[str, str], *, account: str, region: str, only: Collection[str] = ()
) -> dict[str, Resource]:
    """The resources whose condition holds, by their logical names; of some types only, or of all."""
    stack = _Stack(text, parameters, resource_types.pseudo_parameters(account, region, STACK))
    found = stack.resources(only)
    problems = stack.resolver.problems or [*_unsupported(found), *_missing(found)]
    if problems:
        raise Refused(dict.fromkeys(problems))
    return found


class _Stack:
    """The template with the values of its parameters."""

    def __init__(self, text: str, parameters: Mapping[str, str], pseudo: Mapping[str, str]) -> None:
        self.template = template.load(text)
        self.pseudo = pseudo
        self.resolver = Resolver(
            parameters={**pseudo, "AWS::NotificationARNs": [], **template.values(self.template, parameters)},
            conditions=self.template.get("Conditions", {}),
            mappings=self.template.get("Mappings", {}),
            resource=self._attribute,
        )
        self._asked: list[str] = []
        self._assert_rules()

    def resources(self, only: Collection[str]) -> dict[str, Resource]:
        declared = {
            logical: each
            for logical, each in self.template["Resources"].items()
            if self._is_made(logical) and (not only or each.get("Type") in only)
        }
        return {logical: self._resource(logical, each) for logical, each in declared.items()}

    def _resource(self, logical: str, declared: Mapping[str, Any]) -> Resource:
        place = f"Resources.{logical}"
        properties = self.resolver.resolve(declared.get("Properties", {}), f"{place}.Properties")
        metadata = self.resolver.resolve(declared.get("Metadata", {}), f"{place}.Metadata")
        return Resource(str(declared.get("Type", "")), self._name(logical), properties, metadata)

    def _is_made(self, logical: str) -> bool:
        condition = self.template["Resources"][logical].get("Condition")
        try:
            return condition is None or self.resolver.is_true(str(condition), f"Resources.{logical}.Condition")
        except Wrong as wrong:
            self.resolver.problems.append(str(wrong))
            return False

    def _attribute(self, logical: str, attribute: str) -> str:
        """An attribute of a resource; Ref's is empty."""
        if logical not in self.template["Resources"]:
            raise LookupError(f"there is no parameter or resource {logical}")
        declared = self.template["Resources"][logical]
        kind = resource_types.TYPES.get(declared.get("Type", ""))
        if not self._is_made(logical):
            raise LookupError(f"the condition of the resource {logical} doesn't hold")
        if kind is None:
            raise LookupError(f"references to {declared.get('Type')} aren't supported")
        path = self.resolver.resolve(declared.get("Properties", {}).get("Path", "/"), f"Resources.{logical}.Path")
        words = resource_types.words(logical, self._name(logical), {"Path": path}, self.pseudo)
        try:
            return kind.attribute(attribute, words)
        except LookupError as error:
            raise LookupError(f"{logical} is a {declared['Type']}: {error.args[0]}") from None

    def _name(self, logical: str) -> str:
        """The name in the properties, or else one such as CloudFormation makes up."""
        declared = self.template["Resources"][logical]
        kind = resource_types.TYPES.get(declared.get("Type", ""))
        written = declared.get("Properties", {}).get(kind.name) if kind and kind.name else None
        if written is None:
            return f"{STACK}-{logical}".lower() if declared.get("Type") == "AWS::S3::Bucket" else f"{STACK}-{logical}"
        if logical in self._asked:
            raise LookupError(f"the name of {logical} depends on itself")
        self._asked.append(logical)
        found = self.resolver.resolve(written, f"Resources.{logical}.Properties.{kind.name if kind else ''}")
        self._asked.pop()
        return str(found)

    def _assert_rules(self) -> None:
        """The template's Rules; a rule without a condition always counts."""
        for name, rule in self.template.get("Rules", {}).items():
            place = f"Rules.{name}"
            try:
                if "RuleCondition" in rule and not self.resolver.holds(rule["RuleCondition"], place):
                    continue
                for each in rule["Assertions"]:
                    if not self.resolver.holds(each["Assert"], place):
                        self.resolver.problems.append(f"{place}: {each.get('AssertDescription', 'is violated')}")
            except Wrong as wrong:
                self.resolver.problems.append(str(wrong))


def _unsupported(found: Mapping[str, Resource]) -> Iterator[str]:
    for logical, each in found.items():
        for name in sorted(set(_NOT_SUPPORTED) & set(each.properties)):
            yield f"Resources.{logical}.Properties.{name}: isn't supported; {_NOT_SUPPORTED[name]}"


def _missing(found: Mapping[str, Resource]) -> Iterator[str]:
    for logical, each in found.items():
        for name in _REQUIRED.get(each.type, ()):
            if name not in each.properties:
                yield f"Resources.{logical}.Properties.{name}: is missing"


# --- as AWS's own requests ---


def request(resource: Resource) -> Request:
    """The parameters of the API's Create operation."""
    short = resource.type.rpartition("::")[2]
    sent = {
        name: value
        for name, value in resource.properties.items()
        if name not in _NOT_SENT and f"{name}@{short}" not in _NOT_SENT
    }
    return {**_as_sent(sent), "name": resource.name}


def _as_sent(value: Any) -> Any:
    """With the API's names: the first letter in lower case."""
    if isinstance(value, list):
        return [_as_sent(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _member(name, each) for name, each in ((_camel(key), each) for key, each in value.items())}


def _camel(name: str) -> str:
    return _NAMES.get(name, name[:1].lower() + name[1:])


def _member(name: str, value: Any) -> Any:
    if name in _AS_WRITTEN:
        return {key: _text(each) for key, each in value.items()}
    if name in _INTEGERS:
        return int(value)
    if name in _BOOLEANS:
        return str(value).lower() == "true"
    return _as_sent(value) if isinstance(value, (dict, list)) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, separators=(",", ":")) if isinstance(value, (dict, list)) else str(value)


def _rules(found: list[Resource], pipelines: Collection[str], projects: Collection[str]) -> tuple[Rule, ...]:
    """The rules that start one of these pipelines or projects. A schedule and a disabled rule start nothing here."""
    rules, problems = [], []
    for each in found:
        ours = [its for its in each.properties.get("Targets", []) if target(str(its["Arn"]), pipelines, projects)]
        pattern = each.properties.get("EventPattern")
        if pattern and ours and each.properties.get("State") != "DISABLED":
            problems += [f"{each.name}: {name} is not read here" for name in _not_read(each.properties, ours)]
            read = json.loads(pattern) if isinstance(pattern, str) else pattern
            rules.append(Rule(each.name, read, tuple(map(_target, ours))))
    if problems:
        raise Refused(problems)
    return tuple(rules)


def _not_read(properties: Mapping[str, Any], targets: list[Mapping[str, Any]]) -> list[str]:
    other_bus = properties.get("EventBusName", "default") != "default"
    return [
        *(["EventBusName"] if other_bus else []),
        *(["InputPath"] if any("InputPath" in each for each in targets) else []),
    ]


def _target(given: Mapping[str, Any]) -> Target:
    """A constant `Input` is a template without paths."""
    transformer = given.get("InputTransformer", {})
    return Target(
        str(given["Arn"]),
        transformer.get("InputPathsMap", {}),
        str(transformer.get("InputTemplate", given.get("Input", ""))),
    )


def _groups(resource: Resource) -> Iterator[DeploymentGroup]:
    for service in resource.properties.get("ECSServices", []):
        application = str(resource.properties["ApplicationName"])
        yield DeploymentGroup(application, resource.name, str(service["ClusterName"]), str(service["ServiceName"]))


def _is_versioned(properties: Mapping[str, Any]) -> bool:
    return bool(properties.get("VersioningConfiguration", {}).get("Status") == "Enabled")


def _uploads(bucket: Resource, content: Callable[[str], bytes]) -> tuple[Object, ...]:
    """What the bucket's metadata says that is uploaded: EcsCd: {Uploads: [{File: source.zip, To: s3://bucket/key}]}."""
    listed = bucket.metadata.get("EcsCd", {}).get("Uploads", [])
    return tuple(checked(*(_reader(each["File"], each["To"], content) for each in listed)))


def _reader(path: str, url: str, content: Callable[[str], bytes]) -> Callable[[], Object]:
    def read_file() -> Object:
        where, _, key = url.removeprefix("s3://").partition("/")
        try:
            return Object(where, key, content(path))
        except OSError as error:
            why = f"{url}: the file {path} can't be read: {error.strerror}"
            raise Refused(why, "Put it beside the template.") from None

    return read_file
