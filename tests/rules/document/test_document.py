"""The document: what is refused, and with which message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.document.rules import document, json_schema
from ecs_cd.document.rules.document import CodeDeploy, OneOffTask, Rule, Schedule, ScheduledTask, Service
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, Repository, S3Object, ServiceRevision, WorkspaceFile

ECR = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"


def example(**changes: Any) -> dict[str, Any]:
    return {
        "cluster": "my-cluster",
        "images": {"app": {"repository": f"{ECR}/my-app"}, "nginx": {"repository": f"{ECR}/my-nginx"}},
        "migration": {
            "task-definition": "s3://my-bucket/migration.json",
            "container": "app",
            "command": ["rails", "db:migrate"],
            "service": "web",
        },
        "services": {
            "web": {
                "service": "my-service",
                "task-definition": "s3://my-bucket/a/b.json",
                "containers": {"app": "app", "nginx": "nginx"},
            },
            "worker": {"task-definition": "my-worker", "containers": {"worker": "app"}},
        },
        **changes,
    }


def problems(content: object) -> list[str]:
    with pytest.raises(Refused) as refused:
        document.load(json.dumps(content), where="/my/parameter")
    return list(refused.value.problems[1:])


def test_the_documents_words_become_the_typed_form() -> None:
    """Defaults are filled in: a service's name is its key, an image for the migration is found."""
    loaded = document.load(json.dumps(example()), where="x")
    app = Repository(ECR, "my-app", "123456789012", "ap-northeast-1")
    assert loaded.cluster == "my-cluster"
    assert loaded.images["app"] == app
    assert loaded.migration == OneOffTask(
        S3Object("my-bucket", "migration.json"), "app", "app", "web", ("rails", "db:migrate")
    )
    assert loaded.services["web"].name == "my-service"
    assert loaded.services["worker"] == Service(
        "worker", "worker", RegisteredTaskDefinition("my-worker"), {"worker": "app"}
    )


def test_an_image_may_have_a_repository_for_its_cache() -> None:
    """Other images may have no cache repository, or the same."""
    images = {
        "app": {"repository": f"{ECR}/my-app", "cache-repository": f"{ECR}/caches"},
        "nginx": {"repository": f"{ECR}/my-nginx"},
    }
    loaded = document.load(json.dumps(example(images=images)), where="x")
    assert loaded.cache_repositories == {"app": Repository(ECR, "caches", "123456789012", "ap-northeast-1")}


def test_an_image_may_have_copies() -> None:
    """In any registry."""
    images = {
        "app": {"repository": f"{ECR}/my-app", "copies": ["ghcr.io/org/app"]},
        "nginx": {"repository": f"{ECR}/my-nginx"},
    }
    loaded = document.load(json.dumps(example(images=images)), where="x")
    assert loaded.copies == {"app": (Repository("ghcr.io", "org/app"),)}


def test_images_of_one_repository_have_tags_of_their_own() -> None:
    """A prefix or a suffix; the repository is the same."""
    images = {
        "app": {"repository": f"{ECR}/my-app"},
        "nginx": {"repository": f"{ECR}/my-app", "tag-suffix": "-nginx"},
        "job": {"repository": f"{ECR}/my-app", "tag-prefix": "job_", "tag-suffix": ".x"},
    }
    loaded = document.load(json.dumps(example(images=images)), where="x").images
    assert {str(place) for place in loaded.values()} == {f"{ECR}/my-app"}
    assert [place.tag("1") for place in loaded.values()] == ["1", "1-nginx", "job_1.x"]
    assert len(set(loaded.values())) == 3


def test_yaml_says_the_same_as_json() -> None:
    """An infra repo may write either."""
    text = "cluster: c\nimages:\n  app: {repository: localhost:4566/my-app}\n"
    loaded = document.load(text, where="x")
    assert loaded.images["app"] == Repository("localhost:4566", "my-app")
    assert loaded.migration is None


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"cluster": 5}, "cluster", "must be text, but is a number (put it in quotes)"),
        ({"cluster": None}, "cluster", "but is empty"),
        ({"cluster": "two words"}, "cluster", "the ECS cluster's name or ARN"),
        ({"clutser": "x"}, "clutser", "did you mean `cluster`?"),
        ({"images": {}}, "images", "must not be empty"),
        ({"images": []}, "images", "must be a mapping, but is a list"),
        ({"images": {"app": {"repository": f"{ECR}/my-app:latest"}}}, "images.app.repository", "without a tag"),
        ({"images": {"app": {"repository": f"{ECR}/x"}}}, "images.app.repository", "without a tag"),
        ({"images": {"app": {}}}, "images.app.repository", "is missing"),
        (
            {"images": {"app": {"repository": f"{ECR}/x", "copies": ["ghcr.io/x:1"]}}},
            "images.app.copies[0]",
            "without a tag",
        ),
        (
            {"images": {"app": {"repository": f"{ECR}/x", "tag-prefix": "-x"}}},
            "images.app.tag-prefix",
            "tags begin with",
        ),
        ({"images": {"app": {"repository": f"{ECR}/x", "tag-suffix": "/x"}}}, "images.app.tag-suffix", "tags end with"),
        ({"images": {"app": {"repository": f"{ECR}/x", "tag-suffix": "x" * 33}}}, "images.app.tag-suffix", "tags end"),
        ({"images": {"a b": {"repository": f"{ECR}/x"}}}, "images.a b", "a name can contain only"),
        (
            {"images": {"app": {"repository": f"{ECR}/my-app", "cache-repository": f"{ECR}/caches:x"}}},
            "images.app.cache-repository",
            "without a tag",
        ),
        ({"migration": {"container": "app"}}, "migration.task-definition", "is missing"),
        ({"migration": {**example()["migration"], "command": "rails"}}, "migration.command", "must be a list"),
        ({"migration": {**example()["migration"], "command": ["sleep", 5]}}, "migration.command[1]", "must be text"),
        ({"migration": {**example()["migration"], "service": "api"}}, "migration.service", "must name a service"),
        ({"migration": {**example()["migration"], "image": "api"}}, "migration.image", "must name an image"),
        ({"migration": {"task-definition": "m", "container": "app"}}, "migration.service", "no clear default"),
        ({"services": {"web": {"containers": {"a": "app"}}}}, "services.web.task-definition", "is missing"),
        (
            {"services": {"web": {"task-definition": "service:api", "containers": {"a": "app"}}}},
            "services.web.task-definition",
            "must name a service; services has web",
        ),
        (
            {"migration": {**example()["migration"], "task-definition": "service:api"}},
            "migration.task-definition",
            "must name a service; services has web, worker",
        ),
        (
            {"services": {"web": {"task-definition": "t", "containers": {"a": "api"}}}},
            "services.web.containers.a",
            "must name an image; images has app, nginx",
        ),
    ],
)
def test_a_problem_is_named_by_its_path_with_what_would_be_right(change: dict[str, Any], path: str, words: str) -> None:
    """A reader finds the place and the remedy in the sentence itself."""
    found = [sentence for sentence in problems(example(**change)) if sentence.startswith(f"{path}:")]
    assert found, problems(example(**change))
    assert words in found[0]


def test_all_problems_are_told_at_once() -> None:
    """Nobody wants to run a workflow once per mistake."""
    found = problems({"cluster": 1, "images": {"app": {"repo": "x"}}, "servces": {}})
    assert [sentence.split(":")[0] for sentence in found] == [
        "cluster",
        "images.app.repository",
        "images.app.repo",
        "servces",
    ]


def test_values_are_never_printed() -> None:
    """A document can hold what should not be in a job log."""
    secret = "hunter2 !"
    content = {"cluster": secret, "images": {"app": {"repository": secret}}, "migration": secret}
    assert secret not in "\n".join(problems(content))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("- a\n- b", "must be a mapping, but is a list"),
        ("just text", "must be a mapping, but is text"),
        ("cluster: [", "neither JSON nor YAML"),
        ("cluster: c\ncluster: d\nimages: {app: {repository: localhost:1/my-app}}", "cluster: occurs twice"),
        ("#" * (json_schema.LONGEST + 1), "characters"),
    ],
)
def test_what_is_no_document_is_refused(text: str, words: str) -> None:
    """Empty, too large, not YAML, a list, duplicate keys: each in its own words."""
    with pytest.raises(Refused) as refused:
        document.load(text, where="/my/parameter")
    assert words in str(refused.value)
    assert "/my/parameter" in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("services", "container", "expected"),
    [
        ({"web": {"task-definition": "t", "containers": {"app": "nginx"}}}, "app", "nginx"),
        ({"web": {"task-definition": "t", "containers": {"x": "nginx"}}}, "app", "app"),
    ],
)
def test_the_migrations_image_is_the_services_then_the_one_of_its_name(
    services: dict[str, Any], container: str, expected: str
) -> None:
    """What the service's container of that name runs, else the image of that name."""
    migration = {"task-definition": "m", "container": container}
    loaded = document.load(json.dumps(example(services=services, migration=migration)), where="x")
    assert loaded.migration is not None
    assert loaded.migration.image == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://b/k/x.json", S3Object("b", "k/x.json")),
        ("my-family", RegisteredTaskDefinition("my-family")),
        ("my-family:7", RegisteredTaskDefinition("my-family:7")),
        ("arn:aws:ecs:r:1:task-definition/f:7", RegisteredTaskDefinition("arn:aws:ecs:r:1:task-definition/f:7")),
        ("infra/task.json", WorkspaceFile("infra/task.json")),
        ("file:task", WorkspaceFile("task")),
        ("service:web", ServiceRevision("web")),
        ("service:my.api-1", ServiceRevision("arn:aws:ecs:r:1:service/c/api")),
        ("service:7", RegisteredTaskDefinition("service:7")),
    ],
)
def test_a_task_definitions_source_is_known_by_its_form(text: str, expected: object) -> None:
    """A family has neither a dot nor a slash, so a file can't look like a family."""
    entry = {"task-definition": text, "containers": {"app": "app"}}
    other = {"task-definition": "t", "containers": {"app": "app"}, "service": "arn:aws:ecs:r:1:service/c/api"}
    content = example(services={"web": entry, "my.api-1": other})
    assert document.load(json.dumps(content), where="x").services["web"].task_definition == expected


def test_a_command_may_hold_any_text() -> None:
    """A script of several lines is an ordinary command."""
    command = ["sh", "-c", "set -e\nmigrate\n"]
    content = example(migration={**example()["migration"], "command": command})
    loaded = document.load(json.dumps(content), where="x")
    assert loaded.migration is not None
    assert list(loaded.migration.command) == command


@pytest.mark.parametrize("cluster", ["my-cluster\n", "my\ncluster"])
def test_a_line_feed_is_no_part_of_a_name(cluster: str) -> None:
    """Python's `$` would let the first one pass; JSON Schema's does not."""
    assert problems(example(cluster=cluster))[0].startswith("cluster: must be")


@pytest.mark.parametrize(("written", "expected"), [(["A", "_B.C"], ("A", "_B.C")), ([], ())])
def test_an_entry_may_list_the_variables_that_the_workflow_sets(written: list[str], expected: tuple[str, ...]) -> None:
    """Every entry with a task definition has its own list; an empty one allows none, a missing one is no list."""
    allowed = {"environment-from-app": written}
    content = example(
        migration={**example()["migration"], **allowed},
        services={"web": {"task-definition": "t", "containers": {"app": "app"}, **allowed}},
        **{"scheduled-tasks": {"nightly": {**TASK, "rule": "r", **allowed}}},
    )
    found = document.load(json.dumps(content), where="x").entries
    assert [entry.path for entry in found] == ["services.web", "migration", "scheduled-tasks.nightly"]
    assert [entry.environment_from_app for entry in found] == [expected] * 3
    assert {entry.environment_from_app for entry in document.load(json.dumps(example()), where="x").entries} == {None}


@pytest.mark.parametrize(
    ("written", "path", "words"),
    [("A", "", "must be a list"), ({}, "", "must be a list"), (["A B"], "[0]", "name of an environment variable")],
)
def test_a_list_of_variables_holds_their_names(written: object, path: str, words: str) -> None:
    """Not one text with several."""
    service = {"task-definition": "t", "containers": {"app": "app"}, "environment-from-app": written}
    (problem,) = problems(example(services={"web": service}))
    assert problem.startswith(f"services.web.environment-from-app{path}: must be ")
    assert words in problem


# ---- one-off tasks ----

SEED = {"name": "seed", "task-definition": "my-seed", "container": "app", "service": "web"}


def test_tasks_after_the_migration_are_read_in_their_order() -> None:
    """With the same keys and defaults as the migration, and a name."""
    loaded = document.load(json.dumps(example(tasks=[SEED, {**SEED, "name": "a", "command": ["x"]}])), where="x")
    family = RegisteredTaskDefinition("my-seed")
    assert loaded.tasks == (
        OneOffTask(family, "app", "app", "web", key="seed", path="tasks[0]"),
        OneOffTask(family, "app", "app", "web", ("x",), key="a", path="tasks[1]"),
    )
    assert [task.key for task in loaded.one_off_tasks] == ["migration", "seed", "a"]
    assert [entry.path for entry in loaded.entries][-3:] == ["migration", "tasks[0]", "tasks[1]"]


@pytest.mark.parametrize(
    ("tasks", "path", "words"),
    [
        ({}, "tasks", "must be a list, but is a mapping"),
        ([], "tasks", "must not be empty"),
        ([{**SEED, "nam": "x"}], "tasks[0].nam", "did you mean `name`?"),
        ([{"name": "x"}], "tasks[0].container", "is missing"),
        ([{**SEED, "name": "a b"}], "tasks[0].name", "must be a name of your choice"),
        ([SEED, SEED], "tasks[1].name", "is taken"),
        ([{**SEED, "name": "migration"}], "tasks[0].name", "is taken"),
        ([{**SEED, "service": "api"}], "tasks[0].service", "must name a service"),
        ([SEED, {**SEED, "name": "x", "image": "api"}], "tasks[1].image", "must name an image"),
        ([{**SEED, "task-definition": "service:api"}], "tasks[0].task-definition", "must name a service"),
    ],
)
def test_what_is_wrong_with_a_task_is_refused(tasks: object, path: str, words: str) -> None:
    """By its place in the list."""
    found = [sentence for sentence in problems(example(tasks=tasks)) if sentence.startswith(f"{path}:")]
    assert found, problems(example(tasks=tasks))
    assert words in found[0]


# ---- CodeDeploy ----


def with_codedeploy(codedeploy: object) -> dict[str, Any]:
    return example(
        services={"web": {"task-definition": "web", "containers": {"app": "app"}, "codedeploy": codedeploy}},
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, CodeDeploy()),
        ({"application": "my-app"}, CodeDeploy(application="my-app")),
        ({"appspec": "s3://b/a.yml"}, CodeDeploy(appspec=S3Object("b", "a.yml"))),
        ({"appspec": "infra/appspec.yml"}, CodeDeploy(appspec=WorkspaceFile("infra/appspec.yml"))),
        ({"appspec": "file:appspec"}, CodeDeploy(appspec=WorkspaceFile("appspec"))),
        ({"appspec": "appspec"}, CodeDeploy(appspec=WorkspaceFile("appspec"))),  # no family, as a task definition's
        (
            {
                "application": "my app",
                "deployment-group": "my group",
                "deployment-config": "CodeDeployDefault.ECSAllAtOnce",
                "description": "by ecs-cd: now",
            },
            CodeDeploy("my app", "my group", None, "CodeDeployDefault.ECSAllAtOnce", "by ecs-cd: now"),
        ),
    ],
)
def test_what_codedeploy_calls_a_service_is_read(written: dict[str, str], expected: CodeDeploy) -> None:
    """Whatever is not written is the console's default, or the deployment group's."""
    loaded = document.load(json.dumps(with_codedeploy(written)), where="x")
    assert loaded.services["web"].codedeploy == expected


def test_a_service_needs_no_codedeploy() -> None:
    """Most have the controller ECS."""
    assert document.load(json.dumps(example()), where="x").services["web"].codedeploy == CodeDeploy()


@pytest.mark.parametrize(
    ("written", "path", "words"),
    [
        ("my-app", "", "must be a mapping, but is text"),
        ({"app": "x"}, ".app", "did you mean `appspec`?"),
        ({"application": ""}, ".application", "must be the CodeDeploy application's name"),
        ({"application": "x" * 101}, ".application", "must be the CodeDeploy application's name"),
        ({"deployment-group": 5}, ".deployment-group", "must be text"),
        ({"appspec": "s3://bucket"}, ".appspec", "s3://bucket/key or a file in the workspace"),
        ({"appspec": "https://example.com/appspec.yml"}, ".appspec", "s3://bucket/key or a file in the workspace"),
        ({"appspec": {"version": 0}}, ".appspec", "must be text, but is a mapping"),
        ({"deployment-config": "x" * 101}, ".deployment-config", "configuration's name"),
        ({"description": "x" * 513}, ".description", "at most 512 characters"),
        ({"description": "two\nlines"}, ".description", "at most 512 characters"),
    ],
)
def test_what_codedeploy_would_not_take_is_refused(written: object, path: str, words: str) -> None:
    """By its path, before anything is changed."""
    (problem,) = problems(with_codedeploy(written))
    assert problem.startswith(f"services.web.codedeploy{path}: ")
    assert words in problem


# ---- scheduled tasks ----

TASK = {"task-definition": "my-job", "containers": {"job": "app"}}


@pytest.mark.parametrize(
    ("written", "trigger"),
    [
        ({"rule": "my.rule-1_a"}, Rule("my.rule-1_a", "default")),
        ({"rule": "r", "event-bus": "my/bus"}, Rule("r", "my/bus")),
        (
            {"rule": "r", "event-bus": "arn:aws:events:eu-west-1:123456789012:event-bus/b"},
            Rule("r", "arn:aws:events:eu-west-1:123456789012:event-bus/b"),
        ),
        ({"schedule": "s"}, Schedule("s", "default")),
        ({"schedule": "s", "schedule-group": "my-group"}, Schedule("s", "my-group")),
    ],
)
def test_a_scheduled_task_has_a_rule_or_a_schedule(written: dict[str, str], trigger: Rule | Schedule) -> None:
    """The event bus and the group default to those of AWS."""
    loaded = document.load(json.dumps(example(**{"scheduled-tasks": {"nightly": {**TASK, **written}}})), where="x")
    task = ScheduledTask("nightly", trigger, RegisteredTaskDefinition("my-job"), {"job": "app"})
    assert loaded.scheduled_tasks == {"nightly": task}


def test_a_document_may_have_scheduled_tasks_alone_or_none() -> None:
    """A batch has no service; most applications have no batch."""
    batch = {"cluster": "c", "images": example()["images"], "scheduled-tasks": {"n": {**TASK, "rule": "r"}}}
    loaded = document.load(json.dumps(batch), where="x")
    assert list(loaded.scheduled_tasks) == ["n"]
    assert loaded.services == {}
    assert document.load(json.dumps(example()), where="x").scheduled_tasks == {}


@pytest.mark.parametrize(
    ("written", "path", "words"),
    [
        ({**TASK}, "", "must name either a `rule` (EventBridge) or a `schedule` (EventBridge Scheduler)"),
        ({**TASK, "rule": "r", "schedule": "s"}, "", "must name either a `rule`"),
        ({**TASK, "rule": "r", "schedule-group": "g"}, ".schedule-group", "works only with `schedule`"),
        ({**TASK, "schedule": "s", "event-bus": "b"}, ".event-bus", "works only with `rule`"),
        ({**TASK, "rule": "r/x"}, ".rule", "must be the EventBridge rule's name"),
        ({**TASK, "rule": "x" * 65}, ".rule", "must be the EventBridge rule's name"),
        ({**TASK, "rule": "r", "event-bus": "a b"}, ".event-bus", "the rule's event bus, by name or ARN"),
        ({**TASK, "schedule": "group/s"}, ".schedule", "the EventBridge Scheduler schedule's name"),
        ({**TASK, "schedule": "s", "schedule-group": ""}, ".schedule-group", "the schedule's group"),
        ({**TASK, "schedul": "s"}, ".schedul", "did you mean `schedule`?"),
        ({"rule": "r", "containers": {"job": "app"}}, ".task-definition", "is missing"),
        ({"rule": "r", "task-definition": "my-job"}, ".containers", "is missing"),
        ({**TASK, "rule": "r", "containers": {}}, ".containers", "must not be empty"),
        (
            {**TASK, "rule": "r", "containers": {"job": "api"}},
            ".containers.job",
            "must name an image; images has app, nginx",
        ),
    ],
)
def test_what_is_wrong_with_a_scheduled_task_is_refused(written: dict[str, Any], path: str, words: str) -> None:
    """By its path, with what would be right."""
    (problem,) = problems(example(**{"scheduled-tasks": {"nightly": written}}))
    assert problem.startswith(f"scheduled-tasks.nightly{path}: ")
    assert words in problem


@pytest.mark.parametrize(
    ("tasks", "words"), [({}, "must not be empty"), ([TASK], "must be a mapping, but is a list"), (None, "is empty")]
)
def test_a_section_of_scheduled_tasks_holds_tasks_by_name(tasks: object, words: str) -> None:
    """An empty section is a mistake, not a wish."""
    (problem,) = problems(example(**{"scheduled-tasks": tasks}))
    assert problem.startswith("scheduled-tasks: ")
    assert words in problem


def test_problems_of_services_scheduled_tasks_and_the_migration_are_told_at_once() -> None:
    """A wrong reference in one section hides none in another."""
    found = problems(
        example(
            services={"web": {"task-definition": "t", "containers": {"x": "api"}}},
            migration={"task-definition": "m", "container": "other"},
            **{"scheduled-tasks": {"a": TASK, "b": {**TASK, "rule": "r", "containers": {"job": "api"}}}},
        )
    )
    assert [problem.split(":")[0] for problem in found] == [
        "services.web.containers.x",
        "scheduled-tasks.b.containers.job",
        "scheduled-tasks.a",
        "migration.image",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "hunter2: x",
        '{"hunter2": {"hunter2": 1}, "hunter2": 2}',
        "hunter2: 1\nhunter2: 2\nservices: {hunter2: x}\nscheduled-tasks: {hunter2: {}}",
        "FROM: hunter2\nhunter2: |\n  hunter2",
        "type: service_account\nprivate_key_id: hunter2\nhunter2: x",
    ],
)
def test_of_a_file_that_is_no_document_nothing_is_said(text: str) -> None:
    """`config` can name any file, and an SSM parameter with something else: its keys are not for the job log either."""
    with pytest.raises(Refused) as refused:
        document.load(text, where="file:secrets.yml")
    assert "images: is missing" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "private_key_id" not in str(refused.value)


def test_of_a_document_whose_keys_are_misspelt_those_are_named() -> None:
    """They resemble keys of a document."""
    with pytest.raises(Refused) as refused:
        document.load("clusters: c\nimage: {}\nhunter2: x", where="x")
    assert "clusters: unknown key; did you mean `cluster`?" in str(refused.value)
    assert "image: unknown key; did you mean `images`?" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("bad", ["\\u0000", "\\ud800", "\\udcff"])
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"cluster": "a?b"}, "cluster"),
        ({"images": {"app": {"repository": "localhost/a?b"}}}, "images.app.repository"),
        ({"services": {"web": {"task-definition": "file:a?b", "containers": {"app": "app"}}}}, "services.web.task-definition"),
        ({"migration": {"task-definition": "t", "container": "app", "command": ["a?"]}}, "migration.command[0]"),
    ],
)  # fmt: skip
def test_text_that_no_path_can_hold_is_refused(changes: dict[str, Any], path: str, bad: str) -> None:
    """With its key's path: Python would raise a ValueError where it is used."""
    text = json.dumps(example(**changes)).replace("?", bad)
    with pytest.raises(Refused) as refused:
        document.load(text, where="x")
    assert f"{path}: has a NUL character or half of a surrogate pair" in str(refused.value)
