"""Inputs: from texts to types, all problems at once."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.inputs import options
from ecs_cd.inputs.build_push import BuildPush
from ecs_cd.inputs.common import Common
from ecs_cd.inputs.continue_ import Continue
from ecs_cd.inputs.deploy import Deploy
from ecs_cd.inputs.migrate import Migrate
from ecs_cd.inputs.official import DeployAlone, official_given
from ecs_cd.inputs.outputs import OUTPUTS
from ecs_cd.inputs.pipeline import Pipeline
from ecs_cd.inputs.rollback import Rollback
from ecs_cd.inputs.verbs import VERBS, Verb
from ecs_cd.model.errors import Refused
from ecs_cd.tasks.rules.environment import Variable

SHA = "c0ffee" + "0" * 34


def read(**given: str) -> Any:
    return options.read(Pipeline, {"config": "/p"} | {name.replace("_", "-"): text for name, text in given.items()})


def problems(inputs: type[Any], given: dict[str, str]) -> list[str]:
    with pytest.raises(Refused) as refused:
        options.read(inputs, given)
    return list(refused.value.problems)


def test_what_is_not_given_has_its_default() -> None:
    """An action passes every input, empty if the caller did not set it."""
    empty = dict.fromkeys(options.options(Pipeline), "")
    expected = Pipeline(
        config="/p",
        aws_region="",
        sha="",
        image="",
        context="",
        file="",
        target="",
        build_args=(),
        secrets={},
        secret_envs={},
        secret_files={},
        platforms=(),
        cache="",
        cache_from=(),
        cache_to=(),
        labels=(),
        provenance="",
        sbom="",
        tags=("latest",),
        reuse="commit",
        scan="none",
        fail_on="",
        migration_timeout=1800.0,
        on_cancel="leave",
        service=(),
        deployment_timeout=1800.0,
        wait_until="deployed",
        fail_fast=False,
        start="together",
        on_failure="report",
        on_conflict="wait",
        dry_run=False,
        keep_revisions=0,
        force_new_deployment=False,
    )
    assert options.read(Pipeline, {"config": "/p"}) == expected
    assert options.read(Pipeline, {**empty, "config": "/p"}) == expected


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("config", "  /my/parameter\n", "/my/parameter"),
        ("sha", SHA.upper(), SHA),
        ("sha", f" {SHA} ", SHA),
        ("sha", "a" * 64, "a" * 64),
        ("context", "https://github.com/me/app.git#main", "https://github.com/me/app.git#main"),
        ("build_args", "A=1\n\n  B=x, y  \n", ("A=1", "B=x, y")),
        ("platforms", "linux/amd64, linux/arm64\nlinux/s390x,", ("linux/amd64", "linux/arm64", "linux/s390x")),
        ("cache_to", "type=gha,mode=max\ntype=local,dest=/c", ("type=gha,mode=max", "type=local,dest=/c")),
        ("cache", "registry", "registry"),
        ("labels", "a=b,c\nd=e", ("a=b,c", "d=e")),
        ("provenance", " mode=max ", "mode=max"),
        ("reuse", "content", "content"),
        ("fail_on", "high", "high"),
        ("tags", "latest,v1\nv2", ("latest", "v1", "v2")),
        ("tags", ",", ()),
        ("secrets", "T=x=y\nU=", {"T": "x=y", "U": ""}),
        ("secret_files", "KEY=/run/a b", {"KEY": "/run/a b"}),
        ("migration_timeout", " 1h30m ", 5400.0),
        ("on_cancel", "stop", "stop"),
        ("service", "web, worker\napi", ("web", "worker", "api")),
        ("wait_until", " bake-time ", "BAKE_TIME"),
        ("wait_until", "afterallowtraffic", "AfterAllowTraffic"),
        ("fail_fast", "true", True),
        ("dry_run", " TRUE ", True),
        ("dry_run", "False", False),
        ("keep_revisions", " 10 ", 10),
        ("start", "in-order", "in-order"),
    ],
)
def test_texts_become_what_the_input_is_about(name: str, text: str, value: object) -> None:
    """Lines or words, pairs, durations, choices; white space around them does not count."""
    assert getattr(read(**{name: text}), name) == value


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "config: is required. The SSM parameter with the document"),
        ({"config": " "}, "config: is required."),
        ({"sha": "main"}, "sha: must be a full commit id of 40 or 64 hexadecimal digits"),
        ({"sha": "c0ffee"}, "sha: must be a full commit id"),
        ({"deployment-timeout": "30"}, "deployment-timeout: must be a duration like 90s, 30m or 1h30m"),
        ({"migration-timeout": "0s"}, "migration-timeout: must be a duration"),
        ({"on-cancel": "kill"}, "on-cancel: must be one of leave, stop"),
        ({"secrets": "hunter2"}, "secrets, entry 1: must be NAME=VALUE"),
        ({"secret-envs": "A=1\nhunter2"}, "secret-envs, entry 2: must be NAME=VALUE"),
        ({"wait-until": "baketime!"}, "wait-until: is neither a goal nor a deployment stage"),
        ({"fail-fast": "yes"}, "fail-fast: must be true or false"),
        ({"dry-run": "1"}, "dry-run: must be true or false"),
        ({"keep-revisions": "0"}, "keep-revisions: must be a whole number, at least 1"),
        ({"keep-revisions": "ten"}, "keep-revisions: must be a whole number, at least 1"),
        ({"start": "parallel"}, "start: must be one of together, in-order"),
        ({"cache": "true"}, "cache: must be one of registry, gha, inline, none"),
        ({"reuse": "always"}, "reuse: must be one of commit, content, never"),
        ({"scan": "true"}, "scan: must be one of none, wait"),
        ({"fail-on": "HIGH"}, "fail-on: must be one of critical, high, medium, low"),
        ({"on-conflict": "x"}, "on-conflict: must be one of wait, fail, supersede"),
        ({"cluster": "x"}, "cluster: there is no such input"),
        ({"build_args": "x"}, "build_args: there is no such input"),
    ],
)
def test_what_is_wrong_is_named_by_its_input(given: dict[str, str], sentence: str) -> None:
    """As the caller wrote it in the workflow."""
    found = problems(Pipeline, {**({"config": "/p"} if given else {}), **given})
    assert len(found) == 1
    assert found[0].startswith(sentence)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" web:7 ", "web:7"),
        ("arn:aws:ecs:eu-west-1:123456789012:task-definition/my-web_1:70", None),
        ("C0FFEE" + "0" * 34, "c0ffee" + "0" * 34),
        ("0" * 64, None),
        ("web", "refused"),
        ("web:0", "refused"),
        ("7", "refused"),
        ("c0ffee", "refused"),
        ("main", "refused"),
        ("arn:aws:ecs:eu-west-1:123456789012:service/web:7", "refused"),
    ],
)
def test_the_target_of_a_rollback_is_a_revision_or_a_commit(text: str, expected: str | None) -> None:
    """A family alone is whatever was registered last, also by another pipeline."""
    if expected == "refused":
        with pytest.raises(Refused) as refused:
            options.read(Rollback, {"to": text}).target  # noqa: B018
        assert list(refused.value.problems) == ["to: must be a revision such as my-app:7, its ARN, or a full commit id"]
    else:
        assert options.read(Rollback, {"to": text}).target == (text if expected is None else expected)


def test_capitals_in_the_name_of_an_input_do_not_count() -> None:
    """GitHub hands the names over as the workflow has them, and takes them for the same."""
    given = {"Cluster": "c", "run-task-assign-public-ip": "ENABLED", "RUN-TASK": "true", "service": "web"}
    found = options.read(DeployAlone, given)
    assert (found.cluster, found.run_task_assign_public_IP, found.run_task) == ("c", "ENABLED", True)
    assert problems(DeployAlone, {"Clutser": "c"}) == ["Clutser: there is no such input"]


def test_all_problems_are_told_at_once_and_no_value() -> None:
    """An input can hold a secret, in the wrong place as well."""
    secret = "hunter2 !"
    names = (
        "sha",
        "secrets",
        "migration-timeout",
        "on-cancel",
        "deployment-timeout",
        "wait-until",
        "fail-fast",
        "other",
    )
    given = dict.fromkeys(names, secret)
    found = problems(Pipeline, given)
    assert [sentence.partition(":")[0].partition(",")[0] for sentence in found] == [
        "other", "config", "sha", "secrets", "on-cancel", "migration-timeout", "deployment-timeout",
        "wait-until", "fail-fast",
    ]  # fmt: skip
    assert secret not in "\n".join(found)


def test_what_an_input_can_be_is_told() -> None:
    """Where the choice is long it is the remedy."""
    with pytest.raises(Refused) as refused:
        options.read(Pipeline, {"config": "/p", "wait-until": "x"})
    assert "started, ready, deployed, stable, or a stage: " in refused.value.remedy
    assert "BAKE_TIME" in refused.value.remedy


def test_typed_inputs_show_no_secret() -> None:
    """A traceback may print them."""
    assert "hunter2" not in repr(read(secrets="T=hunter2"))


def test_where_the_images_come_from_is_an_input_of_what_runs_them() -> None:
    """But not of the pipeline, which has just built them."""
    verbs = [name for name, verb in VERBS.items() if "images-from" in options.options(verb.inputs)]
    assert verbs == ["migrate", "deploy", "artifacts"]
    for inputs in (VERBS[name].inputs for name in verbs):
        assert options.read(inputs, {"config": "/p"}).images_from == "auto"  # type: ignore[attr-defined]
        found = problems(inputs, {"config": "/p", "images-from": "latest"})
        assert found == ["images-from: must be one of auto, pipeline, commit"]
    assert official_given(options.read(DeployAlone, {"images-from": "commit"})) == []


@pytest.mark.parametrize("inputs", [BuildPush, Migrate, Deploy])
def test_an_input_of_another_verb_is_no_input_of_this_one(inputs: type[Common]) -> None:
    """Each verb has what it needs; the pipeline has all of them."""
    own, every = set(options.options(inputs)), set(options.options(Pipeline))
    assert own < every
    for name in every - own:
        assert problems(inputs, {"config": "/p", name: "x"}) == [f"{name}: there is no such input"]


OFFICIAL: list[tuple[str, str, object, object]] = [  # input, text, value, what it is by default
    ("task-definition", " task-definition.json ", "task-definition.json", ""),
    ("task-definition-revision", "10", 10, None),
    ("container-name", "web", ("web",), ()),
    ("container-name", "web, sidecar", ("web", "sidecar"), ()),
    ("image", "nginx:latest", "nginx:latest", ""),
    ("environment-variables", "FOO=bar\nURL=a=b", (Variable(1, "FOO", "bar"), Variable(2, "URL", "a=b")), ()),
    ("env-files", "arn:a\n\n arn:b", ("arn:a", "arn:b"), ()),
    ("log-configuration-log-driver", "awslogs", "awslogs", ""),
    ("log-configuration-options", "a=b=c", {"a": "b=c"}, {}),
    ("docker-labels", "key1=value1\nkey2=value2", {"key1": "value1", "key2": "value2"}, {}),
    ("command", 'sh -c "a b"', ("sh", "-c", "a b"), ()),
    ("secrets", "S=arn:aws:ssm:region:1:parameter/s", {"S": "arn:aws:ssm:region:1:parameter/s"}, {}),
    ("task-role-arn", "arn:aws-cn:iam::123456789012:role/path/to/r", "arn:aws-cn:iam::123456789012:role/path/to/r", ""),
    ("cluster", "c", "c", "default"),
    ("desired-count", "0", 0, None),
    ("wait-for-service-stability", "TRUE", True, False),
    ("wait-for-service-stability", " True\n", True, False),
    ("wait-for-service-stability", "False", False, False),
    ("desired-count", " 4 ", 4, None),
    ("wait-for-minutes", "1000", 1000, None),
    ("service-managed-ebs-volume", '{"sizeInGiB": 30}', {"sizeInGiB": 30}, {}),
    ("run-task", "true", True, False),
    ("run-task-subnets", "a,b", ("a", "b"), ()),
    ("run-task-assign-public-IP", "ENABLED", "ENABLED", "DISABLED"),
    ("run-task-tags", "[]", [], []),
    ("run-task-tags", '[{"key": "a", "value": "b"}]', [{"key": "a", "value": "b"}], []),
    ("run-task-launch-type", "EC2", "EC2", "FARGATE"),
    ("run-task-started-by", "someJoe", "someJoe", "GitHub-Actions"),
    ("enable-ecs-managed-tags", "false", False, None),
    ("propagate-tags", "SERVICE", "SERVICE", ""),
    ("keep-null-value-keys", "tag, command", ("tag", "command"), ()),
    ("wait-until", "deployed", "deployed", ""),
]


@pytest.mark.parametrize(("name", "text", "value", "default"), OFFICIAL)
def test_the_official_actions_inputs_are_read(name: str, text: str, value: object, default: object) -> None:
    """Under their names, capitals included; without them, or blank, they are as they are by default."""
    field = name.replace("-", "_")
    assert getattr(options.read(DeployAlone, {name: text}), field) == value
    assert getattr(options.read(DeployAlone, {}), field) == default
    for blank in ("", " ", "\n"):
        there = options.read(DeployAlone, {name: blank})
        assert getattr(there, field) == ("" if name == "run-task-launch-type" else default)
        assert official_given(there) == []
    own = name in options.options(Deploy) or value == default
    assert official_given(options.read(DeployAlone, {name: text})) == ([] if own else [name])


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("container-name", "web,", "must be a container name, or several separated by commas"),
        ("desired-count", "abc", "must be a whole number, at least 0"),
        ("desired-count", "-1", "must be a whole number, at least 0"),
        ("wait-for-minutes", "0", "must be a whole number, at least 1"),
        ("wait-for-service-stability", "ture", "must be true or false"),
        ("enable-ecs-managed-tags", "on", "must be true or false"),
        ("propagate-tags", "TASK", "must be one of SERVICE, TASK_DEFINITION, NONE"),
        ("run-task-launch-type", "fargate", "must be one of FARGATE, EC2, EXTERNAL, MANAGED_INSTANCES"),
        ("run-task-tags", '{"a": 1}', "must be a JSON array"),
        ("run-task-managed-ebs-volume", "[]", "must be a JSON object"),
        ("run-task-managed-ebs-volume", '{"iops": 1, "iops": 2}', "iops: occurs twice; keep one"),
        ("log-configuration-log-driver", "awslog", "must be one of awsfirelens, awslogs"),
        ("task-role-arn", "not-a-valid-arn", "must be the ARN of an IAM role"),
        ("execution-role-arn", "arn:aws:iam::12345:role/too-short-account", "must be the ARN of an IAM role"),
        ("task-role-arn", "arn:aws:s3::123456789012:role/my-role", "must be the ARN of an IAM role"),
        ("command", "sh -c 'x", "no closing quotation"),
        ("wait-for-minutes", "10m", "must be a whole number, at least 1"),
        ("wait-for-minutes", "1.5", "must be a whole number, at least 1"),
        ("force-new-deployment", "yes", "must be true or false"),
        ("run-task", "${{ true }}", "must be true or false"),
    ],
)
def test_a_typo_in_an_official_input_is_refused(name: str, text: str, sentence: str) -> None:
    """There it would mean "no", or fail halfway."""
    (found,) = problems(DeployAlone, {name: text})
    assert found.startswith(f"{name}: {sentence}")


@pytest.mark.parametrize("text", ["hunter2 [", '[{"hunter2"', "- hunter2: ["])
def test_json_that_is_none_is_not_printed(text: str) -> None:
    """The message only has the position of the error."""
    (found,) = problems(DeployAlone, {"run-task-container-overrides": text})
    assert found.startswith(("the input run-task-container-overrides is n", "run-task-container-overrides: must be"))
    assert "hunter2" not in found


@pytest.mark.parametrize("inputs", [DeployAlone, Continue, Rollback])
def test_what_works_without_a_document_does_not_ask_for_one(inputs: type[Any]) -> None:
    """Inside the pipeline a deployment has one."""
    assert options.read(inputs, {"cluster": "c"}).config == ""
    assert not options.options(inputs)["config"].required
    assert options.options(Pipeline)["config"].required


def test_every_verb_has_outputs_that_are_described() -> None:
    """The verb pipeline uses the names of its steps; only deploy has outputs of a run without a document."""
    for verb in VERBS.values():
        assert set(verb.outputs) <= set(OUTPUTS)
    alone = ("images", "build-push", "migrate", "deploy", "hand-off", "verify", "plan", "rollback")
    steps = {name for verb in alone for name in VERBS[verb].outputs}
    assert steps == set(OUTPUTS)
    beyond = {"findings", "issue", "changes", "targets", "matrix", "hand-off", "task-definition", "run-task-arn"}
    assert steps - set(VERBS["pipeline"].outputs) == beyond | (set(VERBS["hand-off"].outputs) - {"result"})


def test_secrets_are_no_flags() -> None:
    """Everybody on the machine can read a command line, and a traceback may show typed inputs."""
    pipeline, alone = (
        {name for name, option in options.options(inputs).items() if option.secret}
        for inputs in (Pipeline, DeployAlone)
    )
    assert pipeline == {"secrets", "environment-variables", "github-token"}
    assert alone == {"environment-variables", "github-token", "run-task-container-overrides"}
    assert "hunter2" not in repr(options.read(DeployAlone, {"environment-variables": "PASSWORD=hunter2"}))


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
def test_no_input_has_a_nul_character(verb: Verb) -> None:
    """Python would raise a ValueError where it is used as a path, a name of a variable or a word of a command."""
    for name in options.options(verb.inputs):
        with pytest.raises(Refused) as refused:
            options.read(verb.inputs, {"config": "/p", name: "hunter2\0"})
        assert any(problem.startswith(f"{name}: has a NUL character") for problem in refused.value.problems)
        assert "hunter2" not in str(refused.value)
