"""Task definitions for tests: ECS's model, a small template, and what Hypothesis makes of it."""

from __future__ import annotations

from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import strategies as st

from ecs_cd.tasks.rules import task_definition

ECS = ServiceModel(Loader().load_service_model("ecs", "service-2"))
SDK = "botocore 1.2.3"
REGISTER: Any = ECS.operation_model("RegisterTaskDefinition").input_shape
DESCRIBED: Any = ECS.shape_for("TaskDefinition")
OUTPUT_ONLY = {
    "compatibilities": ["EC2", "FARGATE"],
    "deleteRequestedAt": "2026-01-03T00:00:00Z",
    "deregisteredAt": "2026-01-02T00:00:00Z",
    "registeredAt": "2026-01-01T00:00:00Z",
    "registeredBy": "arn:aws:iam::123456789012:role/cd",
    "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}],
    "revision": 7,
    "status": "ACTIVE",
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
}


def web(*, top: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """A small template; keywords are members of its only container."""
    return {"family": "web", "containerDefinitions": [{"name": "app", "image": "app:1", **container}], **(top or {})}


_WORD = st.text("abcXYZ019-_/.:", min_size=1, max_size=8).filter(lambda text: not text.startswith("__"))


def _named(name: str, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """A list whose elements differ in one member."""
    elements = st.fixed_dictionaries({name: _WORD, **members})
    return st.lists(elements, max_size=4, unique_by=lambda element: element[name])


_LOG = st.fixed_dictionaries(
    {"logDriver": st.sampled_from(["awslogs", "splunk"])},
    optional={"options": st.dictionaries(_WORD, st.text(max_size=5), max_size=3)},
)
_CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": _WORD, "image": _WORD},
        optional={
            "command": st.lists(st.text(max_size=5), max_size=4),
            "environment": _named("name", value=st.text(max_size=5)),
            "secrets": _named("name", valueFrom=_WORD),
            "portMappings": st.lists(st.fixed_dictionaries({"containerPort": st.integers(1, 65535)}), max_size=3),
            "mountPoints": _named("containerPath", sourceVolume=_WORD, readOnly=st.booleans()),
            "ulimits": _named("name", softLimit=st.integers(0, 9), hardLimit=st.integers(0, 9)),
            "dependsOn": _named("containerName", condition=st.sampled_from(["START", "HEALTHY"])),
            "cpu": st.integers(0, 4096),
            "essential": st.booleans(),
            "healthCheck": st.fixed_dictionaries({"command": st.just(["CMD", "x"])}),
            "logConfiguration": _LOG,
            "dockerLabels": st.dictionaries(_WORD, _WORD, max_size=3),
        },
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda container: container["name"],
)
DEFINITIONS = st.fixed_dictionaries(
    {"family": st.just("web"), "containerDefinitions": _CONTAINERS},
    optional={
        "cpu": st.sampled_from(["256", "0.25 vCPU", "1vCPU"]),
        "memory": st.sampled_from(["512", "1 GB"]),
        "networkMode": st.sampled_from(["awsvpc", "bridge", "host"]),
        "volumes": _named("name"),
        "tags": _named("key", value=st.text(max_size=5)),
        "requiresCompatibilities": st.lists(st.sampled_from(["EC2", "FARGATE"]), unique=True),
    },
)

# So few that two of them are often alike, and seldom in all.
_A = st.sampled_from(["", "a"])
_FEW = st.fixed_dictionaries(
    {"name": st.sampled_from(["app", "labels"]), "image": st.just("i")},
    optional={
        "command": st.lists(_A, max_size=2),
        "environment": st.lists(st.fixed_dictionaries({"name": st.just("A"), "value": _A}), max_size=2),
        "essential": st.booleans(),
        "dockerLabels": st.dictionaries(st.sampled_from(["a", "token"]), _A, max_size=1),
        "portMappings": st.lists(st.fixed_dictionaries({"containerPort": st.just(80)}, optional={"hostPort": st.sampled_from([0, 80])}), max_size=1),
    },
)  # fmt: skip
FEW = st.fixed_dictionaries(
    {"family": st.just("web"), "containerDefinitions": st.lists(_FEW, min_size=1, max_size=2)},
    optional={
        "cpu": st.sampled_from(["256", ".25 vcpu", "512"]),
        "networkMode": st.sampled_from(["awsvpc", "bridge"]),
        "volumes": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["data", "labels"])},
                optional={"host": st.fixed_dictionaries({"sourcePath": _A})},
            ),
            max_size=2,
        ),
        "requiresCompatibilities": st.lists(st.sampled_from(["EC2", "FARGATE"]), unique=True),
    },
)

_UNORDERED = {
    "containerDefinitions", "environment", "secrets", "portMappings", "mountPoints", "ulimits", "dependsOn", "volumes",
    "tags", "requiresCompatibilities",
}  # fmt: skip


@st.composite
def shuffled(draw: st.DrawFn, definition: dict[str, Any]) -> dict[str, Any]:
    """The same definition with another order of keys, and of all lists whose order is irrelevant."""

    def turn(value: Any, field: str) -> Any:
        if isinstance(value, dict):
            return {key: turn(value[key], key) for key in draw(st.permutations(list(value)))}
        if isinstance(value, list):
            items = [turn(item, field) for item in value]
            return draw(st.permutations(items)) if field in _UNORDERED else items
        return value

    turned: dict[str, Any] = turn(definition, "")
    return turned


def normalised(content: dict[str, Any]) -> dict[str, Any]:
    found: list[str] = []
    definition = task_definition.normalise(content, REGISTER, DESCRIBED, SDK, found)
    assert not found
    return definition


def containers(*names: str) -> dict[str, Any]:
    return {"containerDefinitions": [{"name": name, "image": "i"} for name in names]}
