"""ecs_cd.local.workflow: what a local run has to know of a workflow."""

from __future__ import annotations

import pytest

from ecs_cd.local import workflow
from ecs_cd.model.errors import Refused
from tests.rules.local.workflows import read


@pytest.mark.parametrize(
    ("uses", "ours"),
    [
        ("org/ecs-cd@v1", ("org/ecs-cd@v1",)),
        ("somebody/ecs-cd/deploy@main", ("somebody/ecs-cd@main",)),
        ("org/ecs-cd/actions/build-push@0123abc", ("org/ecs-cd@0123abc",)),
        ("org/my-ecs-cd@v1", ()),
        ("org/ecs-cd-other/deploy@v1", ()),
        ("./", ()),
        ("docker://org/ecs-cd", ()),
    ],
)
def test_our_actions_are_known_whoever_owns_them(uses: str, ours: tuple[str, ...]) -> None:
    """By the repository's name; the folder in it makes no difference, the version does."""
    assert read(f"{{uses: '{uses}'}}").ours == ours


@pytest.mark.parametrize(
    ("job", "labels"),
    [
        ("runs-on: big-machine", ("big-machine",)),
        ("runs-on: [self-hosted, linux]", ("linux",)),
        ("runs-on: {group: ours, labels: [gpu]}", ("gpu",)),
        ("runs-on: {group: ours, labels: gpu}", ("gpu",)),
        ("runs-on: '${{ matrix.os }}'\n    strategy: {matrix: {os: [one, two]}}", ("one", "two")),
        ("runs-on: '${{ inputs.runner }}'", ()),
    ],
)
def test_every_label_is_this_machine(job: str, labels: tuple[str, ...]) -> None:
    """Those that are written out, those of a matrix, and GitHub's own."""
    found = read(job=job).labels
    assert set(labels) <= set(found)
    assert "ubuntu-latest" in found
    assert not any("${{" in label for label in found)


@pytest.mark.parametrize(
    ("on", "given", "event"),
    [
        ("push", "", "push"),
        ("[pull_request, push]", "", "push"),
        ("{workflow_dispatch: , schedule: []}", "", "workflow_dispatch"),
        ("[push, deployment]", "deployment", "deployment"),
    ],
)
def test_a_push_starts_it_unless_something_else_is_said(on: str, given: str, event: str) -> None:
    """Or else the first of its events."""
    assert workflow.event(given, read(on=on)) == event


def test_an_event_that_starts_nothing_is_refused() -> None:
    """With those that would."""
    with pytest.raises(Refused, match=r"deploy.yml does not start on release; it starts on push, deployment"):
        workflow.event("release", read(on="[push, deployment]"))


def test_a_job_that_is_not_there_is_refused() -> None:
    """With those that are; without a name all are meant."""
    assert (workflow.job("one", read()), workflow.job("", read())) == ("one", None)
    with pytest.raises(Refused, match=r"^deploy.yml has no job other; it has one$"):
        workflow.job("other", read())


def test_names_in_expressions_are_not_known() -> None:
    """Only literal values of document, role and region count, in steps of ecs-cd and in the sign-in."""
    found = read(
        "{uses: org/ecs-cd@v1, with: {config: /a/b, role-to-assume: 'arn:aws:iam::123456789012:role/x'}},"
        "{uses: org/ecs-cd/deploy@v1, with: {config: '${{ vars.CONFIG }}', aws-region: '${{ vars.AWS_REGION }}'}},"
        "{uses: aws-actions/configure-aws-credentials@v6, with: {aws-region: eu-west-1}},"
        "{uses: other/action@v1, with: {config: /c/d, aws-region: us-west-2}}"
    )
    assert found.configs == ("/a/b",)
    assert found.roles == ("arn:aws:iam::123456789012:role/x",)
    assert found.regions() == ("eu-west-1",)
    assert found.stand_ins == {"aws-actions/configure-aws-credentials@v6": "credentials"}


IN_ENV = "{aws-region: '${{ env.AWS_REGION }}'}"


@pytest.mark.parametrize(
    ("whole", "job", "steps", "region"),
    [
        ("{AWS_REGION: eu-west-1}", "{}", "{uses: org/ecs-cd@v1}", "eu-west-1"),
        ("{AWS_REGION: eu-west-1}", "{AWS_REGION: eu-west-2}", "{uses: org/ecs-cd@v1}", "eu-west-2"),
        ("{AWS_DEFAULT_REGION: eu-west-1}", "{}", "{uses: org/ecs-cd@v1, env: {AWS_REGION: eu-west-3}}", "eu-west-3"),
        ("{AWS_REGION: eu-west-1}", "{}", f"{{uses: org/ecs-cd@v1, with: {IN_ENV}}}", "eu-west-1"),
        ("{REGION: eu-west-1}", "{AWS_REGION: '${{ env.REGION }}'}", "{uses: org/ecs-cd@v1}", "eu-west-1"),
        ("{AWS_REGION: eu-west-1}", "{}", "{uses: org/ecs-cd@v1, with: {aws-region: us-west-2}}", "us-west-2"),
        ("{}", "{AWS_REGION: eu-west-1}", "{uses: aws-actions/configure-aws-credentials@v6, with: {aws-region: us-west-2}}, {uses: org/ecs-cd@v1}", "us-west-2"),
        ("{}", "{}", "{uses: org/ecs-cd@v1, with: {aws-region: '${{ vars.REGION }}'}}", "sa-east-1"),
        ("{AWS_REGION: '${{ vars.OTHER }}'}", "{}", "{uses: org/ecs-cd@v1}", ""),
        ("{AWS_REGION: '${{ vars.OTHER || ''eu-west-1'' }}'}", "{}", "{uses: org/ecs-cd@v1}", "eu-west-1"),
        ("{AWS_REGION: eu-west-1}", "{}", "{run: aws s3 ls}", ""),
        ("'${{ fromJSON(x) }}'", "[]", "{uses: org/ecs-cd@v1}", ""),
    ],
)  # fmt: skip
def test_the_region_is_the_one_that_the_step_gets_on_github(whole: str, job: str, steps: str, region: str) -> None:
    """The input, the step's environment, the sign-in of the job, the job's environment, the workflow's."""
    text = f"on: push\nenv: {whole}\njobs: {{one: {{env: {job}, steps: [{steps}]}}}}"
    found = workflow.read("deploy.yml", text, {"REGION": "sa-east-1"})
    assert found.regions() == ((region,) if region else ())


def test_the_region_of_a_document_is_that_of_its_steps() -> None:
    """Of two environments in two regions, `--config` chooses; a document that no step names has the regions of all."""
    found = read(
        "{uses: org/ecs-cd@v1, with: {config: /staging, aws-region: eu-west-1}},"
        "{uses: org/ecs-cd@v1, with: {config: /production, aws-region: us-east-1}}"
    )
    assert found.regions("/production") == ("us-east-1",)
    assert found.regions("/other") == found.regions() == ("eu-west-1", "us-east-1")


def test_the_variables_of_regions_are_known() -> None:
    """`ecs-cd local run` gives them the local region, unless the file or `--var` has a value."""
    found = read(
        "{uses: org/ecs-cd@v1, with: {aws-region: '${{ vars.ONE }}'}}, {uses: org/ecs-cd@v1, env: {AWS_REGION: '${{ vars.TWO }}'}},"
        "{uses: org/ecs-cd@v1, with: {aws-region: \"${{ vars.THREE || 'eu-west-1' }}\"}}, {run: x, env: {AWS_REGION: '${{ vars.FOUR }}'}}"
    )
    assert found.region_variables == ("ONE", "TWO")


def test_the_login_to_ecr_has_a_stand_in() -> None:
    """Of any version; what a stand-in replaces isn't fetched from GitHub."""
    assert read("{uses: aws-actions/amazon-ecr-login@v2}").stand_ins == {"aws-actions/amazon-ecr-login@v2": "ecr-login"}


def test_the_variables_of_roles_are_known() -> None:
    """`ecs-cd local run` gives them a local role; secrets and other variables get none."""
    found = read(
        "{uses: org/ecs-cd/migrate@v1, with: {role-to-assume: '${{ vars.ECS_CD_ROLE }}', aws-region: '${{ vars.REGION }}'}},"
        "{uses: org/ecs-cd/hand-off@v1, with: {role-to-assume: \"${{ vars.HAND_OFF || 'arn:x' }}\"}},"
        "{uses: org/ecs-cd/deploy@v1, with: {role-to-assume: '${{ secrets.ROLE }}'}}"
    )
    assert found.role_variables == ("ECS_CD_ROLE", "HAND_OFF")


def test_a_call_of_our_workflow_counts() -> None:
    """It names the document and the role as a step does, and has more jobs than one."""
    found = read(job="uses: org/ecs-cd/.github/workflows/pipeline.yml@v1\n    with: {config: /a/b, role: 'arn:x'}")
    assert (found.ours, found.configs, found.roles, found.plain) == (("org/ecs-cd@v1",), ("/a/b",), ("arn:x",), False)


def test_what_was_not_given_is_listed() -> None:
    """Variables and secrets without an alternative; GitHub provides GITHUB_TOKEN itself."""
    found = read("{run: '${{ vars.ONE }} ${{ vars.TWO || 2 }} ${{ secrets.THREE }} ${{ secrets.GITHUB_TOKEN }}'}")
    assert workflow.missing(found, {}, {}) == ("vars.ONE", "secrets.THREE")
    assert workflow.missing(found, {"ONE": ""}, {"THREE": ""}) == ()


@pytest.mark.parametrize("text", ["jobs: [", "[]", "on: push", "on: push\njobs: x", ""])
def test_what_is_no_workflow_is_refused(text: str) -> None:
    """By its file's name."""
    with pytest.raises(Refused, match=r"^deploy.yml is not (YAML|a workflow)"):
        workflow.read("deploy.yml", text)


OURS = "{uses: org/ecs-cd@v1, with: {config: /a/b}}"


@pytest.mark.parametrize("given", ["", "deploy", "deploy.yml", ".github/workflows/deploy.yml"])
def test_a_workflow_is_chosen_by_its_name_or_as_the_only_one(given: str) -> None:
    """Where one workflow uses our actions it needs no name."""
    deploy, test = read(OURS), read(file="test.yml")
    assert workflow.choose(given, "", [test, deploy]) is deploy
    assert workflow.choose("test", "", [test, deploy]) is test


@pytest.mark.parametrize(("event", "chosen"), [("", 0), ("push", 0), ("deployment", 1)])
def test_of_several_the_event_chooses(event: str, chosen: int) -> None:
    """With a workflow for pushes and another for Deployments, for example, the first needs no name."""
    both = [read(OURS), read(OURS, on="deployment", file="deploy-any-commit.yml")]
    assert workflow.choose("", event, both) is both[chosen]


@pytest.mark.parametrize(
    ("given", "files", "words"),
    [
        ("nightly", ("one.yml",), "there is no workflow nightly in .github/workflows; it holds one.yml"),
        ("", ("one.yml", "two.yml"), "Several use ecs-cd: one.yml, two.yml"),
        ("", (), "no workflow in .github/workflows uses ecs-cd; it holds none"),
    ],
)
def test_a_workflow_that_is_not_clear_is_refused(given: str, files: tuple[str, ...], words: str) -> None:
    """With all that could be meant."""
    with pytest.raises(Refused, match=words):
        workflow.choose(given, "", [read(OURS, file=file) for file in files])


def test_the_only_document_is_the_one() -> None:
    """However many steps and workflows name it."""
    assert workflow.only_config([read(f"{OURS}, {OURS}"), read(OURS), read()]) == "/a/b"


@pytest.mark.parametrize("others", [["/a/b", "/c/d"], []])
def test_a_document_that_is_not_clear_is_refused(others: list[str]) -> None:
    """For several documents or none, the message names the flag."""
    with pytest.raises(Refused) as refused:
        workflow.only_config([read(f"{{uses: org/ecs-cd@v1, with: {{config: {name}}}}}") for name in others])
    assert "--config" in refused.value.remedy
    assert all(name in str(refused.value) for name in others)


def test_a_document_in_a_variable_is_named() -> None:
    """The message has the expression, and how to give its value."""
    with pytest.raises(
        Refused, match=r"^deploy.yml has config: \$\{\{ vars.CONFIG \}\}, which is not known"
    ) as refused:
        workflow.only_config([read("{uses: org/ecs-cd@v1, with: {config: '${{ vars.CONFIG }}'}}")])
    assert "--var NAME=VALUE" in refused.value.remedy
