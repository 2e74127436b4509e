"""The GitHub Deployment of whole runs: the right states at the right moments, and no harm from a GitHub that fails."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ecs_cd import cli
from ecs_cd.model import pace
from tests.fake_github import SERVER_URL, FakeGitHub, Fault, garbage, lost, redirect, reset, silent, status, trickle
from tests.scripted_aws import Clock, Params, ScriptedAws, at, denied, ecs, expired
from tests.scripted_aws.fleet import COMPLETES, CRASHES, STAYS, Course, Fleet, document
from tests.timelines.conftest import REPOSITORY, SHA, Step
from tests.timelines.fake_docker import FakeDocker

Run = Callable[..., Step]

LOG = f"{SERVER_URL}/org/my-app/actions/runs/77/attempts/1"
MUTATIONS = ("ecs.RegisterTaskDefinition", "ecs.UpdateService", "ecs.RunTask")


@pytest.fixture
def github(aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """The job's GitHub; each request knows how much AWS had been asked to change before."""
    monkeypatch.setattr(pace, "GITHUB_PAUSE", 0)
    for name in ("GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with FakeGitHub(moment=lambda: sum(call.operation in MUTATIONS for call in aws.calls)) as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest.fixture
def run(step: Run, github: FakeGitHub) -> Run:
    """Runs a verb for the environment `production`; only GitHub gets the token."""

    def run(verb: str = "deploy", **inputs: str) -> Step:
        given = {"github_deployment": "production", "github_token": github.token, **inputs}
        ended = step(verb, **given)
        assert github.token not in ended.log + ended.summary + json.dumps(ended.outputs)
        assert github.token not in json.dumps([asked.body for asked in github.asked])
        return ended

    return run


@pytest.fixture(autouse=True)
def web(aws: ScriptedAws, clock: Clock) -> None:
    """One service, whose deployment completes."""
    services(aws, clock, web=COMPLETES)


def services(aws: ScriptedAws, clock: Clock, **courses: Course) -> Fleet:
    given = document(list(courses), REPOSITORY)
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    aws.on("logs.GetLogEvents", {"events": [{"message": "boom"}], "nextBackwardToken": "b/1"})
    return Fleet(clock, courses).script(aws)


def interrupted(answer: Callable[[Params], Params]) -> Callable[[Params], Params]:
    """The runner's SIGINT arrives while AWS does what was asked."""

    def interrupt(params: Params) -> Params:
        done = answer(params)
        os.kill(os.getpid(), signal.SIGINT)
        return done

    return interrupt


def event(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: Any) -> None:
    (tmp_path / "event.json").write_text(json.dumps(content))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "deployment")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))


def warnings(ended: Step) -> list[str]:
    return [line for line in ended.log.splitlines() if line.startswith("::warning") and "github-deployment" in line]


# ---- each end ----


def test_several_documents_have_one_deployment(aws: ScriptedAws, clock: Clock, github: FakeGitHub, run: Run) -> None:
    """It fails if one of them fails, and names the services of all."""
    given = {name: document([name], REPOSITORY) for name in ("eu", "us")}

    def parameter(params: Params) -> Params:
        return {"Parameter": {"Value": json.dumps(given[params["Name"].strip("/")]), "Version": 1}}

    aws.on("ssm.GetParameter", parameter)
    Fleet(clock, {"eu": COMPLETES, "us": CRASHES}).script(aws)
    ended = run(config="/eu region=eu-west-1\n/us region=us-east-1")
    assert ended.exit_code == 3, ended.log
    (made,) = github.deployments
    assert made["description"] == "Amazon ECS: eu-west-1/eu, us-east-1/us"
    assert [each["state"] for each in github.statuses_of()] == ["in_progress", "failure"]
    assert len(github.asked) <= 6


def test_a_deployment_is_told_from_begin_to_end(github: FakeGitHub, run: Run) -> None:
    """In progress before anything is changed; then the success, with the run's log and the environment's address."""
    ended = run(environment_url="https://my-app.example")
    assert ended.exit_code == 0, ended.log
    (made,) = github.deployments
    assert made["ref"] == SHA
    assert made["environment"] == "production"
    assert made["description"] == "Amazon ECS: web"
    first, last = github.statuses_of()
    assert [first["state"], last["state"]] == ["in_progress", "success"]
    assert last["description"].startswith("Deployment succeeded: ")
    for each in (first, last):
        assert each["log_url"] == LOG
        assert each["environment_url"] == "https://my-app.example"
    assert [(asked.method, asked.at) for asked in github.asked] == [("GET", 0), ("POST", 0), ("POST", 0), ("POST", 2)]
    assert f"github-deployment: Deployment {made['id']} of production, created for c0ffee0, is in progress" in ended.log
    assert not warnings(ended)


def gone(aws: ScriptedAws) -> None:
    missing: Params = {"services": [], "failures": [{"arn": "arn:x", "reason": "MISSING"}]}
    aws.on("ecs.DescribeServices", missing, after="ecs.UpdateService")


@pytest.mark.parametrize(
    ("course", "script", "inputs", "code", "state", "words"),
    [
        (CRASHES, None, {}, 3, "failure", "Deployment rolled back: "),
        (STAYS, None, {"deployment_timeout": "1m"}, 7, "failure", "Deployment timed out: "),
        (STAYS, None, {"wait_until": "started"}, 0, "in_progress", "Deployment in progress: "),
        (STAYS, gone, {}, 6, "failure", "Deployment gone: "),
        (STAYS, lambda aws: aws.on("ecs.UpdateService", denied()), {}, 2, "error", "not started: AWS answered"),
        (
            STAYS,
            lambda aws: aws.on("ecs.DescribeServices", expired(), after="ecs.UpdateService"),
            {},
            8,
            "error",
            "",
        ),
    ],
)
def test_each_end_has_its_state(
    aws: ScriptedAws, clock: Clock, github: FakeGitHub, run: Run, course: Course, script: Callable[[ScriptedAws], None] | None,
    inputs: dict[str, str], code: int, state: str, words: str,
) -> None:  # fmt: skip
    """And the first words of what the log says."""
    services(aws, clock, web=course)
    if script:
        script(aws)
    ended = run(**inputs)
    assert ended.exit_code == code, ended.log
    assert github.states() == ["in_progress", state]
    assert github.statuses_of()[-1]["description"].startswith(words)


def test_a_superseded_deployment_is_inactive(aws: ScriptedAws, github: FakeGitHub, run: Run) -> None:
    """Another has taken its place: no fault of this commit."""
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:7", rollout_state="IN_PROGRESS")
    revision = "arn:aws:ecs:ap-northeast-1:123456789012:service-revision/my-cluster/web/22"
    stopped = [{"status": "STOPPED", "targetServiceRevisionArn": revision}]
    described = [{"serviceRevisionArn": revision, "taskDefinition": ecs.task_definition_arn("web:2")}]
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": stopped})
    aws.on("ecs.DescribeServiceRevisions", {"serviceRevisions": described})
    now = {"services": [ecs.service(deployments=[theirs])]}
    aws.on("ecs.DescribeServices", at(10, now), after="ecs.UpdateService")
    ended = run()
    assert ended.exit_code == 5, ended.log
    assert github.states() == ["in_progress", "inactive"]


def test_several_services_are_one_deployment(aws: ScriptedAws, clock: Clock, github: FakeGitHub, run: Run) -> None:
    """It succeeds only if all succeed; the description has the result of each, if there is room."""
    services(aws, clock, web=COMPLETES, worker=CRASHES)
    assert run().exit_code == 3
    (made,) = github.deployments
    assert made["description"] == "Amazon ECS: web, worker"
    assert github.states() == ["in_progress", "failure"]
    assert github.statuses_of()[-1]["description"].startswith("Deployment rolled back: web succeeded: ")


def test_what_is_refused_has_no_deployment(aws: ScriptedAws, github: FakeGitHub, run: Run) -> None:
    """ecs-cd checks everything first; a Deployment that never starts would be misleading."""
    ended = run(service="nope")
    assert ended.exit_code == 2
    assert github.deployments == []
    assert not warnings(ended)


# ---- none of it ----


def test_without_the_input_github_is_not_asked(github: FakeGitHub, run: Run) -> None:
    """ecs-cd sends no request at all."""
    assert run(github_deployment="").exit_code == 0
    assert github.asked == []


@pytest.mark.parametrize(
    ("verb", "which"), [("deploy", "dry_run"), ("pipeline", "dry_run"), ("deploy", "register_only")]
)
def test_a_dry_run_or_a_registration_is_no_deployment(
    aws: ScriptedAws,
    github: FakeGitHub,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    verb: str,
    which: str,
) -> None:
    """Nor does it touch the one that an event asks for."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    event(monkeypatch, tmp_path, {"deployment": {"id": github.add("production"), "environment": "production"}})
    assert run(verb, **{which: "true"}).exit_code == 0
    assert github.asked == []


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"GITHUB_TOKEN": ""}, "nothing is reported to GitHub without a token"),
        ({"GITHUB_TOKEN": "", "ACT": "true"}, "nothing is reported to GitHub without a token"),
        ({"GITHUB_REPOSITORY": ""}, "nothing is reported to GitHub without GITHUB_REPOSITORY"),
        (
            {"ACT": "true", "GITHUB_API_URL": "https://api.github.com"},
            "what act runs on this machine is not reported to GitHub",
        ),
    ],
    ids=["no token", "act", "no repository", "act with a token"],
)
def test_where_github_can_not_be_told_one_line_says_so(
    github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], line: str
) -> None:
    """On a developer's machine there is no token, or one that is not for this."""
    monkeypatch.setenv("GITHUB_TOKEN", github.token)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = run(github_token="")
    assert ended.exit_code == 0
    assert ended.log.count("github-deployment: ") == 1
    assert line in ended.log
    assert not warnings(ended)
    assert github.asked == []


# ---- whose it is ----


def test_the_deployment_of_a_jobs_environment_is_left_to_github(github: FakeGitHub, run: Run) -> None:
    """One is enough, and GitHub would set its status by the job's colour anyway."""
    number = github.add("production", run="77")
    ended = run()
    assert ended.exit_code == 0
    assert github.states(number) == ["queued", "in_progress"]
    assert [asked.method for asked in github.asked] == ["GET", "GET"]
    assert (
        "github-deployment: this job has the environment production, so GitHub updates the Deployment itself"
        in ended.log
    )
    assert not warnings(ended)


@pytest.mark.parametrize(
    ("environment", "how"),
    [
        ("production", {"run": "70", "state": "in_progress"}),
        ("production", {"run": "77", "state": "success"}),
        ("production", {"run": "77", "state": "failure"}),
        ("staging", {"run": "77"}),
        ("production", {}),
        ("production", {"run": "77", "payload": {"ecs-cd": {"run": "77", "nonce": "killed"}}}),
    ],
    ids=["another run", "a job that has ended", "a former attempt", "another environment", "without a status", "ours"],
)
def test_other_deployments_are_not_taken_for_the_jobs(
    github: FakeGitHub, run: Run, environment: str, how: dict[str, Any]
) -> None:
    """ecs-cd makes a new one, and the others stay as they are."""
    number = github.add(environment, **how)
    before = list(github.statuses[number])
    assert run().exit_code == 0
    assert len(github.deployments) == 2
    assert github.states(github.deployments[-1]["id"]) == ["in_progress", "success"]
    assert github.statuses[number] == before


def test_few_are_looked_into(github: FakeGitHub, run: Run) -> None:
    """However many there are: the list once, two of them, and what is made; six calls at most."""
    for number in range(30):
        github.add("production", run=str(number))
    assert run().exit_code == 0
    assert [asked.method for asked in github.asked] == ["GET"] * 3 + ["POST"] * 3


def test_those_of_the_runs_commit_are_looked_into_first(
    github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Newer ones of other commits don't hide the job's own; a pull request's has the commit of its branch."""
    event(monkeypatch, tmp_path, {"pull_request": {"number": 5, "head": {"sha": "b" * 40}}})
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    number = github.add("production", run="77", ref="b" * 40)
    for other in range(5):
        github.add("production", run=str(other))
    assert run().exit_code == 0
    assert github.states(number) == ["queued", "in_progress"]
    assert [asked.method for asked in github.asked] == ["GET", "GET"]


def test_a_run_again_has_a_deployment_of_its_own(github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt's Deployment keeps its result; the second links to the log of the second attempt."""
    assert run().exit_code == 0
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    assert run().exit_code == 0
    first, second = (github.statuses_of(made["id"]) for made in github.deployments)
    assert [each["state"] for each in first] == [each["state"] for each in second] == ["in_progress", "success"]
    assert {each["log_url"] for each in second} == {LOG.replace("/1", "/2")}


# ---- asked for by an event ----


@pytest.fixture
def asked_for(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """The Deployment that started this run."""
    number = github.add("production", ref=SHA)
    event(monkeypatch, tmp_path, {"deployment": {"id": number, "environment": "production", "sha": SHA}})
    return number


def test_the_events_deployment_gets_the_statuses(github: FakeGitHub, run: Run, asked_for: int) -> None:
    """ecs-cd neither makes nor searches for another, even if the job has an environment."""
    created = github.add("production", run="77")
    assert run().exit_code == 0
    assert github.states(asked_for) == ["in_progress", "success"]
    assert github.states(created) == ["queued", "in_progress"]
    assert [asked.method for asked in github.asked] == ["POST", "POST"]


def test_a_refusal_is_told_to_whoever_asked(aws: ScriptedAws, github: FakeGitHub, run: Run, asked_for: int) -> None:
    """Otherwise the request would seem ignored."""
    ended = run(service="nope")
    assert ended.exit_code == 2
    (reported,) = github.statuses_of(asked_for)
    assert reported["state"] == "error"
    assert reported["description"].startswith("not started: service: the document has no service `nope`"), reported
    assert ended.log.count("the document has no service `nope`") == 1


def test_what_aws_refuses_before_is_told_to_whoever_asked(
    aws: ScriptedAws, github: FakeGitHub, run: Run, asked_for: int
) -> None:
    """In the words of the log."""
    aws.on("ssm.GetParameter", denied("ssm:GetParameter"))
    assert run().exit_code == 2
    (reported,) = github.statuses_of(asked_for)
    assert reported["state"] == "error"
    assert "AccessDenied" in reported["description"]


def test_a_cancellation_while_it_is_prepared_is_told(
    aws: ScriptedAws, github: FakeGitHub, run: Run, asked_for: int
) -> None:
    """Nothing has started, and the Deployment is closed."""
    aws.on("ecs.DescribeServices", interrupted(lambda params: {"services": [ecs.service()]}))
    ended = run()
    assert ended.exit_code == 130
    reported = [(each["state"], each["description"]) for each in github.statuses_of(asked_for)]
    assert reported == [("error", "cancelled")]


def test_an_event_for_another_environment_is_not_ours(
    github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The input decides."""
    number = github.add("staging", ref=SHA)
    event(monkeypatch, tmp_path, {"deployment": {"id": number, "environment": "staging", "sha": SHA}})
    assert run().exit_code == 0
    assert github.states(number) == []
    assert github.states(github.deployments[-1]["id"]) == ["in_progress", "success"]


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}", "[" * 100_000], ids=["no JSON", "[]", "{}", "too deep"])
def test_an_event_that_can_not_be_read_is_none(
    github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    """A Deployment is made, as for any other event."""
    event(monkeypatch, tmp_path, {})
    (tmp_path / "event.json").write_text(content)
    assert run().exit_code == 0
    assert github.states() == ["in_progress", "success"]


def test_another_commit_than_asked_for_is_warned_of(
    github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A workflow without `sha` deploys another commit than the Deployment names."""
    number = github.add("production", ref="f" * 40)
    event(monkeypatch, tmp_path, {"deployment": {"id": number, "environment": "production", "sha": "f" * 40}})
    ended = run()
    assert ended.exit_code == 0
    (warning,) = warnings(ended)
    assert f"the event asks for {'f' * 40}, but {SHA} is deployed" in warning
    assert github.states(number) == ["in_progress", "success"]


# ---- a GitHub that fails ----


FAULTS = [
    (status(401), "HTTP 401: Bad credentials. Is the input github-token a token for this GitHub server"),
    (status(403), "Resource not accessible by integration. Give the job `permissions: deployments: write`"),
    (status(404), "HTTP 404: Not Found. Give the job `permissions: deployments: write`"),
    (status(409), "HTTP 409: Conflict: Commit status checks failed for c0ffee0. Is the commit in org/my-app"),
    (status(429), "HTTP 429: You have exceeded a secondary rate limit"),
    (status(500), "HTTP 500"),
    (status(503), "HTTP 503"),
    (reset(), "GitHub's API can't be reached at http://127.0.0.1:"),
    (garbage(), "is not GitHub's API. Is there a proxy in between?"),
    (garbage(b""), "is not GitHub's API"),
    (garbage(b'{"id": "text"}'), "is not GitHub's API"),
    (garbage(b"[" * 100_000), "is not GitHub's API"),
    (redirect("http://127.0.0.1:9/"), "HTTP 307. ecs-cd follows no redirects: is the repository still org/my-app?"),
    (silent(), "answer"),
    (trickle(), "answer"),
]


@pytest.mark.parametrize("method", ["", "POST"], ids=["everything fails", "nothing can be made"])
@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[str(number) for number in range(len(FAULTS))])
def test_a_failing_github_never_fails_a_deployment(
    github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch, method: str, fault: Fault, words: str
) -> None:
    """One warning with its remedy; AWS is asked for the same, and the outputs are the same."""
    monkeypatch.setattr(pace, "GITHUB_WAIT", 0.2 if fault.endless else 6)
    github.fail(fault, method=method)
    ended = run()
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert ended.outputs["task-definition-arn"].endswith("web:2")
    (warning,) = warnings(ended)
    assert words in warning
    assert len(github.asked) <= 4


def test_the_outputs_are_those_of_a_run_without_it(github: FakeGitHub, run: Run) -> None:
    """But for the numbers that AWS counts on."""
    plain = run(github_deployment="").outputs
    github.fail(status(403))
    failing = run().outputs
    assert failing == {name: text.replace("web:2", "web:3").replace("svc/2", "svc/3") for name, text in plain.items()}


def test_a_status_that_fails_at_the_end_is_warned_of(github: FakeGitHub, run: Run) -> None:
    """The deployment is what it was."""
    github.fail(None, status(502), path="/statuses")
    ended = run()
    assert ended.exit_code == 0
    assert github.states() == ["in_progress"]
    (warning,) = warnings(ended)
    assert "HTTP 502" in warning


@pytest.mark.parametrize("fault", [status(502), reset(), lost()], ids=["502", "reset", "lost"])
@pytest.mark.parametrize("path", ["/deployments", "/statuses"])
def test_what_passes_is_tried_once_more(github: FakeGitHub, run: Run, path: str, fault: Fault) -> None:
    """After a lost answer ecs-cd checks first: there are never two Deployments."""
    github.fail(fault, None, method="POST", path=path)
    ended = run()
    assert ended.exit_code == 0
    assert len(github.deployments) == 1
    assert list(dict.fromkeys(github.states())) == ["in_progress", "success"]
    assert not warnings(ended)


def test_a_token_follows_no_redirect(github: FakeGitHub, run: Run) -> None:
    """The other host would have it."""
    with FakeGitHub() as elsewhere:
        github.fail(redirect(f"{elsewhere.url}/repos/org/my-app/deployments"))
        ended = run()
        assert elsewhere.asked == []
    assert len(warnings(ended)) == 1


def test_a_token_that_comes_back_is_not_printed(github: FakeGitHub, run: Run) -> None:
    """Whichever server answers; ``run`` searches the log for it."""
    github.fail(garbage(json.dumps({"message": f"what is {github.token}?"}).encode(), 422))
    assert "what is ***?" in run().log


def test_a_commit_that_is_not_there_is_told_with_its_remedy(github: FakeGitHub, run: Run) -> None:
    """It was never pushed, or is another repository's."""
    github.commits = {"f" * 40}
    ended = run()
    assert ended.exit_code == 0
    (warning,) = warnings(ended)
    assert f"No ref found for: {SHA}. Is the commit in org/my-app" in warning


def test_a_deployment_that_was_made_too_late_still_gets_its_end(
    github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ecs-cd does not wait for its first status, and no Deployment stays in progress forever."""
    monkeypatch.setattr(pace, "GITHUB_WAIT", 1.0)
    monkeypatch.setattr(pace, "GITHUB_PAUSE", 1.0)  # no time is left for a retry
    github.fail(silent(), None, path="/statuses")
    ended = run()
    assert ended.exit_code == 0
    assert github.states() == ["success"]
    assert len(warnings(ended)) == 1


# ---- cancelled ----


def test_after_a_cancellation_what_is_under_way_comes_first(
    aws: ScriptedAws, clock: Clock, github: FakeGitHub, run: Run
) -> None:
    """It is stopped; then GitHub hears of it."""
    ours = services(aws, clock, web=STAYS)
    aws.on("ecs.UpdateService", interrupted(ours._update), ours._update)
    ended = run(on_cancel="stop")
    assert ended.exit_code == 130, ended.log
    assert ended.outputs["result"] == "cancelled"
    assert [(each["state"], each["description"]) for each in github.statuses_of()][1:] == [("error", "cancelled")]
    assert [call.operation for call in aws.calls].count("ecs.UpdateService") == 2
    assert [asked.at for asked in github.asked] == [0, 0, 0, 3]


def test_a_cancellation_while_github_is_told_changes_nothing(github: FakeGitHub, run: Run) -> None:
    """The verdict stays; ecs-cd stops waiting for GitHub."""

    def cancel() -> None:
        if len(github.asked) == 3:  # and this is the fourth
            github.fail(silent())
            os.kill(os.getpid(), signal.SIGINT)

    github.moment = cancel
    ended = run()
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert len(github.asked) == 4


def test_a_cancellation_while_github_is_waited_for_begins_nothing(
    aws: ScriptedAws, github: FakeGitHub, run: Run
) -> None:
    """The new Deployment gets that status."""

    def cancel() -> None:
        if len(github.asked) == 2:  # the first status
            os.kill(os.getpid(), signal.SIGINT)

    github.moment = cancel
    assert run().exit_code == 130
    assert github.states() == ["in_progress", "error"]
    assert not [call for call in aws.calls if call.operation in MUTATIONS]


# ---- the whole pipeline ----


def migrates(aws: ScriptedAws, exit_code: int) -> None:
    given = document(["web"], REPOSITORY)
    given["migration"] = {"task-definition": "migration", "container": "app", "service": "web"}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    ended = ecs.container(status="STOPPED", exitCode=exit_code)
    task = ecs.task("task-1", "STOPPED", task_definition="migration:2", containers=[ended])
    aws.on("ecs.RunTask", ecs.RunTask())
    aws.on("ecs.DescribeTasks", {"tasks": [task]}, where={"tasks": [task["taskArn"]]})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})


def test_a_pipeline_is_one_deployment(aws: ScriptedAws, github: FakeGitHub, run: Run) -> None:
    """From before the build to the end; the steps in between are not statuses."""
    migrates(aws, 0)
    assert run("pipeline").exit_code == 0
    assert github.states() == ["in_progress", "success"]
    assert github.statuses_of()[-1]["description"].startswith("Deployment succeeded: ")
    assert [asked.at for asked in github.asked] == [0, 0, 0, 4]


def test_a_whole_pipeline_makes_six_calls_at_most(aws: ScriptedAws, github: FakeGitHub, run: Run) -> None:
    """Also in an environment with many Deployments that other jobs and people made; none waits for GitHub longer."""
    migrates(aws, 0)
    for number in range(30):
        github.add("production", run=str(number))
    assert run("pipeline").exit_code == 0
    assert len(github.asked) == 6
    assert github.states(github.deployments[-1]["id"]) == ["in_progress", "success"]


def test_a_failing_migration_is_the_deployments_failure(aws: ScriptedAws, github: FakeGitHub, run: Run) -> None:
    """Named as what it is."""
    migrates(aws, 3)
    assert run("pipeline").exit_code == 1
    assert github.states() == ["in_progress", "failure"]
    assert github.statuses_of()[-1]["description"].startswith("Migration failed: ")


def test_a_failing_build_is_the_deployments_failure(
    aws: ScriptedAws, github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Named as what it is."""
    migrates(aws, 0)
    docker = FakeDocker(tmp_path / "docker")
    monkeypatch.setenv("PATH", str(docker.install()), prepend=":")
    docker.attempts({"exit": 1, "lines": ["ERROR: failed to solve: no such file"]})
    docker.registry(aws, {})
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    assert run("pipeline").exit_code == 1
    assert github.states() == ["in_progress", "failure"]
    assert github.statuses_of()[-1]["description"].startswith("Build and push failed: ")


def test_a_cancellation_between_two_steps_is_no_success(aws: ScriptedAws, github: FakeGitHub, run: Run) -> None:
    """The previous step succeeded, but the deployment never started."""
    migrates(aws, 0)
    aws.on("ecs.RunTask", interrupted(lambda params: {"tasks": [], "failures": []}))
    aws.on("ecs.ListTasks", {"taskArns": []})
    assert run("pipeline").exit_code == 130
    assert github.states() == ["in_progress", "error"]


# ---- without a document ----


@pytest.fixture
def drop_in(run: Run, tmp_path: Path) -> Run:
    """The official actions' inputs."""
    definition = {"family": "web", "containerDefinitions": [{"name": "app", "image": f"app@{ecs.DIGEST}"}]}
    (tmp_path / "task-definition.json").write_text(json.dumps(definition))

    def drop_in(**inputs: str) -> Step:
        given = {"config": "", "task_definition": "task-definition.json", "cluster": ecs.CLUSTER, **inputs}
        return run("deploy", **given)

    return drop_in


def test_a_deployment_without_a_document_is_told_as_well(github: FakeGitHub, drop_in: Run) -> None:
    """The commit is the one that any verb would take."""
    ended = drop_in(service="web", wait_for_service_stability="true")
    assert ended.exit_code == 0, ended.log
    (made,) = github.deployments
    assert (made["ref"], made["description"]) == (SHA, "Amazon ECS: web")
    assert github.states() == ["in_progress", "success"]


def test_without_a_commit_there_is_nothing_to_tell(github: FakeGitHub, drop_in: Run) -> None:
    """The deployment needs none; GitHub does."""
    ended = drop_in(service="web", sha="")
    assert ended.exit_code == 0, ended.log
    (warning,) = warnings(ended)
    assert "the deployed commit is unknown. Set the input sha, or check out the commit." in warning
    assert github.deployments == []


def test_a_revision_alone_is_no_deployment(github: FakeGitHub, drop_in: Run) -> None:
    """Where no service is named none is deployed."""
    assert drop_in().exit_code == 0
    assert github.deployments == []


def test_a_revision_alone_is_inactive_for_whoever_asked(github: FakeGitHub, drop_in: Run, asked_for: int) -> None:
    """It is an answer, and nothing runs."""
    assert drop_in().exit_code == 0
    assert github.states(asked_for) == ["inactive"]


# ---- elsewhere than in a job ----


def test_on_the_command_line_the_environment_has_the_token(
    aws: ScriptedAws, github: FakeGitHub, step: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no job whose environment could have a Deployment, and no log to link to."""
    for name in ("GITHUB_ACTIONS", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GITHUB_TOKEN", github.token)
    argv = ["deploy", "--config", "/my/parameter", "--sha", SHA, "--github-deployment", "production"]
    assert cli.main(argv, os.environ, clock=clock) == 0
    assert [asked.method for asked in github.asked] == ["POST"] * 3
    assert all("log_url" not in each for each in github.statuses_of())


def test_githubs_api_is_reached_by_way_of_the_proxy(
    github: FakeGitHub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like everything else on a self-hosted runner; the fake is the proxy."""
    monkeypatch.setenv("GITHUB_API_URL", "http://api.github.invalid")
    monkeypatch.setenv("http_proxy", github.url)
    run()
    assert github.asked[0].path.startswith("http://api.github.invalid/repos/org/my-app/deployments?")
