"""Deployments that meet the faults of the real world, and the calls that they cost."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore
import pytest

from tests.scripted_aws import (
    Params,
    ScriptedAws,
    at,
    codedeploy,
    denied,
    ecs,
    error,
    expired,
    lost,
    reset,
    server_error,
    throttled,
)
from tests.timelines.conftest import DOCUMENT, Step

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/1", task_definition="web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
DONE = ecs.deployment("ecs-svc/2", task_definition="web:2")
MOVING = {"services": [ecs.service(deployments=[NEW, OLD | {"status": "ACTIVE"}])]}
COMPLETED = {"services": [ecs.service(deployments=[DONE])]}
STARTED = {"service": MOVING["services"][0]}


@pytest.fixture(autouse=True)
def service(aws: ScriptedAws) -> None:
    """A service that takes the update and then runs the asked-for digest."""
    aws.on("ecs.UpdateService", STARTED)
    running(aws, ecs.task(task_definition="web:2", started_by="ecs-svc/2"))


def running(aws: ScriptedAws, *tasks: Params) -> None:
    tell_tasks(aws, "RUNNING", *tasks)
    tell_tasks(aws, "STOPPED")


def tell_tasks(aws: ScriptedAws, status: str, *tasks: Params, **when: Any) -> None:
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"] for task in tasks]}, where={"desiredStatus": status}, **when)
    if tasks:
        aws.on(
            "ecs.DescribeTasks", ecs.described("tasks", *tasks), where={"tasks": [t["taskArn"] for t in tasks]}, **when
        )


def timeline(aws: ScriptedAws, *answers: Any) -> None:
    """What DescribeServices answers from UpdateService on."""
    aws.on("ecs.DescribeServices", *answers, after="ecs.UpdateService")


def test_a_deployment_is_followed_to_completed_with_one_update(aws: ScriptedAws, step: Run) -> None:
    """Green, the outputs, and not a call more than needed before UpdateService."""
    timeline(aws, at(0, MOVING), at(20, COMPLETED))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert ended.outputs["deployment-id"] == "ecs-svc/2"
    assert ended.outputs["task-definition-arn"].endswith("web:2")
    assert ecs.DIGEST in ended.outputs["images"]
    before = [call.operation for call in aws.calls][: [call.operation for call in aws.calls].index("ecs.UpdateService")]
    assert len(before) <= 6, before
    assert aws.count("ecs.UpdateService") == 1


def test_the_service_is_looked_at_every_two_seconds_throughout(aws: ScriptedAws, step: Run, clock: Any) -> None:
    """A verdict is never late, however long the deployment takes."""
    timeline(aws, at(0, MOVING), at(600, COMPLETED))
    assert step("deploy").exit_code == 0
    looks = [call.time for call in aws.calls if call.operation == "ecs.DescribeServices"][1:]
    assert max(later - earlier for earlier, later in itertools.pairwise(looks)) <= 2
    assert looks[-1] - 600 <= 2


@pytest.mark.parametrize("fault", [throttled(), server_error(), server_error(500), reset()], ids=str)
def test_faults_while_polling_are_survived(aws: ScriptedAws, step: Run, fault: Any) -> None:
    """A failed read never fails a deployment; the log says once that ecs-cd can't read."""
    timeline(aws, at(0, MOVING), at(5, fault), at(125, COMPLETED))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("AWS can't be read at the moment") == 1


def test_a_lost_answer_of_update_service_is_looked_for(aws: ScriptedAws, step: Run) -> None:
    """The update was made; a second call would supersede the first."""
    aws.on("ecs.UpdateService", lost(STARTED), STARTED)
    timeline(aws, at(0, MOVING), at(20, COMPLETED))
    assert step("deploy").exit_code == 0
    assert aws.count("ecs.UpdateService") == 1


def test_an_update_that_never_arrived_is_repeated(aws: ScriptedAws, step: Run) -> None:
    """After a reset the service is as before, so the call is made again."""
    aws.on("ecs.UpdateService", reset(), STARTED)
    timeline(aws, at(0, MOVING), at(20, COMPLETED))
    assert step("deploy").exit_code == 0
    assert aws.count("ecs.UpdateService", processed=True) == 1


def test_a_lost_answer_of_register_is_looked_for(aws: ScriptedAws, step: Run) -> None:
    """The revision exists: ecs-cd uses it and does not register another."""
    registered = {"taskDefinition": ecs.task_definition("web", 2), "tags": []}
    aws.on("ecs.RegisterTaskDefinition", lost({"taskDefinition": ecs.task_definition("web", 2)}))
    aws.on("ecs.DescribeTaskDefinition", registered, after="ecs.RegisterTaskDefinition")
    timeline(aws, at(0, COMPLETED))
    assert step("deploy").exit_code == 0
    assert aws.count("ecs.RegisterTaskDefinition") == 1


def test_a_busy_family_is_registered_later(aws: ScriptedAws, step: Run) -> None:
    """ "Too many concurrent attempts" passes."""
    message = "Too many concurrent attempts to create a new revision of the specified family."
    answer = {"taskDefinition": ecs.task_definition("web", 2)}
    aws.on("ecs.RegisterTaskDefinition", error("ClientException", message), answer)
    timeline(aws, at(0, COMPLETED))
    assert step("deploy").exit_code == 0


def test_a_superseded_deployment_has_its_own_word(aws: ScriptedAws, step: Run) -> None:
    """Another deployment replaced it: neither a success nor a failure of the app; the other one continues."""
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:7", rollout_state="IN_PROGRESS")
    revision = "arn:aws:ecs:ap-northeast-1:123456789012:service-revision/my-cluster/web/22"
    deployments = [{"status": "STOPPED", "targetServiceRevisionArn": revision}]
    described = [{"serviceRevisionArn": revision, "taskDefinition": ecs.task_definition_arn("web:2")}]
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": deployments})
    aws.on("ecs.DescribeServiceRevisions", {"serviceRevisions": described})
    timeline(aws, at(0, MOVING), at(10, {"services": [ecs.service(deployments=[theirs, OLD | {"status": "ACTIVE"}])]}))
    ended = step("deploy")
    assert ended.exit_code == 5
    assert ended.outputs["result"] == "superseded"
    assert "ecs-svc/9" in ended.log
    assert aws.count("ecs.UpdateService") == 1


def test_a_service_deleted_meanwhile_is_said_at_once(aws: ScriptedAws, step: Run) -> None:
    """Nobody waits half an hour for a service that is gone."""
    gone = {"services": [], "failures": [{"arn": "arn:x", "reason": "MISSING"}]}
    timeline(aws, at(0, MOVING), at(10, gone))
    ended = step("deploy")
    assert ended.exit_code == 6
    assert ended.outputs["result"] == "gone"


def dead(number: int) -> Params:
    containers = [ecs.container(status="STOPPED", exitCode=3)]
    return ecs.task(
        f"dead{number}",
        "STOPPED",
        containers=containers,
        task_definition="web:2",
        started_by="ecs-svc/2",
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
    )


def test_without_a_circuit_breaker_dying_tasks_end_the_wait(aws: ScriptedAws, step: Run) -> None:
    """ECS would retry forever; three dead tasks and none running is a failure, with the last log lines."""
    bare: Params = {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}}
    dying = [ecs.service(deployments=[NEW | {"failedTasks": n}, OLD | {"status": "ACTIVE"}], **bare) for n in range(4)]
    timeline(aws, *(at(30 * n, {"services": [snapshot]}) for n, snapshot in enumerate(dying)))
    stopped = [dead(number) for number in range(3)]
    for n in range(1, 4):
        arns = {"taskArns": [task["taskArn"] for task in stopped[:n]]}
        aws.on("ecs.ListTasks", at(30 * n, arns), where={"desiredStatus": "STOPPED"}, after="ecs.UpdateService")
    aws.on("ecs.DescribeTasks", ecs.described("tasks", *stopped))
    aws.on("logs.GetLogEvents", {"events": [{"message": "KeyError: 'DATABASE_URL'"}], "nextForwardToken": "f/1"})
    ended = step("deploy")
    assert ended.exit_code == 1
    assert "no circuit breaker" in ended.log
    assert "container `app` exited with 3" in ended.log
    assert "KeyError: 'DATABASE_URL'" in ended.log
    assert "KeyError: 'DATABASE_URL'" in ended.summary


def test_a_rollback_is_red_and_followed_to_its_end(aws: ScriptedAws, step: Run) -> None:
    """The log has FAILED when ECS reports it; the step ends with the rollback, and never succeeds."""
    failed = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "status": "ACTIVE"}
    back = ecs.deployment("ecs-svc/3", rollout_state="IN_PROGRESS", reason=ecs.rolling_back("ecs-svc/3"))
    timeline(
        aws,
        at(0, MOVING),
        at(60, {"services": [ecs.service(deployments=[failed | {"status": "PRIMARY"}, OLD | {"status": "ACTIVE"}])]}),
        at(70, {"services": [ecs.service(deployments=[back, failed])]}),
        at(
            90,
            {"services": [ecs.service(deployments=[back | {"rolloutState": "COMPLETED", "runningCount": 1}, failed])]},
        ),
    )
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    ended = step("deploy")
    assert ended.exit_code == 3
    assert ended.outputs["result"] == "rolled-back"
    assert ended.log.index("FAILED: ECS deployment circuit breaker") < ended.log.index("rolling back to web:1")


def test_a_timeout_has_its_own_exit_code_and_says_that_ecs_goes_on(aws: ScriptedAws, step: Run) -> None:
    """We stop looking; ECS does not stop."""
    timeline(aws, at(0, MOVING))
    ended = step("deploy", deployment_timeout="90s")
    assert ended.exit_code == 7
    assert "ECS continues" in ended.log


def test_credentials_that_expire_while_waiting_leave_the_outcome_unknown(aws: ScriptedAws, step: Run) -> None:
    """Neither a failure of the deployment nor a success."""
    timeline(aws, at(0, MOVING), at(10, expired()))
    ended = step("deploy")
    assert ended.exit_code == 8
    assert "The outcome is unknown" in ended.log


def test_completed_is_green_only_if_the_asked_digest_runs(aws: ScriptedAws, step: Run) -> None:
    """ECS reports COMPLETED, but the task runs another digest: the job fails."""
    container = ecs.container() | {"imageDigest": "sha256:" + "b" * 64}
    running(aws, ecs.task(task_definition="web:2", containers=[container]))
    timeline(aws, at(0, COMPLETED))
    ended = step("deploy")
    assert ended.exit_code == 1
    assert "AWS reports success, but 1 min later task abc: container `app` runs sha256:bbb" in ended.log


def test_a_child_of_the_asked_index_is_a_proof(aws: ScriptedAws, step: Run) -> None:
    """Of an image for several platforms a task reports its platform's manifest."""
    child = "sha256:" + "b" * 64
    manifest = f'{{"manifests": [{{"digest": "{child}"}}]}}'
    image = {"imageId": {"imageDigest": ecs.DIGEST}, "imageManifest": manifest}
    aws.on("ecr.BatchGetImage", {"images": [image]}, where={"imageIds": [{"imageDigest": ecs.DIGEST}]})
    running(aws, ecs.task(task_definition="web:2", containers=[ecs.container() | {"imageDigest": child}]))
    timeline(aws, at(0, COMPLETED))
    assert step("deploy").exit_code == 0


def test_what_the_service_has_already_is_not_deployed_again(aws: ScriptedAws, step: Run) -> None:
    """The same commit again: no revision, no update, success."""
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    aws.on("ecs.DescribeServices", COMPLETED)
    assert step("deploy").exit_code == 0
    assert aws.count("ecs.RegisterTaskDefinition") == aws.count("ecs.UpdateService") == 0


def test_a_revision_that_failed_before_is_tried_again_by_force(aws: ScriptedAws, step: Run) -> None:
    """UpdateService with the same revision starts a deployment only by force."""
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[DONE | {"rolloutState": "FAILED"}])]})
    again = {"services": [ecs.service(deployments=[DONE | {"id": "ecs-svc/3"}])]}
    aws.on("ecs.UpdateService", {"service": again["services"][0]}, where={"forceNewDeployment": True})
    timeline(aws, at(0, again))
    assert step("deploy").exit_code == 0


@pytest.mark.parametrize(
    ("operation", "answer", "words"),
    [
        ("ssm.GetParameter", error("ParameterNotFound", ""), "there is no SSM parameter /my/parameter"),
        ("ssm.GetParameter", denied(), "Allow the role cd GetParameter"),
        ("ssm.GetParameter", {"Parameter": {"Value": "[]"}}, "must be a mapping, but is a list"),
        ("ssm.GetParameter", expired(), "sign in before this step"),
        ("ecs.DescribeServices", error("ClusterNotFoundException", "Cluster not found."), "no active ECS cluster my-cluster"),
        ("ecs.DescribeServices", {"services": [], "failures": [{"reason": "MISSING"}]}, "the ECS service web of cluster"),
        ("ecs.DescribeServices", {"services": [ecs.service() | {"status": "INACTIVE"}]}, "is INACTIVE"),
        (
            "ecs.DescribeServices",
            {"services": [ecs.service() | {"deploymentController": {"type": "EXTERNAL"}}]},
            "has the deployment controller EXTERNAL",
        ),
        (
            "ecs.DescribeTaskDefinition",
            error("ClientException", "Unable to describe task definition."),
            "there is no task definition web",
        ),
        (
            "ecs.DescribeTaskDefinition",
            {"taskDefinition": ecs.task_definition("web", containers=["api"])},
            "has no container `app`; did you mean `api`?; it has api",
        ),
        ("ecr.BatchGetImage", {"images": [], "failures": []}, f"image `app` is not in ECR: {'123456789012'}"),
        ("ecr.BatchGetImage", error("RepositoryNotFoundException", "x"), "there is no ECR repository"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_anything_is_changed(
    aws: ScriptedAws, step: Run, operation: str, answer: Any, words: str
) -> None:
    """A clear sentence, exit code 2, no call that changes anything."""
    aws.on(operation, answer)
    ended = step("deploy")
    assert ended.exit_code == 2
    assert words in ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == aws.count("ecs.UpdateService") == 0


def test_problems_of_independent_places_are_told_together(aws: ScriptedAws, step: Run) -> None:
    """A missing image and a missing service: one run, both sentences."""
    aws.on("ecs.DescribeServices", {"services": []})
    aws.on("ecr.BatchGetImage", {"images": []})
    ended = step("deploy")
    assert "is not in ECR" in ended.log
    assert "the ECS service web" in ended.log


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (error("NoSuchKey", "x", status=404), "there is no s3://my-bucket/t.json (NoSuchKey)"),
        ({"Body": b"<html>"}, "must be a mapping"),
        ({"Body": b'{"family": "web" "x": 1}'}, "is not JSON: line 1, column 18"),
        ({"Body": b'{"family": "web", "containerDefinitons": []}'}, f"containerDefinitons: botocore {botocore.__version__} has no such field; did you mean"),
        ({"Body": b'{"family": "web", "containerDefinitions": [{"name": "api"}]}'}, "has no container `app`"),
        ({"Body": b'{"containerDefinitions": [{"name": "app"}]}'}, "family: is missing"),
        ({"Body": b'{"family": "web", "family": "x", "containerDefinitions": [{"name": "app"}]}'}, "family: occurs twice"),
        ({"Body": b"\xff\xfe"}, "is not UTF-8 text"),
    ],
)  # fmt: skip
def test_a_template_that_is_none_is_refused_before_anything_is_changed(
    aws: ScriptedAws, step: Run, template: Any, words: str
) -> None:
    """Missing, not JSON, unknown fields, lacks the container: the place is named."""
    document = (
        '{"cluster": "c", "images": {"app": {"repository": "localhost:1/my-app"}}, '
        '"services": {"web": {"task-definition": "s3://my-bucket/t.json", "containers": {"app": "app"}}}}'
    )
    aws.on("ssm.GetParameter", {"Parameter": {"Value": document}})
    body = template if not isinstance(template, dict) else {**template, "ContentLength": len(template["Body"])}
    aws.on("s3.GetObject", body)
    ended = step("deploy")
    assert ended.exit_code == 2
    assert words in ended.log, ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == 0


def test_a_look_that_is_refused_after_a_lost_update_leaves_the_outcome_unknown(aws: ScriptedAws, step: Run) -> None:
    """The update may have been made: that is not "not begun", and ecs-cd does not repeat it blindly."""
    aws.on("ecs.UpdateService", lost(STARTED))
    aws.on("ecs.DescribeServices", denied(), after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 8
    assert ended.outputs["result"] == "unknown"
    assert aws.count("ecs.UpdateService") == 1


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda patch, folder: patch.setenv("AWS_PROFILE", "nope"), "nope"),
        (lambda patch, folder: (folder / "ecs-cd").write_text("x"), "can't be created"),
    ],
)
def test_what_is_wrong_around_us_is_a_sentence_and_no_traceback(
    aws: ScriptedAws, step: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, break_it: Any, words: str
) -> None:
    """A missing profile, a file where ecs-cd's folder should be."""
    break_it(monkeypatch, tmp_path)
    ended = step("deploy")
    assert ended.exit_code == 2
    assert words in ended.log


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 30)}]}}\n" for n in range(1, 9))
NUL = json.dumps({**DOCUMENT, "services": {"web": {"task-definition": "file:a\0b", "containers": {"app": "app"}}}})


@pytest.mark.parametrize("value", ["[" * 60_000, "&a [*a]", "cluster: " + "1" * 5000, BOMB, MERGES, NUL])
def test_a_document_that_breaks_a_parser_is_refused(aws: ScriptedAws, step: Run, value: str) -> None:
    """Nested without end, referring to itself, a number beyond all bounds, aliases of aliases, merges of merges, a NUL
    character in a path."""
    aws.on("ssm.GetParameter", {"Parameter": {"Value": value}})
    ended = step("deploy")
    assert ended.exit_code == 2
    assert "the document in the SSM parameter /my/parameter" in ended.log


def test_evidence_that_may_not_be_read_is_no_verdict(aws: ScriptedAws, step: Run) -> None:
    """A role without ListTasks: the log says so once, and ecs-cd keeps following the deployment."""
    moving = [ecs.service(deployments=[NEW | {"failedTasks": n}, OLD | {"status": "ACTIVE"}]) for n in range(3)]
    timeline(aws, *(at(5 * n, {"services": [service]}) for n, service in enumerate(moving)), at(30, COMPLETED))
    aws.on("ecs.ListTasks", denied(), where={"desiredStatus": "STOPPED"})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("some evidence is missing: ListTasks answered AccessDeniedException") == 1


def failing(aws: ScriptedAws, tasks: int) -> None:
    """A deployment of which this many tasks die, and which is not rolled back."""
    failed = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "failedTasks": tasks}
    no_rollback = {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}}
    timeline(aws, at(0, MOVING), at(10, {"services": [ecs.service(deployments=[failed]) | no_rollback]}))
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    stopped = [dead(number) for number in range(tasks)]
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"] for task in stopped]}, where={"desiredStatus": "STOPPED"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", *stopped))


def test_many_tasks_that_die_alike_cost_few_calls(aws: ScriptedAws, step: Run) -> None:
    """A crash loop must not slow down the watch: two logs show as much as sixty."""
    failing(aws, tasks=60)
    aws.on("logs.GetLogEvents", {"events": [{"message": "boom"}], "nextBackwardToken": "b/1"})
    ended = step("deploy")
    assert ended.exit_code == 1
    assert "container `app` exited with 3 (60 tasks)" in ended.log
    assert len({call.params["logStreamName"] for call in aws.calls if call.operation == "logs.GetLogEvents"}) <= 4


def test_a_log_that_comes_late_is_read_again(aws: ScriptedAws, step: Run) -> None:
    """CloudWatch Logs lags behind ECS; the last word has the lines."""
    failing(aws, tasks=1)
    empty: Params = {"events": [], "nextBackwardToken": "b/1"}
    aws.on("logs.GetLogEvents", empty, empty, {"events": [{"message": "boom"}], "nextBackwardToken": "b/1"})
    assert "boom" in step("deploy").summary


def test_our_own_revision_deployed_again_by_somebody_is_followed(aws: ScriptedAws, step: Run) -> None:
    """The other deployment runs the requested revision, so its end is the verdict."""
    again = ecs.deployment("ecs-svc/9", task_definition="web:2", rollout_state="IN_PROGRESS")
    theirs = [
        {"services": [ecs.service(deployments=[deployment])]}
        for deployment in (again, again | {"rolloutState": "COMPLETED"})
    ]
    timeline(aws, at(0, MOVING), at(10, theirs[0]), at(30, theirs[1]))
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "ecs-svc/9"


def test_a_look_that_lags_behind_update_service_is_no_verdict(aws: ScriptedAws, step: Run) -> None:
    """DescribeServices may return the old deployment for a while; ecs-cd's deployment was not superseded."""
    before = {"services": [ecs.service(deployments=[OLD])]}
    timeline(aws, at(0, before), at(5, MOVING), at(20, COMPLETED))
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    assert step("deploy").exit_code == 0


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
@pytest.mark.parametrize("place", ["/dev/full", "/nonexistent/file"])
def test_files_that_can_not_be_written_do_not_change_the_verdict(
    aws: ScriptedAws, step: Run, monkeypatch: pytest.MonkeyPatch, name: str, place: str
) -> None:
    """The deployment is done; the log says what is missing."""
    monkeypatch.setenv(name, place)
    timeline(aws, at(0, COMPLETED))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "can't be written" in ended.log


def test_what_can_not_be_written_down_is_not_begun(
    aws: ScriptedAws, step: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry in the state file precedes its call."""

    def full(path: Path, *args: Any, **more: Any) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "replace", full)
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2)})
    ended = step("deploy")
    assert ended.exit_code == 2
    assert "No space left on device" in ended.log
    assert aws.count("ecs.UpdateService") == 0
    assert aws.count("ecs.DeregisterTaskDefinition") == 1


def test_what_is_there_only_by_an_index_of_another_registry_is_no_doubt(
    aws: ScriptedAws, step: Run, tmp_path: Path
) -> None:
    """A sidecar by the digest of an index: its task reports a manifest in it, which only that registry knows."""
    sidecar = f"public.ecr.aws/x/proxy@sha256:{'c' * 64}"
    definition = ecs.task_definition("web", 2)
    app = definition["containerDefinitions"][0]
    given = {"family": "web", "containerDefinitions": [app, {"name": "proxy", "image": sidecar, "essential": True}]}
    (tmp_path / "web.json").write_text(json.dumps(given))
    aws.on("ecr-public.GetAuthorizationToken", denied("ecr-public:GetAuthorizationToken"))
    containers = [ecs.container(), ecs.container("proxy") | {"imageDigest": "sha256:" + "d" * 64}]
    running(aws, ecs.task(task_definition="web:2", started_by="ecs-svc/2", containers=containers))
    timeline(aws, at(0, COMPLETED))
    inputs = {"task_definition": "web.json", "cluster": ecs.CLUSTER, "wait_for_service_stability": "true"}
    ended = step("deploy", config="", sha="", service="web", **inputs)
    assert ended.exit_code == 0, ended.log
    assert f"the manifest of {sidecar} can't be read" in ended.log


def test_a_failure_under_codedeploy_does_not_blame_the_old_target_group(aws: ScriptedAws, step: Run) -> None:
    """The target group that the service names is Blue's."""
    aws.on("ecs.DescribeServices", {"services": [codedeploy.service()]})
    template = ecs.task_definition()
    template["containerDefinitions"][0] |= {"image": "x", "portMappings": [{"containerPort": 80}]}
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": template, "tags": []})
    aws.on("codedeploy.GetDeploymentGroup", codedeploy.group())
    aws.on("codedeploy.ListDeployments", {"deployments": []})
    failed = codedeploy.deployment(status="Failed", error=("HEALTH_CONSTRAINTS", "Tasks are unhealthy."))
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(failed))
    aws.on("codedeploy.CreateDeployment", {"deploymentId": "d-NEW"})
    aws.on("codedeploy.BatchGetDeploymentTargets", codedeploy.target("Install", "Failed"))
    aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": []})
    ended = step("deploy")
    assert ended.exit_code == 1, ended.log
    assert aws.count("elbv2.DescribeTargetHealth") == 0
    assert ended.outputs["codedeploy-deployment-id"] == "d-NEW"
