"""What becomes of the task definitions in tests/corpus, each by another author."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.validate import ParamValidator

from ecs_cd.document.rules.document import Service
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import WorkspaceFile
from ecs_cd.tasks.rules import comparison, difference, environment, task_definition
from tests.rules.tasks.definitions import DESCRIBED, REGISTER, SDK, normalised

CORPUS = Path(__file__).parents[2] / "corpus" / "task-definitions"
FILES = sorted(path.name for path in CORPUS.iterdir())
# Only what nobody could register: with the words that say why.
REFUSED = {
    "008.json": (  # <PORT> where a number belongs
        "containerDefinitions[0].portMappings[0].containerPort: must be a whole number",
        "containerDefinitions[0].portMappings[0].hostPort: must be a whole number",
    ),
    "009.json": (
        "containerDefinitions[0].portMappings[0].containerPort: must be a whole number",
        "containerDefinitions[0].portMappings[0].hostPort: must be a whole number",
    ),
    "033.json": ("family: is missing",),
    "041.json": (
        "the task definition in 041.json is not JSON: line 234, column 9: Expecting property name enclosed in double quotes",
    ),
    "049.json": ("environmentFiles: ECS has no such field; it belongs in containerDefinitions[]",),
    "051.yaml": (
        "version: botocore 1.2.3 has no such field",
        "containerDefinitions[0].environment[2].valueFrom: ECS has no such field; it belongs in "
        "containerDefinitions[].secrets[] or containerDefinitions[].logConfiguration.secretOptions[]",
        "logConfiguration: ECS has no such field; it belongs in containerDefinitions[]",
    ),
    "052.json": (
        "the task definition in 052.json is not JSON: line 22, column 5: Expecting property name enclosed in double quotes",
    ),
}


def read(name: str) -> task_definition.TaskDefinition:
    text = (CORPUS / name).read_bytes().decode()
    return task_definition.read(text, REGISTER, DESCRIBED, SDK, where=name)


def test_the_corpus_is_there() -> None:
    """Without its files, the test would pass."""
    assert len(FILES) == 65
    assert REFUSED.keys() < set(FILES)


@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_what_people_write_can_be_registered(name: str) -> None:
    """ecs-cd accepts whatever is understandable; normalising twice changes nothing."""
    definition = read(name)
    images = {container["name"]: "repo/app@sha256:0" for container in definition["containerDefinitions"]}
    task_definition.check_containers(definition, images, where=name)
    rendered = task_definition.with_images(definition, images)
    report = ParamValidator().validate(rendered, REGISTER)
    assert not report.has_errors(), report.generate_report()
    assert normalised(definition) == definition
    assert comparison.same(definition, read(name))
    assert difference.lines(definition, read(name)) == []
    assert len(difference.lines(None, definition)) == 1 + len(images)


@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_a_workflows_variables_leave_no_trace_in_the_next_deployment(name: str) -> None:
    """Put into every container, then left out: ECS would run the result as the template itself."""
    definition = read(name)
    images = {container["name"]: "app" for container in definition["containerDefinitions"]}
    service = Service("web", "web", WorkspaceFile(name), images)
    given = environment.variables("ECS_CD_A=1\nECS_CD_B<<END\n1\n2\nEND", what=environment.INPUT)
    added = environment.with_variables(definition, given, service)
    assert not ParamValidator().validate(task_definition.with_images(added, images), REGISTER).has_errors()
    assert normalised(added) == added
    assert not comparison.same(added, definition)
    assert environment.with_variables(added, given, service) == added
    assert comparison.same(environment.with_variables(added, (), service), definition)


@pytest.mark.parametrize("name", REFUSED)
def test_what_nobody_could_register_is_refused_with_its_place(name: str) -> None:
    """All problems at once, in words that its author would agree with."""
    with pytest.raises(Refused) as refused:
        read(name)
    problems = refused.value.problems
    assert tuple(problem for problem in problems if not problem.endswith(("problem:", "problems:"))) == REFUSED[name]
