"""`plan` as a whole: what it says would change, the one comment on the pull request, and that it only reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.model import pace
from tests.fake_github import FakeGitHub, Fault, garbage, redirect, reset, silent, status, trickle
from tests.scripted_aws import Params, ScriptedAws, denied, ecr_public, ecs
from tests.timelines.conftest import DOCUMENT, REPOSITORY, SHA, Step, mutations
from tests.timelines.deploy import test_schedules

Run = Callable[..., Step]

NUMBER = 5
OTHERS = "Looks good to me."


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeGitHub]:
    """The run is for pull request 5, which adds a migration, and has one comment of a reviewer."""
    monkeypatch.setattr(pace, "GITHUB_PAUSE", 0)
    (tmp_path / "event.json").write_text(json.dumps({"number": NUMBER, "pull_request": {"number": NUMBER}}))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with FakeGitHub() as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        fake.say(NUMBER, OTHERS, "reviewer")
        fake.files[NUMBER] = [file("app.py", "modified")]
        yield fake


def file(path: str, status: str = "added") -> Params:
    """A file of a pull request as GitHub lists it."""
    return {
        "sha": "b" * 40,
        "filename": path,
        "status": status,
        "additions": 1,
        "deletions": 0,
        "patch": "@@ -0,0 +1 @@",
    }


@pytest.fixture
def plan(step: Run, github: FakeGitHub, aws: ScriptedAws, tmp_path: Path) -> Run:
    """Runs the verb, with a job summary of its own; it changes nothing in AWS, and nobody sees the token."""

    def run(**inputs: str) -> Step:
        (tmp_path / "GITHUB_STEP_SUMMARY").write_text("")
        asked = len(github.asked)
        ended = step("plan", **{"github_token": github.token, **inputs})
        assert mutations(aws) == set()
        assert github.token not in ended.log + ended.summary + json.dumps(ended.outputs)
        assert github.token not in json.dumps([asked.body for asked in github.asked])
        assert len(github.asked[asked:]) <= 6 or "::warning" in ended.log
        return ended

    return run


@pytest.fixture
def same(aws: ScriptedAws) -> None:
    """Everything runs the commit's image already."""
    aws.on("ecs.DescribeTaskDefinition", described(ecs.IMAGE))


def described(image: str) -> Callable[[Params], Params]:
    def describe(params: Params) -> Params:
        found = ecs.task_definition(params["taskDefinition"].rpartition("/")[2].partition(":")[0])
        container = {**found["containerDefinitions"][0], "image": image}
        return {"taskDefinition": {**found, "containerDefinitions": [container]}, "tags": []}

    return describe


def ours(github: FakeGitHub) -> list[str]:
    """The texts of the comments that aren't the reviewer's."""
    return [each["body"] for each in github.comments[NUMBER] if each["body"] != OTHERS]


def warnings(ended: Step) -> list[str]:
    return [line for line in ended.log.splitlines() if line.startswith("::warning")]


# ---- what would change ----


def test_a_plan_says_what_would_change(plan: Run, github: FakeGitHub) -> None:
    """The digest that runs and the commit's, in the log, the summary and one comment, which names the commit."""
    ended = plan()
    assert ended.exit_code == 0, ended.log
    assert ended.outputs == {"result": "succeeded", "changes": "true"}
    assert "service web: what would change, compared with web:1" in ended.log
    line = f"~ containerDefinitions.app.image: {REPOSITORY}@sha256:{'0' * 12}… -> {REPOSITORY}@sha256:{'a' * 12}…"
    (body,) = ours(github)
    for shown in (ended.log, ended.summary, body):
        assert line in shown
    assert "2 of 2 would change: service web, migration" in body
    assert SHA[:7] in body
    assert "`/my/parameter`" in body
    assert not warnings(ended)


@pytest.mark.usefixtures("same")
def test_nothing_changes_without_a_comment(plan: Run, github: FakeGitHub) -> None:
    """The summary has it; the pull request gets no comment for it."""
    ended = plan()
    assert ended.outputs == {"result": "succeeded", "changes": "false"}
    assert "nothing would change" in ended.summary
    assert ours(github) == []


def test_an_image_that_is_not_built_is_named(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """Its tag stands where its digest would be."""
    aws.on("ecr.BatchGetImage", {"images": [], "failures": []})
    ended = plan()
    assert ended.exit_code == 0, ended.log
    assert f"-> {REPOSITORY}:{SHA} (not built yet)" in ours(github)[0]


def test_one_images_tag_is_not_the_begin_of_anothers(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """Each unbuilt image is marked once, at its end."""
    images = {"app": {"repository": REPOSITORY}, "nginx": {"repository": REPOSITORY, "tag-suffix": "-nginx"}}
    services = {"web": {"task-definition": "web", "containers": {"app": "nginx"}}}
    document = {**DOCUMENT, "images": images, "services": services}
    migration: Any = document.pop("migration")
    aws.on("ssm.GetParameter", parameter({**document, "migration": {**migration, "image": "app"}}))
    aws.on("ecr.BatchGetImage", {"images": [], "failures": []})
    plan()
    assert re.findall(r"-> \S+ .*", ours(github)[0]) == [
        f"-> {REPOSITORY}:{SHA}-nginx (not built yet)",
        f"-> {REPOSITORY}:{SHA} (not built yet)",
    ]


def parameter(document: Any) -> Params:
    return {"Parameter": {"Value": json.dumps(document), "Version": 3}}


def test_values_that_may_be_secret_are_hidden(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """A changed environment variable is named, its values are not."""
    ended = plan(environment_variables="PASSWORD=hunter2")
    assert "+ containerDefinitions.app.environment.PASSWORD" in ours(github)[0]
    assert "hunter2" not in ended.log + ours(github)[0] + ended.summary


def test_scheduled_tasks_and_other_tasks_are_planned(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """Compared with what the rule or schedule runs now, and with the newest revision of the family."""
    tasks = {"nightly": test_schedules.NIGHTLY["nightly"], "hourly": test_schedules.HOURLY["hourly"]}
    seed = {"name": "seed", "task-definition": "seed", "container": "app"}
    aws.on("ssm.GetParameter", parameter({**DOCUMENT, "scheduled-tasks": tasks, "tasks": [seed]}))
    aws.on("events.DescribeRule", {"Name": "my-rule", "State": "ENABLED"})
    aws.on("events.ListTargetsByRule", {"Targets": [test_schedules.target()]})
    aws.on("scheduler.GetSchedule", test_schedules.schedule())
    ended = plan()
    assert ended.exit_code == 0, ended.log
    (body,) = ours(github)
    for title in ("scheduled task nightly", "scheduled task hourly"):
        assert f"{title}: what would change, compared with job:3" in body
    assert "task seed: what would change, compared with seed" in body


def test_a_template_in_s3_and_an_image_in_ecr_public(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """A plan reads them as a deployment does."""
    public = "public.ecr.aws/our-alias/my-app"
    services = {"web": {"task-definition": "s3://my-bucket/web.json", "containers": {"app": "app"}}}
    document = {"cluster": ecs.CLUSTER, "images": {"app": {"repository": public}}, "services": services}
    template = {"family": "web", "containerDefinitions": [{"name": "app", "image": "app", "memory": 512}]}
    text = json.dumps(template).encode()
    aws.on("ssm.GetParameter", parameter(document))
    aws.on("s3.GetObject", {"Body": text, "ContentLength": len(text)})
    aws.on("ecr-public.DescribeRegistries", {"registries": [ecr_public.registry("our-alias")]})
    aws.on("ecr-public.DescribeImages", {"imageDetails": [{"imageDigest": ecs.DIGEST, "imageTags": [SHA]}]})
    ended = plan()
    assert ended.exit_code == 0, ended.log
    assert f"-> {public}@sha256:aaaaaaaaaaaa…" in ours(github)[0]


@pytest.mark.usefixtures("same")
def test_the_input_service_chooses(aws: ScriptedAws, plan: Run) -> None:
    """As it does for a deployment."""
    assert plan(service="nope").exit_code == 2
    assert plan(service="web").exit_code == 0


# ---- new migrations ----


@pytest.mark.usefixtures("same")
def test_new_migration_files_are_listed(plan: Run, github: FakeGitHub) -> None:
    """They alone are a change; a changed or removed one is not new."""
    github.files[NUMBER] += [file("db/migrate/2_b.rb"), file("db/migrate/1_a.rb", "modified")]
    ended = plan()
    assert ended.outputs["changes"] == "true"
    (body,) = ours(github)
    assert "**New migration files: 1; the migration runs them**" in body
    assert "+ db/migrate/2_b.rb" in body
    assert "1_a.rb" not in body


@pytest.mark.usefixtures("same")
def test_of_many_migrations_the_first_are_listed(plan: Run, github: FakeGitHub) -> None:
    """With how many more there are, and that not all files were looked at."""
    github.files[NUMBER] = [file(f"db/migrate/{number:03}.rb") for number in range(250)]
    plan()
    (body,) = ours(github)
    assert "New migration files: 200" in body
    assert "and 180 more" in body
    assert "only some of the pull request" in body


@pytest.mark.usefixtures("same")
def test_other_migration_paths(plan: Run, github: FakeGitHub) -> None:
    """The input replaces the patterns of the frameworks."""
    github.files[NUMBER] = [file("db/migrate/1.rb"), file("schema/changes/1.sql"), file("schema/changes/1.undo.sql")]
    plan(migration_paths="schema/changes\n!**/*.undo.sql")
    assert "+ schema/changes/1.sql\n```" in ours(github)[0]


# ---- one comment ----


def test_the_comment_is_updated_in_place(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """One per pull request; it is also told that nothing would change any more."""
    plan()
    before = ours(github)
    plan()
    assert ours(github) == before
    assert [each.method for each in github.asked] == [
        "GET",
        "GET",
        "POST",
        "GET",
        "GET",
    ]  # the same text isn't sent again
    aws.on("ecs.DescribeTaskDefinition", described(ecs.IMAGE))
    ended = plan()
    (after,) = ours(github)
    assert after != before[0]
    assert "nothing would change" in after
    assert "comment: updated" in ended.log
    assert [each.method for each in github.asked][-1] == "PATCH"


def test_each_document_has_a_comment(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """Also one with the same name in another region or account."""
    credentials = {"AccessKeyId": "A" * 20, "SecretAccessKey": "s", "SessionToken": "t"}
    aws.on("sts.AssumeRole", {"Credentials": {**credentials, "Expiration": "2100-01-01T00:00:00Z"}})
    plan()
    plan(config="/my/other")
    plan(aws_region="us-west-2")
    for account in ("111111111111", "222222222222"):
        plan(role_chaining="true", role_to_assume=f"arn:aws:iam::{account}:role/plan")
    assert len(ours(github)) == 5


def test_a_comment_deleted_by_hand_is_created_again(plan: Run, github: FakeGitHub) -> None:
    """The next run finds none."""
    plan()
    del github.comments[NUMBER][1:]
    plan()
    assert len(ours(github)) == 1


@pytest.mark.parametrize("login", ["mallory", "github-actions"])
def test_the_marker_of_another_author_is_no_comment_of_ours(plan: Run, github: FakeGitHub, login: str) -> None:
    """Who copies ours gets no plan into a comment that they can edit."""
    plan()
    copied = github.comments[NUMBER].pop()["body"]
    github.say(NUMBER, copied, login)
    plan()
    assert [each["user"]["login"] for each in github.comments[NUMBER]] == ["reviewer", login, "github-actions[bot]"]


def test_a_quoted_marker_is_no_comment_of_ours(plan: Run, github: FakeGitHub) -> None:
    """Another workflow's comment may contain what a user wrote, but begins with its own words."""
    plan()
    quoted = f"You said: {github.comments[NUMBER].pop()['body']}"
    github.say(NUMBER, quoted)
    plan()
    assert len(ours(github)) == 2
    assert ours(github)[0] == quoted


@pytest.mark.parametrize(
    ("token", "login"), [("ghs_of-another-app", "my-app[bot]"), ("github_pat_of-a-person", "maintainer")]
)
def test_a_token_of_another_author_finds_its_own_comment(plan: Run, github: FakeGitHub, token: str, login: str) -> None:
    """GitHub is asked whose the token is, but only if a comment could be its own."""
    github.token, github.login = token, login
    plan()
    assert not any(each.path == "/graphql" for each in github.asked)
    plan(environment_variables="NEW=1")
    assert [each["user"]["login"] for each in github.comments[NUMBER]] == ["reviewer", login]
    assert any(each.path == "/graphql" for each in github.asked)
    assert "NEW" in ours(github)[0]


def test_github_enterprise_server_has_other_paths(
    plan: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REST is below /api/v3, and GraphQL beside it."""
    monkeypatch.setenv("GITHUB_API_URL", f"{github.url}/api/v3")
    github.token, github.login = "ghp_of-a-person", "maintainer"
    plan()
    plan(environment_variables="NEW=1")
    assert len(ours(github)) == 1
    assert {each.path.partition("?")[0] for each in github.asked} == {
        "/api/graphql",
        "/api/v3/repos/org/my-app/pulls/5/files",
        "/api/v3/repos/org/my-app/issues/5/comments",
        "/api/v3/repos/org/my-app/issues/comments/900002",
    }


def test_another_app_with_our_marker(plan: Run, github: FakeGitHub) -> None:
    """A bot that repeats what users write is not us, either."""
    plan()
    github.say(NUMBER, github.comments[NUMBER].pop()["body"], "parrot[bot]")
    plan()
    assert [each["user"]["login"] for each in github.comments[NUMBER]][1:] == ["parrot[bot]", "github-actions[bot]"]


def test_a_comment_behind_a_hundred_others_is_found(plan: Run, github: FakeGitHub) -> None:
    """Page by page, within six calls."""
    for number in range(230):
        github.say(NUMBER, f"Comment {number}", "reviewer")
    plan()
    before = len(github.asked)
    plan(environment_variables="NEW=1")
    assert len([body for body in ours(github) if body.startswith("<!--")]) == 1
    assert len(github.asked) - before == 5


def test_more_comments_than_are_read(plan: Run, github: FakeGitHub) -> None:
    """Ours could be among the others, so none is created: the summary has the plan."""
    for number in range(330):
        github.say(NUMBER, f"Comment {number}", "reviewer")
    ended = plan()
    assert ended.exit_code == 0
    assert not any(body.startswith("<!--") for body in ours(github))
    (warning,) = warnings(ended)
    assert "more than 300 comments" in warning


def test_a_comment_that_was_edited_is_replaced(plan: Run, github: FakeGitHub) -> None:
    """Whatever somebody with write access has appended, however much."""
    plan()
    before = ours(github)
    github.comments[NUMBER][1]["body"] += "x" * (65_536 - len(before[0]))
    for _ in range(90):
        github.say(NUMBER, "\N{SNOWMAN}" * 65_536, "mallory")
    plan()
    assert [body for body in ours(github) if body.startswith("<!--")] == before


def test_a_long_plan_is_cut(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """GitHub takes 65,536 characters; the summary has the rest."""
    names = "\n".join(f"NAME_{number:04}{'X' * 100}=1" for number in range(1000))
    ended = plan(environment_variables=names)
    (body,) = ours(github)
    assert 60_000 < len(body) <= 65_536
    assert body.endswith("(cut: a comment ends at 65,536 characters; the job summary has the rest)\n")
    assert "NAME_0999" in ended.summary
    assert not warnings(ended)


HOSTILE = "@org/everyone #1 ```\n</details><img src=x onerror=alert(1)> https://github.com/org/my-app/issues/1"


def test_what_others_wrote_mentions_nobody(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """It stands in a block of code, which nothing in it ends."""
    definition = described(ecs.IMAGE)

    def hostile(params: Params) -> Params:
        found = definition(params)
        found["taskDefinition"]["containerDefinitions"][0]["dockerLabels"] = {"a": HOSTILE}
        return found if "web" in params["taskDefinition"] and ":" in params["taskDefinition"] else definition(params)

    aws.on("ecs.DescribeTaskDefinition", hostile)
    github.files[NUMBER] = [file(f"db/migrate/{HOSTILE}.rb")]
    plan()
    (body,) = ours(github)
    assert "@org/everyone" in body
    outside = re.sub(r"^(`{3,})text\n.*?^\1$", "", body, flags=re.M | re.S)
    assert not re.search(r"@|#\d|<img|</details>", outside.replace("@&#8203;", ""))


# ---- a commit that can't be planned ----


def test_a_refused_plan_leaves_no_stale_comment(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """It says that this commit has none; a first comment is not created for that."""
    aws.on("ecs.DescribeServices", denied("ecs:DescribeServices"))
    assert plan().exit_code == 2
    assert ours(github) == []
    aws.on("ecs.DescribeServices", {"services": [ecs.service()]})
    plan()
    aws.on("ecs.DescribeServices", {"services": []})
    ended = plan()
    assert ended.exit_code == 2
    (body,) = ours(github)
    assert "this commit has no plan; the log says why" in body
    assert "/actions/runs/77/attempts/1" in body
    assert "what would change" not in body


# ---- GitHub that fails ----


def test_a_forks_token_may_only_read(plan: Run, github: FakeGitHub) -> None:
    """The new migrations are listed, and one warning names the permission."""
    github.read_only = True
    github.files[NUMBER].append(file("db/migrate/1.rb"))
    ended = plan()
    assert ended.exit_code == 0
    (warning,) = warnings(ended)
    assert "Resource not accessible by integration" in warning
    assert "pull-requests: write" in warning
    assert "fork" in warning
    assert "db/migrate/1.rb" in ended.summary
    assert ended.outputs["changes"] == "true"


RATE = Fault(403, b'{"message": "API rate limit exceeded for installation ID 1."}')
LOCKED = Fault(403, b'{"message": "Unable to create comment because issue is locked."}')


@pytest.mark.parametrize(
    ("method", "fault", "words"),
    [
        ("GET", status(403), "pull-requests: write"),
        ("GET", status(404), "Does org/my-app have a pull request with this number?"),
        ("GET", status(401), "Is the input github-token a token"),
        ("GET", RATE, "API rate limit exceeded"),
        ("GET", status(502), "HTTP 502"),
        ("GET", garbage(), "is not GitHub's API"),
        ("GET", garbage(b"{}"), "is not GitHub's API"),
        ("GET", garbage(b"[" * 100_000), "is not GitHub's API"),
        ("GET", redirect("https://elsewhere.example"), "follows no redirects"),
        ("GET", reset(), "can't be reached"),
        ("POST", status(403), "pull-requests: write"),
        ("POST", status(502), "HTTP 502"),
        ("POST", LOCKED, "issue is locked"),
        ("POST", status(429), "secondary rate limit"),
    ],
)
def test_a_github_that_fails_fails_nothing(
    plan: Run, github: FakeGitHub, method: str, fault: Fault, words: str
) -> None:
    """One warning says why; the summary has the plan. What may have been created isn't created again."""
    github.fail(fault, method=method)
    ended = plan()
    assert ended.exit_code == 0
    (warning,) = warnings(ended)
    assert words in warning
    assert "what would change" in ended.summary
    assert sum(each.method == "POST" for each in github.asked) <= 1


def test_an_aws_that_takes_its_time_costs_no_comment(aws: ScriptedAws, plan: Run, github: FakeGitHub) -> None:
    """Only GitHub's own time counts as GitHub's."""

    def late(params: Params) -> Params:
        aws.clock.sleep(10 * pace.GITHUB_PATIENCE)
        return described(ecs.IMAGE)(params)

    aws.on("ecs.DescribeTaskDefinition", late)
    github.files[NUMBER].append(file("db/migrate/1.rb"))
    assert not warnings(plan())
    assert len(ours(github)) == 1


def test_a_silent_github_is_waited_for_a_little(plan: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the plan is in the summary alone."""
    monkeypatch.setattr(pace, "GITHUB_TIMEOUT", 0.05)
    github.fail(silent())
    ended = plan()
    assert ended.exit_code == 0
    assert "no answer in time" in warnings(ended)[0]


def test_a_trickling_answer_is_not_waited_for(plan: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never ends, and never times out."""
    monkeypatch.setattr(pace, "GITHUB_PATIENCE", 0.2)
    github.fail(trickle())
    ended = plan()
    assert ended.exit_code == 0
    assert "has not answered within 0.2 seconds" in warnings(ended)[0]


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"GITHUB_REPOSITORY": ""}, "nothing is reported to GitHub without GITHUB_REPOSITORY"),
        ({"ACT": "true", "GITHUB_API_URL": "https://api.github.com"}, "what act runs on this machine is not reported"),
        ({"GITHUB_EVENT_PATH": "nowhere.json"}, "no pull request is known"),
        ({"GITHUB_API_URL": "ftp://github.example/api/v3"}, "can't be reached"),
    ],
)
def test_nowhere_to_comment(
    plan: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], line: str
) -> None:
    """A line says why, and GitHub isn't asked."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = plan()
    assert ended.exit_code == 0
    assert line in ended.log
    assert github.asked == []


@pytest.mark.parametrize(
    "event",
    [
        [],
        {"pull_request": None},
        {"pull_request": {"number": "5/../../6"}},
        {"pull_request": {"number": True}},
        {"pull_request": {"number": -5}},
        {"issue": {"number": 5}},
    ],
    ids=str,
)
def test_an_event_without_a_pull_request(plan: Run, github: FakeGitHub, tmp_path: Path, event: Any) -> None:
    """Nothing that could be one is taken for one."""
    (tmp_path / "event.json").write_text(json.dumps(event))
    assert "comment: none, because no pull request is known" in plan().log
    assert github.asked == []


def test_a_comment_asks_for_a_plan(plan: Run, github: FakeGitHub, tmp_path: Path) -> None:
    """The event of a comment on a pull request has the number as that of an issue."""
    (tmp_path / "event.json").write_text(json.dumps({"issue": {"number": NUMBER, "pull_request": {"url": "u"}}}))
    plan()
    assert len(ours(github)) == 1


def test_the_input_names_the_pull_request(plan: Run, github: FakeGitHub) -> None:
    """Another event has none; what is no number is refused before anything is asked."""
    github.files[6], github.comments[6] = [], []
    plan(pull_request="6")
    assert len(github.comments[6]) == 1
    for text in ("six", "0", "-1", "6/files"):
        ended = plan(pull_request=text)
        assert ended.exit_code == 2
        assert "pull-request: must be a whole number, at least 1" in ended.log
