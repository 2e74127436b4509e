"""ecs_cd.local.codepipeline.engine: actions in threads, and the targets of events."""

from __future__ import annotations

import itertools
import threading

import pytest
from botocore.exceptions import ClientError

from ecs_cd.local.codepipeline.rules.infra import Rule, Target
from ecs_cd.local.codepipeline.rules.state import Outcome
from ecs_cd.model.errors import Refused
from tests.machine.local.codepipeline.serving import ACCOUNT, REGION, Served, served
from tests.rules.local.codepipeline.course import BUILD, DEPLOY, SOURCE
from tests.scripted_aws.codepipeline import action, declaration, stage

START = ("StartPipelineExecution", "arn:aws:iam::123456789012:root")
ARN = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}"
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")


def start(there: Served, name: str = "my-app-deploy", **more: object) -> str:
    return there.engine.start({"name": name, **more}, START)


def statuses(there: Served) -> list[str]:
    return [each.status for each in there.engine.pipeline("my-app-deploy").executions.values()]


def test_an_execution_runs() -> None:
    """A runner gets what the action works with, and says what comes out of it."""
    reads = action("Deploy", "CodeBuild", inputArtifacts=[{"name": "Image"}])
    reads["configuration"] = {"ProjectName": "deploy", "EnvironmentVariables": "#{Image.ImageDigest}"}
    with served(declaration(SOURCE, stage("Deploy", reads))) as there:
        id = start(there)
        there.until_ended()
        (work,) = there.runners.works
        assert (work.pipeline, work.execution, work.stage, work.action) == ("my-app-deploy", id, "Deploy", "Deploy")
        assert work.configuration == {"ProjectName": "deploy", "EnvironmentVariables": "sha256:1"}
        assert work.inputs["Image"].key.startswith("my-app-deploy/Image/")
        source, deploy = there.engine.pipeline("my-app-deploy").attempts.values()
        assert source.outcome.revision is not None and source.outcome.revision.id == "newest"
        assert (deploy.external_id, deploy.external_url) == ("Deploy:1", "https://example.com/Deploy")
        assert deploy.id == work.id


def test_a_source_gets_the_revision_of_the_start() -> None:
    """In the place of the newest one."""
    revision = {"actionName": "Image", "revisionType": "IMAGE_DIGEST", "revisionValue": "sha256:2"}
    with served(declaration(SOURCE)) as there:
        start(there, sourceRevisions=[revision])
        there.until_ended()
        (source,) = there.engine.pipeline("my-app-deploy").attempts.values()
        assert source.outcome.revision is not None and source.outcome.revision.id == "sha256:2"


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (Refused(["there is no project deploy"], "Declare it."), "there is no project deploy. Declare it."),
        (DENIED, "An error occurred (AccessDenied) when calling the PutObject operation: no"),
        (KeyError("x"), "KeyError: 'x'"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_an_exception_fails_the_action(raised: BaseException, words: str) -> None:
    """Whatever it is, the execution ends."""
    with served(declaration(DEPLOY)) as there:
        there.runners.outcomes["Deploy"] = raised
        start(there)
        there.until_ended()
        (attempt,) = there.engine.pipeline("my-app-deploy").attempts.values()
        assert (attempt.status, attempt.outcome.error_code) == ("Failed", "ActionExecutionFailed")
        assert words in attempt.outcome.error_message


def test_a_provider_without_a_runner_fails_the_action() -> None:
    """It never succeeds silently."""
    with served(declaration(stage("Deploy", action("Deploy", "Lambda")))) as there:
        start(there)
        there.until_ended()
        assert statuses(there) == ["Failed"]
        there.until_said("Lambda")


def test_actions_of_a_run_order_run_at_the_same_time() -> None:
    """Each waits here until both have started."""
    with served(declaration(BUILD)) as there:
        lint, unit = there.runners.gates["Lint"], there.runners.gates["Unit"] = threading.Event(), threading.Event()
        start(there)
        there.until(lambda: {each.action for each in there.runners.works} == {"Lint", "Unit"})
        lint.set()
        unit.set()
        there.until_ended()
        assert statuses(there) == ["Succeeded"]


def test_an_abandoned_action_ends_unseen() -> None:
    """Its runner may continue; the execution is stopped, and the next one runs."""
    with served(declaration(DEPLOY)) as there:
        gate = there.runners.gates["Deploy"] = threading.Event()
        first = start(there)
        there.until(lambda: len(there.runners.works) == 1)
        client = there.client()
        client.stop_pipeline_execution(pipelineName="my-app-deploy", pipelineExecutionId=first, abandon=True)
        start(there)
        gate.set()
        there.until_ended()
        assert statuses(there) == ["Stopped", "Succeeded"]


def test_the_log() -> None:
    """A line for each change, with the seconds."""
    with served(declaration(DEPLOY)) as there:
        there.runners.outcomes["Deploy"] = Outcome("JobFailed", "Build terminated with state: FAILED")
        who = f"my-app-deploy {start(there)[:8]}  "
        there.until_ended()
        started, begun, failed, ended = there.said
        assert begun == f"{who}Deploy/Deploy InProgress"
        assert started == f"{who}started by StartPipelineExecution"
        assert failed.startswith(f"{who}Deploy/Deploy Failed 0.") and failed.endswith("state: FAILED")
        assert ended.startswith(f"{who}Failed 0.")


# --- events ---


def test_a_rule_starts_a_pipeline() -> None:
    """With the revision that the event names; the trigger is the rule."""
    revision = '[{"actionName": "Image", "revisionType": "IMAGE_DIGEST", "revisionValue": "sha256:9"}]'
    target = Target(f"{ARN}:my-app-deploy", {}, f'{{"sourceRevisions": {revision}}}')
    rule = Rule("pushed", {"source": ["aws.ecr"]}, (target,))
    with served(declaration(SOURCE), rules=(rule,)) as there:
        there.engine.emit({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {}})
        there.until_ended()
        (execution,) = there.engine.pipeline("my-app-deploy").executions.values()
        assert execution.trigger == ("CloudWatchEvent", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/pushed")
        assert execution.revisions[0]["revisionValue"] == "sha256:9"


def test_a_rule_starts_a_build() -> None:
    """When an execution has failed, with the variables that the rule hands over."""
    override = [{"name": "COMMIT", "value": "abc", "type": "PLAINTEXT"}]
    template = '{"environmentVariablesOverride": [{"name": "COMMIT", "value": "abc", "type": "PLAINTEXT"}]}'
    target = Target(f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/notify", {}, template)
    rule = Rule("failed", {"source": ["aws.codepipeline"], "detail": {"state": ["FAILED"]}}, (target,))
    with served(declaration(DEPLOY), rules=(rule,)) as there:
        there.runners.outcomes["Deploy"] = Outcome("JobFailed", "no")
        start(there)
        there.until_said("rule failed: notify SUCCEEDED")
        assert there.builds.ran == [("notify", override, {}, (), "rule/failed", "")]


def test_a_pipeline_follows_another() -> None:
    """Its rule matches the end of the other's execution."""
    rule = Rule(
        "done", {"source": ["aws.codepipeline"], "detail": {"state": ["SUPERSEDED"]}}, (Target(f"{ARN}:other"),)
    )
    first = declaration(DEPLOY, executionMode="SUPERSEDED")
    with served(first, declaration(DEPLOY, name="other"), rules=(rule,)) as there:
        gate = there.runners.gates["Deploy"] = threading.Event()
        for _ in range(3):
            start(there)
        gate.set()
        there.until_said("other ")
        there.until_ended("other")


def test_an_input_that_cannot_be_made_is_named() -> None:
    """The other rules get the event all the same."""
    broken = Rule("broken", {}, (Target(f"{ARN}:my-app-deploy", {"tag": "$.detail.tag"}, '{"variables": <tag>}'),))
    rules = (broken, Rule("pushed", {"source": ["aws.ecr"]}, (Target(f"{ARN}:my-app-deploy"),)))
    with served(declaration(SOURCE), rules=rules) as there:
        there.engine.emit({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {}})
        there.until_ended()
        assert there.said[0] == (
            "rule broken: the input template can't be filled in: the event has no <tag> ($.detail.tag)"
        )


def test_a_target_that_cannot_start_is_named() -> None:
    """Another pipeline, variables that are not declared, an input of another form; the next target starts."""
    targets = (
        Target(f"{ARN}:missing"),
        Target(f"{ARN}:my-app-deploy", {}, '{"variables": [{"name": "X", "value": "1"}]}'),
        Target(f"{ARN}:my-app-deploy", {}, '{"sourceRevisions": [{}]}'),
        Target(f"{ARN}:my-app-deploy"),
    )
    with served(declaration(DEPLOY), rules=(Rule("pushed", {"source": ["aws.ecr"]}, targets),)) as there:
        there.engine.emit({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {}})
        there.until_ended()
        assert [line.partition("not started: ")[2].partition(":")[0] for line in there.said[:3]] == [
            "PipelineNotFoundException",
            "ValidationException",
            "KeyError",
        ]
        assert statuses(there) == ["Succeeded"]


@pytest.mark.parametrize("others", [[], ["other"]])
def test_a_pipeline_never_starts_itself_without_end(others: list[str]) -> None:
    """By a rule that matches its own start, or through another pipeline's."""
    chain = ["my-app-deploy", *others, "my-app-deploy"]
    rules = [
        Rule(f"after-{name}", {"detail": {"pipeline": [name], "state": ["STARTED"]}}, (Target(f"{ARN}:{following}"),))
        for name, following in itertools.pairwise(chain)
    ]
    with served(declaration(DEPLOY), *(declaration(DEPLOY, name=each) for each in others), rules=tuple(rules)) as there:
        start(there)
        there.until_ended()
        assert statuses(there) == ["Succeeded"]
        assert f"rule {rules[-1].name}: my-app-deploy not started: it would start itself without end" in there.said
