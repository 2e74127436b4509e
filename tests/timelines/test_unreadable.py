"""Each verb, and each of its calls to AWS: the answer says 200 and is not AWS's, once or always."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.fake_github import FakeGitHub
from tests.scripted_aws import Params, ScriptedAws, at, blue_green, codedeploy, course, ecs, wire
from tests.scripted_aws.codebuild import EXIT_1, Build, Builds
from tests.scripted_aws.codepipeline import NAME, Pipeline
from tests.scripted_aws.s3 import Bucket
from tests.scripted_aws.wire import Request, Response
from tests.timelines.conftest import DOCUMENT, REPOSITORY, SHA, Step
from tests.timelines.deploy import test_existing, test_schedules
from tests.timelines.deploy.test_faults import BLUE_GREEN, CODEDEPLOY, ROLLING, World, build, dead, tasks
from tests.timelines.verbs import test_migrate

Run = Callable[..., Step]

BODIES = {"a page": b"<html><body>Sign in to the proxy</body></html>", "{}": b"{}", "deep": b'{"a":' * 100_000}
PIPELINE = "codepipeline"
READS = ("ssm.GetParameter#1", "ecr.BatchGetImage#1", "ecs.DescribeTaskDefinition#1", "ecs.DescribeServices#1")
PROOF = ("ecs.ListTasks#1", "ecs.DescribeTasks#1")


def deploys(world: World) -> Callable[[ScriptedAws], None]:
    def script(aws: ScriptedAws) -> None:
        build(world, aws)
        world.looks(aws, at(0, world.going), at(10, world.done))

    return script


def fails(world: World) -> Callable[[ScriptedAws], None]:
    """With a dead task, a target group and an alarm for evidence."""

    def script(aws: ScriptedAws) -> None:
        build(world, aws)
        tasks(aws, "STOPPED", dead(1, world.started_by))
        world.looks(aws, at(0, world.going), at(10, world.failed))

    return script


def schedules(aws: ScriptedAws) -> None:
    build(ROLLING, aws)
    test_schedules.EventBridge(aws)
    content = {**DOCUMENT, "scheduled-tasks": {**test_schedules.NIGHTLY, **test_schedules.HOURLY}}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})
    aws.on("ecs.DescribeTaskDefinition", _another_image)
    ROLLING.looks(aws, at(0, ROLLING.done))


def _another_image(params: Params) -> Params:
    """The newest revision of each family has the previous image."""
    found = ecs.task_definition(params["taskDefinition"].rpartition("/")[2].partition(":")[0])
    container = found["containerDefinitions"][0] | {"image": f"{REPOSITORY}@sha256:{'0' * 64}"}
    return {"taskDefinition": found | {"containerDefinitions": [container]}, "tags": []}


def migrates(aws: ScriptedAws) -> None:
    aws.on("ecs.RunTask", ecs.RunTask())
    aws.on("ecs.ListTasks", {"taskArns": []})
    running, stopped = ({"tasks": [each]} for each in (test_migrate.migration("RUNNING"), test_migrate.stopped(0)))
    aws.on("ecs.DescribeTasks", at(0, running), at(10, stopped), after="ecs.RunTask")
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})


def reuses(aws: ScriptedAws) -> None:
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    aws.on("ecr.PutImage", {"image": {}})
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    aws.on("ecr.BatchGetImage", _tagged)
    scan = {"imageScanCompletedAt": 0, "findingSeverityCounts": {}}
    aws.on("ecr.DescribeImageScanFindings", {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": scan})


def _tagged(params: Params) -> Params:
    """Only the commit's tag is there."""
    found = [image for image in params["imageIds"] if image.get("imageTag", SHA) == SHA]
    missing = [{"imageId": image, "failureCode": "ImageNotFound"} for image in params["imageIds"] if image not in found]
    images = [{"imageId": {"imageDigest": ecs.DIGEST, **image}, "imageManifest": "{}"} for image in found]
    return {"images": images, "failures": missing}


def paused(aws: ScriptedAws) -> None:
    waits = test_existing.PAUSED | test_existing.SOURCE
    test_existing.blue_green_service(aws, waits)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": blue_green.arn("2")})
    done = blue_green.through(blue_green.service_deployment("2", "SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *done, after="ecs.ContinueServiceDeployment")


def goes_back(aws: ScriptedAws) -> None:
    """A deployment under way, which ECS takes back."""
    test_existing.blue_green_service(aws, blue_green.service_deployment("2", stage="SCALE_UP") | test_existing.SOURCE)
    aws.on("ecs.StopServiceDeployment", {"serviceDeploymentArn": blue_green.arn("2")})
    back = [blue_green.service_deployment("2", status) for status in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")]
    aws.on("ecs.DescribeServiceDeployments", *blue_green.through(*back), after="ecs.StopServiceDeployment")
    test_existing.runs(aws, "web:1")


def ready(aws: ScriptedAws) -> None:
    build(CODEDEPLOY, aws)
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-NEW"]})
    waits, done = (codedeploy.described(codedeploy.deployment(status=each)) for each in ("Ready", "Succeeded"))
    aws.on("codedeploy.BatchGetDeployments", waits)
    aws.on("codedeploy.BatchGetDeployments", at(0, done), after="codedeploy.ContinueDeployment")
    aws.on("codedeploy.ContinueDeployment", {})
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})


def hands_off(goes: course.Course) -> Callable[[ScriptedAws], None]:
    """To a pipeline with a build that fails, or all goes well."""

    def script(aws: ScriptedAws) -> None:
        given = {"name": NAME, "start": "object", "object": "s3://bucket/hand-off.zip", "source": "Source"}
        document = json.dumps({**DOCUMENT, "pipeline": given})
        aws.on("ssm.GetParameter", {"Parameter": {"Value": document, "Version": 3}})
        pipeline = Pipeline(aws.clock, [goes]).script(aws)
        Builds(pipeline, {course.MIGRATION: Build(6, 39, EXIT_1), course.DEPLOYMENT: Build(42, 99)}).script(aws)
        Bucket().script(aws)

    return script


FIRST = course.execution_id(1)


def reported(aws: ScriptedAws) -> None:
    """A build has failed in an execution that a push has started."""
    pipeline = Pipeline(aws.clock, [course.fails()]).script(aws)
    Builds(pipeline, {course.MIGRATION: Build(6, 59, EXIT_1)}).script(aws)
    pipeline.start({"name": NAME})
    pipeline.started[0].revisions = {"Source": SHA}
    aws.clock.sleep(70)


@dataclass(frozen=True)
class Scenario:
    """A verb that goes well, or fails with this exit code. Of each call, ``#2`` is the second of its operation."""

    name: str
    verb: str
    script: Callable[[ScriptedAws], None]
    calls: tuple[str, ...]
    inputs: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0


SCENARIOS = (
    Scenario(
        "rolling",
        "deploy",
        deploys(ROLLING),
        (*READS, *PROOF, "ecs.RegisterTaskDefinition#1", "ecs.UpdateService#1", "ecs.DescribeServices#2"),
    ),
    Scenario(
        "blue/green",
        "deploy",
        deploys(BLUE_GREEN),
        (
            *(*READS, *PROOF, "ecs.RegisterTaskDefinition#1", "ecs.UpdateService#1"),
            *("ecs.ListServiceDeployments#1", "ecs.ListServiceDeployments#2"),
            *("ecs.DescribeServiceRevisions#1", "ecs.DescribeServiceDeployments#1", "ecs.DescribeServiceDeployments#2"),
        ),
    ),
    Scenario(
        "CodeDeploy",
        "deploy",
        deploys(CODEDEPLOY),
        (
            *(*READS, *PROOF, "ecs.RegisterTaskDefinition#1", "codedeploy.CreateDeployment#1"),
            *("codedeploy.GetDeploymentGroup#1", "codedeploy.ListDeployments#1", "codedeploy.BatchGetDeployments#1"),
            *("codedeploy.BatchGetDeployments#2", "codedeploy.BatchGetDeploymentTargets#1"),
        ),
    ),
    *(
        Scenario(
            f"{world} fails",
            "deploy",
            fails(world),
            (
                *("ecs.ListTasks#1", "ecs.DescribeTasks#1", "logs.GetLogEvents#1"),
                *("ecs.DescribeServiceDeployments#2" if world is BLUE_GREEN else "ecs.DescribeServices#2",),
            ),
            exit_code=world.exit_code,
        )
        for world in (ROLLING, BLUE_GREEN, CODEDEPLOY)
    ),
    Scenario(
        "schedules",
        "deploy",
        schedules,
        (
            *("events.DescribeRule#1", "events.ListTargetsByRule#1", "events.PutTargets#1"),
            *("scheduler.GetSchedule#1", "scheduler.UpdateSchedule#1"),
        ),
    ),
    Scenario(
        "migration",
        "migrate",
        migrates,
        (*READS, "ecs.RegisterTaskDefinition#1", "ecs.RunTask#1", "ecs.DescribeTasks#1", "logs.GetLogEvents#1"),
    ),
    Scenario("files", "artifacts", deploys(CODEDEPLOY), READS),
    Scenario(
        "reuse",
        "build-push",
        reuses,
        (
            *("ssm.GetParameter#1", "ecr.BatchGetImage#1", "ecr.DescribeRepositories#1", "ecr.PutImage#1"),
            "ecr.DescribeImageScanFindings#1",
        ),
        inputs={"tags": "latest", "scan": "wait"},
    ),
    Scenario(
        "pause",
        "continue",
        paused,
        ("ecs.DescribeServices#1", "ecs.ListServiceDeployments#1", "ecs.ContinueServiceDeployment#1"),
        inputs={"sha": ""},
    ),
    Scenario(
        "way back",
        "rollback",
        goes_back,
        ("ecs.DescribeServices#1", "ecs.ListServiceDeployments#1", "ecs.StopServiceDeployment#1", *PROOF),
        inputs={"sha": ""},
    ),
    Scenario(
        "hand-off",
        "hand-off",
        hands_off(course.SUCCEEDS),
        (
            *("ssm.GetParameter#1", "ecr.BatchGetImage#1", "s3.PutObject#1", f"{PIPELINE}.GetPipeline#1"),
            *(f"{PIPELINE}.GetPipelineState#1", f"{PIPELINE}.StartPipelineExecution#1"),
            *(f"{PIPELINE}.GetPipelineExecution#3", f"{PIPELINE}.ListActionExecutions#3"),
        ),
    ),
    Scenario(
        "hand-off fails",
        "hand-off",
        hands_off(course.fails()),
        (
            *(f"{PIPELINE}.ListPipelineExecutions#2", "codebuild.BatchGetBuilds#1", "codebuild.BatchGetBuilds#2"),
            "logs.GetLogEvents#1",
        ),
        exit_code=1,
    ),
    Scenario(
        "commit status",
        "commit-status",
        reported,
        (
            *(f"{PIPELINE}.GetPipelineExecution#1", f"{PIPELINE}.ListActionExecutions#1"),
            *(f"{PIPELINE}.ListPipelineExecutions#1", "codebuild.BatchGetBuilds#1", "logs.GetLogEvents#1"),
        ),
        inputs={"config": "", "sha": "", "pipeline": NAME, "execution_id": FIRST, "repository": "org/my-app"},
    ),
    Scenario(
        "approval",
        "continue",
        ready,
        ("codedeploy.ListDeployments#1", "codedeploy.BatchGetDeployments#1", "codedeploy.ContinueDeployment#1"),
        inputs={"sha": ""},
    ),
)


def cases(body: str, *calls: str) -> Iterator[object]:
    for scenario in SCENARIOS:
        for call in (call for call in scenario.calls if not calls or call in calls):
            # ContinueDeployment has no content, so `{}` is an answer.
            if not (call.startswith("codedeploy.ContinueDeployment") and body == "{}"):
                yield pytest.param(scenario, call, BODIES[body], id=f"{scenario.name}-{call}-{body}")


ONCE = [
    *cases("a page"),
    *cases("{}"),
    *cases("deep", "ecs.DescribeTaskDefinition#1", "codedeploy.ContinueDeployment#1"),
]


@pytest.fixture(autouse=True)
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of the verbs here, commit-status alone asks it."""
    with FakeGitHub() as fake:
        monkeypatch.setenv("GITHUB_API_URL", fake.url)
        monkeypatch.setenv("GITHUB_TOKEN", fake.token)
        yield


def spoil(aws: ScriptedAws, call: str, body: bytes, *, always: bool = False) -> None:
    """AWS does what is asked; this call's answer, or the answers from it on, arrive as this body."""
    operation, _, number = call.partition("#")

    def answer(request: Request) -> Response | None:
        response = aws.answer(request)
        if wire.name_of(wire.parse(request)[0]) != operation:
            return response
        here = aws.count(operation) >= int(number) if always else aws.count(operation) == int(number)
        return Response(200, body) if here else response

    aws._server.answer = answer


@pytest.mark.parametrize(("scenario", "call", "body"), ONCE)
def test_one_answer_that_is_not_aws_s_changes_no_result(
    aws: ScriptedAws, step: Run, scenario: Scenario, call: str, body: bytes
) -> None:
    """Reads try again, mutations are looked for, evidence is left out."""
    scenario.script(aws)
    spoil(aws, call, body)
    ended = step(scenario.verb, **scenario.inputs)
    assert ended.exit_code == scenario.exit_code, ended.log
    assert aws.count(call.partition("#")[0]) >= int(call.partition("#")[2]), "the call is not made"


@pytest.mark.parametrize(("scenario", "call", "body"), list(cases("a page")))
def test_answers_that_are_never_aws_s_are_no_bug(
    aws: ScriptedAws, step: Run, scenario: Scenario, call: str, body: bytes
) -> None:
    """Refused before anything has changed, or unknown; a result that rests on evidence alone stays. Never green by it."""
    scenario.script(aws)
    spoil(aws, call, body, always=True)
    ended = step(
        scenario.verb, **scenario.inputs, **({"deployment_timeout": "3m"} if scenario.verb == "deploy" else {})
    )
    assert ended.exit_code in (1, 2, 7, 8, scenario.exit_code), ended.log
    assert "a bug in ecs-cd" not in ended.log
    assert "Sign in to the proxy" not in ended.log
