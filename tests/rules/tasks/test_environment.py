"""The input environment-variables with a document: what it may set, and in which containers."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.document.rules.document import OneOffTask, Service
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import WorkspaceFile
from ecs_cd.tasks.rules import environment
from ecs_cd.tasks.rules.environment import LABEL, Variable

WHAT = environment.INPUT


def template(**containers: dict[str, Any]) -> dict[str, Any]:
    return {"family": "f", "containerDefinitions": [{"name": name, **more} for name, more in containers.items()]}


def service(key: str = "web", *containers: str, allowed: tuple[str, ...] | None = None) -> Service:
    images = dict.fromkeys(containers or ("app",), "app")
    return Service(key, key, WorkspaceFile("t.json"), images, environment_from_app=allowed)


def given(text: str) -> tuple[Variable, ...]:
    return environment.variables(text, what=WHAT)


def values(definition: dict[str, Any], container: str = "app") -> dict[str, str]:
    """A container's variables by name."""
    (found,) = [each for each in definition["containerDefinitions"] if each["name"] == container]
    return {item["name"]: item["value"] for item in found.get("environment", ())}


def problems(text: str, definition: dict[str, Any], entry: Service) -> list[str]:
    with pytest.raises(Refused) as refused:
        environment.with_variables(definition, given(text), entry)
    assert refused.value.remedy == f"The infra repo allows variables with {entry.path}.environment-from-app."
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=1", Variable(2, "A", "1")),
        ("app/A=1", Variable(2, "A", "1", "app")),
        ("web/app/A=1", Variable(2, "A", "1", "app", "web")),
        ("my.web-1/app_2/A.B=a/b=c", Variable(2, "A.B", "a/b=c", "app_2", "my.web-1")),
        ("app/A<<END\n1\n2\nEND", Variable(2, "A", "1\n2", "app")),
    ],
)
def test_a_variable_can_have_a_container_and_an_entry_of_the_document(line: str, expected: Variable) -> None:
    """The value can be anything, also of several lines."""
    assert given(f"\n{line}\n") == (expected,)


@pytest.mark.parametrize("line", ["/A=1", "a//A=1", "a/b/c/A=1", "a b/A=1", "+a/A=1", "app/2A=1", "app/=1", "a/b/=="])
def test_a_prefix_that_can_not_be_one_is_refused_by_its_line_number(line: str) -> None:
    """The line is not printed: it may belong to a secret of several lines."""
    with pytest.raises(Refused) as refused:
        given(f"X=1\n{line}")
    assert refused.value.problems == (
        f"{WHAT}, line 2: the name is not valid; it has letters, digits, `_`, `.`, `-` and `:`",
    )


def test_a_variable_reaches_every_container_whose_image_the_document_sets() -> None:
    """A sidecar of the infra repo keeps its environment."""
    definition = template(app={}, nginx={"environment": [{"name": "X", "value": "x"}]}, agent={})
    found = environment.with_variables(definition, given("A=1"), service("web", "app", "nginx"))
    assert [values(found, name) for name in ("app", "nginx", "agent")] == [{"A": "1"}, {"X": "x", "A": "1"}, {}]


def test_a_prefix_limits_a_variable_and_the_longer_one_wins() -> None:
    """Whatever the order of the lines; of two equal lines the later one wins."""
    text = "web/app/A=web\nA=all\napp/A=app\nworker/app/B=worker\nnginx/C=c\napp/D=1\napp/D=2"
    definition = template(app={}, nginx={})
    found = environment.with_variables(definition, given(text), service("web", "app", "nginx"))
    assert values(found) == {"A": "web", "D": "2"}
    assert values(found, "nginx") == {"A": "all", "C": "c"}
    assert values(environment.with_variables(definition, given(text), service("api"))) == {"A": "app", "D": "2"}


def test_a_migration_has_the_key_migration() -> None:
    """So that a workflow can set a variable of its container alone."""
    migration = OneOffTask(WorkspaceFile("t.json"), "app", "app", "web")
    found = environment.with_variables(template(app={}), given("migration/app/A=1\nweb/app/B=2"), migration)
    assert values(found) == {"A": "1"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("KEPT=hunter2", "the template of services.web sets `KEPT` in container `app`"),
        ("HIDDEN=hunter2", "the template of services.web sets `HIDDEN` from a secret in container `app`"),
        ("web/app/KEPT=hunter2", "the template of services.web sets `KEPT` in container `app`"),
    ],
)
def test_what_the_template_sets_is_refused(line: str, sentence: str) -> None:
    """Unless the infra repo allows it; the value is never printed."""
    own = {"environment": [{"name": "KEPT", "value": "x"}], "secrets": [{"name": "HIDDEN", "valueFrom": "arn"}]}
    assert problems(f"OTHER=1\n{line}", template(app=own), service()) == [f"{WHAT}, line 2: {sentence}"]


def test_only_what_the_infra_repo_lists_is_allowed() -> None:
    """A list allows these names, also those that the template sets, and no others; all problems are listed at once."""
    definition = template(app={"environment": [{"name": "A", "value": "old"}]})
    found = environment.with_variables(definition, given("A=1\nB=2"), service(allowed=("A", "B")))
    assert values(found) == {"A": "1", "B": "2"}
    words = "services.web.environment-from-app doesn't allow this variable; it allows"
    assert problems("hunter=1\nA=2\nC=3", definition, service(allowed=("A", "B"))) == [
        f"{WHAT}, line 1: {words} A, B",
        f"{WHAT}, line 3: {words} A, B",
    ]
    assert problems("A=1", definition, service(allowed=())) == [f"{WHAT}, line 1: {words} none"]


def test_a_secret_can_not_be_replaced_even_if_its_name_is_allowed() -> None:
    """ECS refuses a name that is both a variable and a secret."""
    definition = template(app={"secrets": [{"name": "A", "valueFrom": "arn"}]})
    assert len(problems("A=1", definition, service(allowed=("A",)))) == 1


def test_what_the_last_deployment_added_is_not_the_templates() -> None:
    """A family's newest revision is the template of the next deployment: it starts without what the last one added."""
    before = template(app={"environment": [{"name": "KEPT", "value": "x"}], "dockerLabels": {"team": "a"}})
    first = environment.with_variables(before, given("A=1\nB=2"), service())
    assert values(first) == {"KEPT": "x", "A": "1", "B": "2"}
    assert first["containerDefinitions"][0]["dockerLabels"] == {"team": "a", LABEL: "A,B"}
    second = environment.with_variables(first, given("A=3"), service())
    assert values(second) == {"KEPT": "x", "A": "3"}
    assert environment.with_variables(second, (), service()) == before


def test_a_container_without_variables_stays_as_it_is() -> None:
    """No empty list and no label is added."""
    definition = template(app={"image": "app:1", "environment": []}, agent={})
    assert environment.with_variables(definition, given("other/app/A=1"), service()) == definition


def test_a_prefix_must_fit_a_container_of_the_document() -> None:
    """Of any entry, also one that this step doesn't deploy."""
    entries = [service("web", "app", "nginx"), service("worker", "job")]
    environment.check_prefixes(given("A=1\nnginx/A=1\nweb/app/A=1\nworker/job/A=1"), entries)
    with pytest.raises(Refused) as refused:
        environment.check_prefixes(given("hunter/A=1\nworker/app/A=1\napi/app/A=1"), entries)
    known = "the document has no such container; it has web/app, web/nginx, worker/job"
    assert refused.value.problems == tuple(f"{WHAT}, line {number}: {known}" for number in (1, 2, 3))


def test_without_a_document_there_is_no_prefix() -> None:
    """container-name says which containers get the variables."""
    assert environment.without_prefix(given("A=1\nA=2\nB=x")) == {"A": "2", "B": "x"}
    with pytest.raises(Refused) as refused:
        environment.without_prefix(given("A=1\nhunter/B=2"))
    assert refused.value.problems == (f"{WHAT}, line 2: a prefix needs a document",)
