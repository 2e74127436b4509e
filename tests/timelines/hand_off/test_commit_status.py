"""The verb commit-status: an execution's commit on GitHub shows its state now, and why it failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ecs_cd.model import pace
from tests.fake_github import FakeGitHub, Fault, garbage, lost, reset, status
from tests.fake_github.server import REPOSITORY
from tests.scripted_aws import Answer, Params, codedeploy, course, denied, ecs, moment, throttled
from tests.scripted_aws.codebuild import EXIT_1, Build
from tests.scripted_aws.codepipeline import APPROVE, MIGRATE, NAME, S3_SOURCE, SOURCE, action, declaration, stage
from tests.scripted_aws.course import MIGRATION, SUCCEEDS, ends, fails, happens, rolled_back, runs
from tests.timelines.conftest import SHA, Step
from tests.timelines.hand_off.conftest import Run, World
from tests.timelines.hand_off.test_causes import CONFIGURATION, LOG

OTHER = "beef" + "0" * 36
ID = course.execution_id(1)
RELATION = 'ERROR:  relation "readers" does not exist'
CAUSE = "container `app` exited with 1"


@pytest.fixture
def github(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """The repository's GitHub, with a pull request that brought the commit in."""
    with FakeGitHub() as fake:
        monkeypatch.setenv("GITHUB_API_URL", fake.url)
        monkeypatch.setenv("GITHUB_TOKEN", fake.token)
        fake.pulls[SHA] = [{"number": 6, "state": "open"}, {"number": 7, "state": "closed", "merged_at": "2026"}]
        fake.comments = {6: [], 7: []}
        yield fake


@pytest.fixture
def report(step: Run, world: World, github: FakeGitHub) -> Callable[..., Step]:
    """Runs the verb at a second of the execution, which a push has started; nobody sees the token."""

    def run(at: float | None = None, **inputs: str) -> Step:
        if at is not None:
            world.clock.sleep(max(0.0, at - world.pipeline.now))
        given = {"pipeline": NAME, "execution_id": ID, "repository": REPOSITORY, **inputs}
        ended = step("commit-status", config="", sha="", **given)
        assert github.token not in ended.log + ended.summary + json.dumps([asked.body for asked in github.asked])
        return ended

    return run


def pushed(world: World, *goes: course.Change, revision: str = SHA, **more: Any) -> None:
    """A push has started the first execution, with this commit."""
    world.pipeline.courses = (goes,)
    world.pipeline.start({"name": NAME, **more})
    world.pipeline.started[0].revisions = {"Source": revision}


def shown(github: FakeGitHub, sha: str = SHA) -> dict[str, str]:
    """The newest status of the commit."""
    return dict(github.commit_statuses[sha][-1])


def verdict(nonce: str = "", **more: Any) -> str:
    """What ecs-cd writes last into the log of the migration's build."""
    evidence = ["task 7c1e: Essential container in task exited", "LINE 1: SELECT", RELATION, "  at query.py:7"]
    finding = {"cause": CAUSE, "evidence": evidence, "next_step": "Fix this, then run it again."}
    message = f"{CAUSE} (EssentialContainerExited: Essential container in task exited)"
    part = {"title": "Migration", "outcome": "failed", "message": message, "facts": {}, "findings": [finding]}
    said = {"version": 1, "build": MIGRATION, "nonce": nonce, "verb": "migrate", "parts": [part], **more}
    return "ecs-cd-verdict: " + json.dumps(said)


def broken(*lines: str) -> Build:
    return Build(6, 59, EXIT_1, log=[*LOG, *((59.0, line) for line in lines)])


# ---- the state ----


ENDS: list[tuple[course.Course, float, str, str]] = [
    (SUCCEEDS, 8, "pending", "Migrate in progress"),
    ((*SUCCEEDS[:2], happens(6, "Approve/Approve", "InProgress")), 8, "pending", "Approve waits for an approval"),
    ((*SUCCEEDS[:4], course.waits(41, "Deploy")), 50, "pending", "waits at stage Deploy"),
    ((*SUCCEEDS[:3], ends(20, "Stopping")), 30, "pending", "Migrate in progress; the execution is being stopped"),
    (SUCCEEDS, 110, "success", "succeeded: stages Source, Migrate, Deploy"),
    ((*SUCCEEDS[:2], ends(20, "Stopped", reason="wrong release")), 30, "error", "stopped: wrong release"),
    ((*SUCCEEDS[:2], ends(20, "Cancelled")), 30, "error", "cancelled because somebody changed the pipeline"),
    ((*SUCCEEDS[:2], ends(20, "Superseded")), 30, "error", f"execution {course.execution_id('b')} is newer"),
    ((*SUCCEEDS[:2], ends(20, "Failed", "BeforeEntry condition failed")), 30, "failure", "BeforeEntry condition"),
]


@pytest.mark.parametrize(("goes", "at", "state", "words"), ENDS, ids=[f"{each[2]}: {each[3]}" for each in ENDS])
def test_each_state_has_its_words(
    report: Run, world: World, github: FakeGitHub, goes: course.Course, at: float, state: str, words: str
) -> None:
    """With the pipeline as context, and a link to the execution."""
    if "Approve" in words:
        world.pipeline.declared = declaration(SOURCE, APPROVE)
    world.pipeline.others = [course.Execution(course.execution_id("b"), 15.0, SUCCEEDS)]
    pushed(world, *goes)
    ended = report(at)
    assert ended.exit_code == 0, ended.log
    found = shown(github)
    assert (found["state"], found["context"]) == (state, f"ecs-cd/{NAME}")
    assert words in found["description"]
    assert found["target_url"].endswith(f"/pipelines/{NAME}/executions/{ID}/timeline?region=ap-northeast-1")


def test_a_rejected_approval_names_the_person(report: Run, world: World, github: FakeGitHub) -> None:
    """By the name, not the ARN, which would fill the line."""
    world.pipeline.declared = declaration(SOURCE, APPROVE)
    rejected = happens(20, "Approve/Approve", "Failed", summary="not on a Friday", by=course.USER)
    pushed(world, *SUCCEEDS[:2], happens(6, "Approve/Approve", "InProgress"), rejected, ends(21, "Failed"))
    report(30)
    assert shown(github)["description"] == "Approve: was rejected by alice: not on a Friday"


def test_the_rollback_of_a_stage_says_so_at_its_commit(report: Run, world: World, github: FakeGitHub) -> None:
    """The older commit runs again; the failed one's comment names the rollback."""
    pushed(world, *fails())
    failed = world.pipeline.started[0]
    back = rolled_back(
        failed, course.execution_id("old"), 70.0, (*runs(1, "Migrate/Migrate", 9), ends(10, "Succeeded"))
    )
    world.pipeline.others = [replace(back, revisions={"Source": OTHER})]
    report(90)
    assert back.id in github.comments[7][0]["body"]
    report(execution_id=back.id)
    assert shown(github, OTHER)["description"] == "rollback to this commit: succeeded: stages Migrate"


def test_the_source_is_waited_for(report: Run, world: World, github: FakeGitHub) -> None:
    """The first event comes before the source action has found the commit."""
    pushed(world, *SUCCEEDS)
    found = world.pipeline._execution

    def late(params: Params) -> Answer:
        world.pipeline.started[0].revisions = {"Source": SHA} if world.pipeline.now > 4 else {}
        return found(params)

    world.aws.on("codepipeline.GetPipelineExecution", late)
    assert report(0).exit_code == 0
    assert shown(github)["state"] == "pending"


# ---- which commit ----


CONNECTION = "https://console.aws.amazon.com/connections/redirect?referenceType=COMMIT&FullRepositoryName={}&Commit=x"


def test_of_two_connections_the_repositorys_own_counts(report: Run, world: World, github: FakeGitHub) -> None:
    """The revision's page names the repository."""
    pushed(world, *SUCCEEDS)
    found = world.pipeline._execution
    pages = {"Infra": (OTHER, "org%2Finfra"), "App": (SHA, REPOSITORY.replace("/", "%2F"))}

    def two(params: Params) -> Answer:
        answer = found(params)
        assert isinstance(answer, dict)
        answer["pipelineExecution"]["artifactRevisions"] = [
            {"name": name, "revisionId": sha, "revisionUrl": CONNECTION.format(path)}
            for name, (sha, path) in pages.items()
        ]
        return answer

    world.aws.on("codepipeline.GetPipelineExecution", two)
    report(110)
    assert list(github.commit_statuses) == [SHA]
    pages["App"] = (SHA, "org%2Felse")
    ended = report()
    assert ended.exit_code == 2
    assert f"the execution has several commits: {OTHER}, {SHA}" in ended.log


def test_a_variable_has_the_commit_of_an_object(report: Run, world: World, github: FakeGitHub) -> None:
    """A version of S3 is no commit."""
    pushed(world, *SUCCEEDS, revision="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", variables=[{"name": "COMMIT", "value": SHA}])
    assert report(110).exit_code == 0
    assert shown(github)["state"] == "success"


def test_without_a_commit_the_state_is_in_the_log(report: Run, world: World, github: FakeGitHub) -> None:
    """And the remedy: GitHub has nothing to show it at."""
    pushed(world, *fails(), revision="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY")
    ended = report(70)
    assert ended.exit_code == 2
    assert "my-app-deploy: failure: Migrate: the build failed" in ended.log
    assert "shows no commit" in ended.log
    assert github.asked == []


# ---- the cause ----


def test_the_cause_is_that_of_the_app(report: Run, world: World, github: FakeGitHub) -> None:
    """What ecs-cd found in the build, and the line of the container's log that says why."""
    pushed(world, *fails())
    world.goes(fails(), migrate=broken(verdict()))
    ended = report(70)
    assert ended.exit_code == 0, ended.log
    assert shown(github)["state"] == "failure"
    assert shown(github)["description"] == f"Migrate: {CAUSE}: {RELATION}".replace("  ", " ")


def test_without_ecs_cd_in_the_build_its_log_has_the_cause(report: Run, world: World, github: FakeGitHub) -> None:
    """CodeBuild's agent says only that a command failed."""
    agent = "[Container] 2026/11/28 Phase context status code: COMMAND_EXECUTION_ERROR Message: exit status 1"
    pushed(world, *fails())
    world.goes(fails(), migrate=broken(RELATION, "bye", agent))
    report(70)
    assert shown(github)["description"] == f"Migrate: the build failed in phase BUILD: {RELATION}".replace("  ", " ")


@pytest.mark.parametrize(
    ("line", "believed"),
    [
        (verdict("1" * 32), True),
        (verdict("2" * 32), False),
        (verdict(), False),
        (f"  | {verdict('1' * 32)}", False),
        (verdict("1" * 32, build="migrate:2"), False),
    ],
    ids=["ours", "another nonce", "no nonce", "a container's line", "another build"],
)
def test_a_verdict_needs_the_nonce_of_the_execution(
    report: Run, world: World, github: FakeGitHub, line: str, believed: bool
) -> None:
    """If hand-off gave one: it is among the execution's variables. A forged one could change words, no state."""
    pushed(world, *fails(), variables=[{"name": "ECS_CD_NONCE", "value": "1" * 32}])
    world.goes(fails(), migrate=broken(line))
    report(70)
    assert shown(github)["state"] == "failure"
    assert (CAUSE in shown(github)["description"]) is believed


def test_a_green_verdict_is_no_success(report: Run, world: World, github: FakeGitHub) -> None:
    """The state is CodePipeline's."""
    part = {"title": "Migration", "outcome": "succeeded", "message": "", "facts": {}, "findings": []}
    pushed(world, *fails())
    world.goes(fails(), migrate=broken(verdict(parts=[part])))
    report(70)
    assert shown(github)["state"] == "failure"


@pytest.mark.parametrize("provider", ["CodeDeployToECS", "ECS"])
def test_codepipelines_own_actions_have_causes_too(
    report: Run, world: World, github: FakeGitHub, provider: str
) -> None:
    """What CodeDeploy and ECS show of the deployment."""
    last = action("Ship", provider, configuration=CONFIGURATION[provider])
    world.pipeline.declared = declaration(SOURCE, MIGRATE, stage("Deploy", last))
    begun = happens(42, "Deploy/Ship", "InProgress", id="d-NEW")
    failed = happens(60, "Deploy/Ship", "Failed", error=("JobFailed", "it failed"), id="d-NEW")
    pushed(world, *SUCCEEDS[:4], begun, failed, ends(61, "Failed"))
    world.aws.on("codedeploy.GetDeploymentGroup", codedeploy.group())
    deployment = codedeploy.deployment(status="Failed", error=("HEALTH_CONSTRAINTS", "unhealthy"))
    world.aws.on("codedeploy.BatchGetDeployments", codedeploy.described(deployment))
    world.aws.on("codedeploy.BatchGetDeploymentTargets", codedeploy.target("AfterInstall", "Failed", status="Failed"))
    dead = ecs.task("1", "STOPPED", stoppedAt=moment(world.aws.start + 50), stopCode="EssentialContainerExited")
    dead["containers"] = [{"name": "app", "exitCode": 1, "lastStatus": "STOPPED"}]
    world.aws.on("ecs.ListTasks", {"taskArns": [dead["taskArn"]]})
    world.aws.on("ecs.DescribeTasks", {"tasks": [dead]})
    world.aws.on("logs.GetLogEvents", {"events": [{"message": RELATION}], "nextBackwardToken": "b/1"})
    assert report(70).exit_code == 0
    assert shown(github)["description"].startswith("Deploy/Ship: "), shown(github)
    assert CAUSE in shown(github)["description"] + github.comments[7][0]["body"]


def test_what_may_not_be_read_leaves_the_rest(report: Run, world: World, github: FakeGitHub) -> None:
    """A role without CodeBuild's permissions has CodePipeline's words."""
    pushed(world, *fails())
    world.aws.on("codebuild.BatchGetBuilds", denied("BatchGetBuilds"))
    assert report(70).exit_code == 0
    assert "Build terminated with state: FAILED" in shown(github)["description"]


# ---- the comment ----


def test_the_whole_cause_is_a_comment_on_the_pull_request(report: Run, world: World, github: FakeGitHub) -> None:
    """Once per execution, however often the event comes; on the merged one."""
    pushed(world, *fails())
    world.goes(fails(), migrate=broken(verdict()))
    for _ in range(2):
        ended = report(70)
        assert "the whole cause is in a comment on pull request #7" in ended.log
    (comment,) = github.comments[7]
    assert github.comments[6] == []
    assert f"<!-- ecs-cd/{NAME} {ID} -->" in comment["body"]
    for words in (CAUSE, RELATION, "LINE 1: SELECT", "-> Fix this, then run it again.", f"/executions/{ID}/"):
        assert words in comment["body"]


@pytest.mark.parametrize("goes", [SUCCEEDS, (*SUCCEEDS[:2], ends(20, "Superseded"))], ids=["success", "superseded"])
def test_only_a_failure_is_commented_on(report: Run, world: World, github: FakeGitHub, goes: course.Course) -> None:
    """A comment sends mail."""
    pushed(world, *goes)
    report(110)
    assert github.comments == {6: [], 7: []}


@pytest.mark.parametrize(
    ("fault", "method", "note"),
    [
        (status(403), "GET", "`Pull requests: read and write`"),
        (status(404), "POST", "`Pull requests: read and write`"),
        (status(502), "GET", "HTTP 502"),
        (garbage(), "GET", "is not GitHub's API"),
        (garbage(b"{}"), "GET", "no pull request of c0ffee0"),
        (garbage(b"[1, {}]"), "GET", "no pull request of c0ffee0"),
    ],
    ids=["not allowed", "no write", "down", "a proxy", "an object", "a strange list"],
)
def test_without_the_comment_the_status_is_there(
    report: Run, world: World, github: FakeGitHub, fault: Fault, method: str, note: str
) -> None:
    """The permission for comments is optional."""
    pushed(world, *fails())
    github.fail(fault, method=method, path="/comments" if method == "POST" else "/pulls")
    ended = report(70)
    assert ended.exit_code == 0, ended.log
    assert note in ended.log
    assert shown(github)["state"] == "failure"


def test_a_comment_whose_answer_is_lost_is_not_made_twice(report: Run, world: World, github: FakeGitHub) -> None:
    """ecs-cd looks for it first."""
    pushed(world, *fails())
    github.fail(lost(), None, method="POST", path="/comments")
    assert report(70).exit_code == 0
    assert len(github.comments[7]) == 1


EVIL = "```\n@org/everyone ![x](https://evil.example) <img src=x> fixes #1 ::error::\n~~~\n\x1b[2J"


def test_nobodys_text_acts_in_a_comment(report: Run, world: World, github: FakeGitHub) -> None:
    """No mention, link or image outside of the code block, which nothing inside can end."""
    pushed(world, *fails(details=("JobFailed", EVIL)))
    world.aws.on("codebuild.BatchGetBuilds", {"builds": []})
    report(70)
    body = github.comments[7][0]["body"]
    outside = body[: body.index("````")] + body[body.rindex("````") :]
    assert "@org" in body
    assert not [word for word in ("@org", "evil", "<img", "#1") if word in outside]
    assert "\x1b" not in body


def test_a_long_cause_is_cut(report: Run, world: World, github: FakeGitHub) -> None:
    """To what GitHub accepts: 140 characters in the status, 65,536 in the comment."""
    pushed(world, *fails(details=("JobFailed", "\N{ROCKET} error " + "x" * 4000)))
    world.aws.on("codebuild.BatchGetBuilds", {"builds": []})
    world.goes(fails(), migrate=broken(*["é" * 5000] * 80))
    assert report(70).exit_code == 0
    assert len(shown(github)["description"]) <= 140
    assert len(github.comments[7]) == 1


# ---- once, late, twice ----


def test_who_read_an_earlier_state_corrects_it(report: Run, world: World, github: FakeGitHub) -> None:
    """The execution fails between the read and the post, whose order GitHub keeps: the last status is the true one."""
    pushed(world, *fails())
    found = world.pipeline._execution
    asked: list[Params] = []

    def ends_meanwhile(params: Params) -> Answer:
        asked.append(params)
        if len(asked) == 2:
            world.clock.sleep(60)
        return found(params)

    world.aws.on("codepipeline.GetPipelineExecution", ends_meanwhile)
    assert report(50).exit_code == 0
    assert [each["state"] for each in github.commit_statuses[SHA]] == ["pending", "failure"]


def test_a_retried_stage_is_pending_again(report: Run, world: World, github: FakeGitHub) -> None:
    """And an event of the first failure that comes late does not say otherwise."""
    again = (happens(100, "Migrate/Migrate", "InProgress", build=MIGRATION), ends(100, "InProgress"))
    pushed(world, *fails(), *again)
    for at, state in ((70.0, "failure"), (110.0, "pending"), (111.0, "pending")):
        report(at)
        assert shown(github)["state"] == state
    assert shown(github)["description"] == "Migrate in progress, try 2"


# ---- GitHub fails ----


@pytest.mark.parametrize("fault", [status(500), status(502), status(429), reset(), lost()])
def test_a_fault_that_passes_is_tried_again(report: Run, world: World, github: FakeGitHub, fault: Fault) -> None:
    """A status twice is the same status."""
    pushed(world, *SUCCEEDS)
    github.fail(fault, fault, fault, None, method="POST")
    assert report(110).exit_code == 0
    assert shown(github)["state"] == "success"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (status(401), 2, "Is GITHUB_TOKEN a token for this GitHub server"),
        (
            status(403),
            2,
            f"a fine-grained token for {REPOSITORY} needs the repository permission `Commit statuses: read",
        ),
        (
            status(404),
            2,
            f"a fine-grained token for {REPOSITORY} needs the repository permission `Commit statuses: read",
        ),
        (status(409), 2, f"Is the commit in {REPOSITORY}?"),
        (garbage(), 2, "is not GitHub's API"),
        (status(503), 1, "HTTP 503"),
    ],
    ids=["401", "403", "404", "409", "a proxy", "down"],
)
def test_github_refuses_in_words_with_the_remedy(
    report: Run, world: World, github: FakeGitHub, fault: Fault, code: int, words: str
) -> None:
    """A commit without a status fails the build: the infra engineer has to see it."""
    pushed(world, *SUCCEEDS)
    github.fail(fault, method="POST")
    ended = report(110)
    assert ended.exit_code == code, ended.log
    assert words in ended.log
    assert world.clock.monotonic() <= 110 + pace.GITHUB_PATIENCE


def test_a_commit_of_another_repository_is_named(report: Run, world: World, github: FakeGitHub) -> None:
    """GitHub answers 422."""
    pushed(world, *SUCCEEDS)
    github.commits = {OTHER}
    ended = report(110)
    assert ended.exit_code == 2
    assert f"No commit found for SHA: {SHA}" in ended.log
    assert f"Is the commit in {REPOSITORY}?" in ended.log


# ---- what is refused ----


def test_without_a_token_nothing_is_asked(
    report: Run, world: World, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy names the variable and the permission."""
    monkeypatch.setenv("GITHUB_TOKEN", " ")
    pushed(world, *SUCCEEDS)
    ended = report(110)
    assert ended.exit_code == 2
    assert "there is no token in GITHUB_TOKEN" in ended.log
    assert "`Commit statuses: read and write`" in ended.log
    assert github.asked == []


@pytest.mark.parametrize(
    "inputs",
    [
        {"repository": "my-app"},
        {"repository": "org/.."},
        {"repository": "org/app/../../other"},
        {"pipeline": "a b"},
        {"execution_id": "newest"},
        {"execution_id": ""},
    ],
)
def test_an_input_that_would_end_up_in_a_url_is_checked(
    report: Run, github: FakeGitHub, inputs: dict[str, str]
) -> None:
    """Each has its own form."""
    ended = report(**inputs)
    assert ended.exit_code == 2
    assert next(iter(inputs)).replace("_", "-") in ended.log
    assert github.asked == []


@pytest.mark.parametrize("inputs", [{"execution_id": course.execution_id(9)}, {"pipeline": "another"}])
def test_an_execution_that_is_not_there_is_named(
    report: Run, world: World, github: FakeGitHub, inputs: dict[str, str]
) -> None:
    """With the pipeline and the region."""
    pushed(world, *SUCCEEDS)
    ended = report(110, **inputs)
    assert ended.exit_code == 2
    assert "in ap-northeast-1 has no execution" in ended.log


def test_aws_that_throttles_is_tried_again(report: Run, world: World, github: FakeGitHub) -> None:
    """As the AWS SDK does."""
    pushed(world, *SUCCEEDS)
    found: Any = world.pipeline._execution
    answers = iter([throttled(), throttled()])
    world.aws.on("codepipeline.GetPipelineExecution", lambda params: next(answers, None) or found(params))
    assert report(110).exit_code == 0


def test_the_sources_own_failure_has_words(report: Run, world: World, github: FakeGitHub) -> None:
    """The commit is known from a variable; there is no build."""
    world.pipeline.declared = declaration(stage("Source", S3_SOURCE), MIGRATE, variables=("COMMIT",))
    failed = happens(2, "Source/Source", "Failed", error=("ConfigurationError", "no such key"))
    pushed(world, failed, ends(3, "Failed"), revision="newest", variables=[{"name": "COMMIT", "value": SHA}])
    report(10)
    assert shown(github)["description"] == "Source: failed: no such key"
