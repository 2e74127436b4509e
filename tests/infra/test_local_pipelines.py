"""What `ecs-cd local` reads from `terraform show -json`, for the modules and the examples."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from dev.terraform.terraform import Shown, Terraform
from ecs_cd.local.codepipeline import localized
from ecs_cd.local.codepipeline.rules import declaration
from ecs_cd.local.codepipeline.rules import terraform as from_terraform
from ecs_cd.local.codepipeline.rules.infra import Infra, target
from ecs_cd.local.codepipeline.rules.triggers import triggered
from ecs_cd.model.errors import Refused
from tests.contract.parts import ROOT
from tests.infra import pipelines
from tests.infra.pipelines import CASES, Applied

EXAMPLES = sorted(
    each.parent.name
    for each in (ROOT / "examples" / "infra").glob("terraform-*/main.tf")
    if "infra/terraform/pipeline" in each.read_text(encoding="utf-8")
)
RELEASE = {"release": "s3://releases/ecs-cd-1.2.0.tar.gz", "release_sha256": "ab" * 32}
REGISTRY = "localhost:4566"
each_case = pytest.mark.parametrize("case", CASES)
each_example = pytest.mark.parametrize("name", EXAMPLES)


def _read(shown: Shown) -> Infra:
    return from_terraform.read({"values": shown.values}, str.encode)


@pytest.fixture(scope="module")
def example(terraform: Terraform) -> Callable[[str], Shown]:
    """The state of an example with its defaults; it is applied once."""
    return functools.cache(lambda name: terraform.apply(ROOT / "examples" / "infra" / name, RELEASE))


def _held_to_the_models(infra: Infra) -> None:
    for pipeline in infra.pipelines.values():
        pipelines.held_to_the_model("codepipeline", "CreatePipeline", {"pipeline": dict(pipeline)})
    for project in infra.projects.values():
        pipelines.held_to_the_model("codebuild", "CreateProject", dict(project))


@each_case
def test_every_case_of_the_module_can_run_here(applied: Applied, case: str) -> None:
    """Nothing of its pipeline is refused, and botocore accepts what is read."""
    infra = _read(applied(case))
    assert declaration.problems(infra) == []
    _held_to_the_models(infra)


@each_case
def test_everything_of_the_module_is_read(applied: Applied, case: str) -> None:
    """Its projects, its document, its bucket with versions, its log groups, and the rule of an event."""
    infra = _read(applied(case))
    (name,) = infra.pipelines
    targets = [each.arn for rule in infra.rules for each in rule.targets]
    started = {target(arn, infra.pipelines, infra.projects) for arn in targets}
    assert started | {*_projects(infra), name} == {*infra.projects, name}
    assert (name in started) == (pipelines.inputs(case).get("start") == "event")
    assert [each.type for each in infra.parameters] == ["String"]
    assert list(infra.buckets.values()) == [True]
    assert set(infra.log_groups) == {f"/aws/codebuild/{each}" for each in infra.projects}


@each_case
def test_a_push_starts_a_pipeline_with_a_connection(applied: Applied, case: str) -> None:
    """A push to its branch alone."""
    (declared,) = _read(applied(case)).pipelines.values()
    connection = pipelines.inputs(case).get("connection")
    branch = connection.get("branch", "main") if connection else ""
    pushed = ("main", "release/1", "dev")
    assert [each for each in pushed if triggered(declared, each)] == [each for each in pushed if each == branch]


def _projects(infra: Infra) -> list[str]:
    found = [each for declared in infra.pipelines.values() for each in pipelines.actions(dict(declared))]
    return [each["configuration"]["ProjectName"] for each in found if pipelines.provider(each) == "CodeBuild"]


@each_example
def test_every_example_can_run_here(example: Callable[[str], Shown], name: str) -> None:
    """Nothing of it is refused, botocore accepts what is read, and its images are in the local registry."""
    infra = _read(example(name))
    assert declaration.problems(infra) == []
    _held_to_the_models(infra)
    where = localized.account_and_region(infra)
    assert where == ("123456789012", "ap-northeast-1")
    local = localized.for_here(infra, REGISTRY, *where)
    assert declaration.problems(local) == []
    assert all(".dkr.ecr." not in each.value and REGISTRY in each.value for each in local.parameters)


def test_an_example_without_a_pipeline_has_a_document(example: Callable[[str], Shown]) -> None:
    """`ecs-cd local up` needs nothing else for patterns 1 and 5."""
    infra = _read(example("terraform-actions"))
    assert not infra.pipelines
    assert [each.name for each in infra.parameters] == ["/ecs-cd/my-app/production"]


def test_a_plan_before_the_first_apply_is_refused(terraform: Terraform) -> None:
    """Each attribute that is only known afterwards is named, but not the roles, which have no effect here."""
    shown = terraform.planned(ROOT / "examples" / "infra" / "terraform-event", RELEASE)
    with pytest.raises(Refused) as error:
        from_terraform.read(shown, str.encode)
    assert error.value.remedy == "Show the state instead: terraform apply, then terraform show -json."
    places = " ".join(error.value.problems)
    assert "aws_cloudwatch_event_target.pipeline" in places
    assert "role_arn" not in places
