"""What `ecs-cd init` makes of the repositories of tests/corpus."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecs_cd.document.rules import app_file, document
from ecs_cd.document.rules.document import Document
from ecs_cd.init.rules.messages import report
from ecs_cd.init.rules.result import Result, make
from ecs_cd.model.errors import Refused
from tests.rules.init.repositories import CASES, files, snapshot

RESULTS = {case.stem: make(snapshot(files(case))) for case in CASES}


def documents(result: Result) -> dict[str, Document]:
    """The documents as ecs-cd reads them, by their names."""
    return {
        Path(path).stem: document.load(text, where=path)
        for path, text in result.files.items()
        if path.startswith("ecs-cd-infra/") and path.endswith(".yml")
    }


def workflows(result: Result) -> dict[str, Any]:
    """The new workflows, parsed without types."""
    return {
        path: yaml.load(text, Loader=yaml.BaseLoader)
        for path, text in result.files.items()
        if path.startswith(".github/workflows/")
    }


def jobs(result: Result) -> dict[str, Any]:
    """All jobs of the new workflows."""
    return {name: job for each in workflows(result).values() for name, job in each["jobs"].items()}


@pytest.mark.parametrize("name", RESULTS)
def test_the_documents_are_accepted(name: str) -> None:
    """By the same reader as those of an SSM parameter; each names its services, and every service a container."""
    found = documents(RESULTS[name])
    assert found
    assert all(
        each.services and all(service.containers for service in each.services.values()) for each in found.values()
    )


@pytest.mark.parametrize("name", RESULTS)
def test_the_app_file_is_accepted(name: str) -> None:
    """It builds every image of the documents."""
    result = RESULTS[name]
    images = {image for each in documents(result).values() for image in each.images}
    assert set(app_file.load(result.files[".github/ecs-cd.yml"], where="")) == images


@pytest.mark.parametrize("name", RESULTS)
def test_every_document_has_a_job(name: str) -> None:
    """It names the document's parameter, and the variables for role and region."""
    all_jobs = [job for each in workflows(RESULTS[name]).values() for job in each["jobs"].values()]
    steps = [step for job in all_jobs for step in job["steps"] if "ecs-cd@" in step.get("uses", "")]
    configs = [step["with"]["config"] for step in steps]
    assert sorted(configs) == sorted(f"/ecs-cd/my-app/{each}" for each in documents(RESULTS[name]))
    assert all(step["with"]["role-to-assume"].startswith("${{ vars.ECS_CD_ROLE") for step in steps)


# cluster, services, containers with their images
EXPECTED = {
    "01-official-template": {"production": ("openquiz-cluster", ["openquiz-service"], {"openquiz": "app"})},
    "02-oidc-build-push-action": {"production": ("twitter-clone", ["twitter-clone-api"], {"rails": "app"})},
    "03-describe-and-strip": {
        "development": ("mingle-dev", ["mingle-api-dev"], {"mingle-api": "app"}),
        "production": ("mingle-prod", ["mingle-api-prod"], {"mingle-api": "app"}),
    },
    "04-chained-renders": {"production": ("shop", ["shop-web"], {"app": "app", "nginx": "nginx"})},
    "05-near-copies": {
        "development": ("dev-cluster", ["nestjs-dev"], {"nestjs-monolith-development": "app"}),
        "production": ("prod-cluster", ["unblock-site-prod"], {"unblock-site-prod": "app"}),
    },
    "06-matrix-of-services": {
        "production": ("pianofi", ["pianofi-api", "pianofi-worker"], {"api": "api", "picogenworkers": "worker"})
    },
    "07-sed-on-placeholders": {"production": ("laravel-cms", ["laravel-cms-web"], {"app": "app", "nginx": "nginx"})},
    "08-force-new-deployment": {"production": ("renoveja-cluster", ["renoveja-api"], {"TODO-container": "app"})},
    "09-jq-register": {
        "staging": ("datapulse-staging", ["datapulse-backend", "datapulse-worker"], {"app": "app"}),
        "production": ("datapulse-production", ["datapulse-backend", "datapulse-worker"], {"app": "app"}),
    },
    "10-run-task-migration": {"production": ("youspeak", ["youspeak-api"], {"youspeak-api": "app"})},
    "11-codedeploy": {"production": ("ws1", ["ws1-web"], {"ws1-web-app": "app"})},
    "12-reusable-workflow": {
        "staging": ("pulse-staging", ["pulse-backend"], {"backend": "app"}),
        "production": ("pulse-production", ["pulse-backend"], {"panoptimize-backend": "app"}),
    },
    "13-composite-action": {"production": ("felicitee", ["felicitee-express"], {"felicitee-api": "app"})},
    "14-everything-in-secrets": {"production": ("TODO-cluster", ["TODO-service"], {"TODO-container": "app"})},
    "15-envsubst-and-script": {
        "production": ("emotion-production", ["face-emotion-analyzer"], {"face-emotion-analyzer": "app"})
    },
    "16-two-deploy-steps": {
        "production": (
            "datapulse",
            ["datapulse-backend", "datapulse-frontend"],
            {"backend": "backend", "web": "frontend"},
        )
    },
    "17-artifacts-between-jobs": {"production": ("training", ["java-trainer"], {"java-trainer": "app"})},
    "18-only-a-task-definition": {"production": ("TODO-cluster", ["TODO-service"], {"unshelvd": "app"})},
    "19-broken-template": {"production": ("bots", ["bot"], {"app": "app"})},
    "20-monorepo-two-workflows": {
        "production-api": ("trades", ["trades-api"], {"trades-management-api": "api"}),
        "production-web": ("trades", ["trades-web"], {"iv-app-image": "web"}),
    },
    "21-branches-in-shell": {
        "production": ("sport-prod", ["sportapp-prod"], {"sportapp-api": "app"}),
        "staging": ("sport-staging", ["sportapp-staging"], {"sportapp-api": "app"}),
    },
    "22-build-elsewhere": {"production": ("qstack", ["qstack-backend"], {"SpringbootContainer": "app"})},
    "23-matrix-of-environments": {
        "staging": ("bops-staging", ["bops-staging"], {"bops": "app"}),
        "production": ("bops-production", ["bops-production"], {"bops": "app"}),
    },
    "25-bake": {"production": ("shop", ["shop"], {"api": "api", "proxy": "proxy"})},
    "24-names-and-defaults": {"production": ("rpg", ["rpg-companion"], {"rpg-companion-container": "app"})},
}


@pytest.mark.parametrize("name", RESULTS)
def test_the_identifiers_are_those_of_the_workflow(name: str) -> None:
    """Whether they are literal, in variables, in scripts, in a matrix, in inputs or in outputs of other jobs."""
    found = {
        key: (
            each.cluster,
            [service.name for service in each.services.values()],
            {k: v for service in each.services.values() for k, v in service.containers.items()},
        )
        for key, each in documents(RESULTS[name]).items()
    }
    assert found == EXPECTED[name]


TEMPLATES = [
    ("01-official-template", ".aws/task-definition.json"),
    ("03-describe-and-strip", "mingle-api-dev2"),
    ("07-sed-on-placeholders", ".aws/task-definition.json"),
    ("13-composite-action", "felicitee-express"),
    ("15-envsubst-and-script", "ecs/task-definition.template.json"),
    ("21-branches-in-shell", "sportapp-api"),
    ("24-names-and-defaults", "taskdef.json"),
]


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_the_template_is_where_the_chain_of_steps_begins(name: str, template: str) -> None:
    """A file that steps render, or the family that they describe."""
    first = next(iter(documents(RESULTS[name]).values()))
    assert {str(each.task_definition) for each in first.services.values()} == {template}


def test_the_migration_is_carried() -> None:
    """From the inputs of the deploy action, and from `aws ecs run-task`."""
    found = {name: documents(RESULTS[name])["production"].migration for name in RESULTS if name[:2] in ("02", "10")}
    commands = {name[:2]: (each.container, each.command) for name, each in found.items() if each}
    assert commands == {
        "02": ("rails", ("bin/rails", "db:migrate")),
        "10": ("youspeak-api", ("npx", "prisma", "migrate", "deploy")),
    }


def test_codedeploy_is_carried() -> None:
    """All four names."""
    found = documents(RESULTS["11-codedeploy"])["production"].services["ws1-web"].codedeploy
    assert (found.application, found.deployment_group) == ("ws1-web", "ws1-web-group")
    assert (str(found.appspec), found.deployment_config) == (
        "appspec.yaml",
        "CodeDeployDefault.ECSCanary10Percent5Minutes",
    )


def test_jobs_wait_for_what_they_waited_for() -> None:
    """Tests, and the deployment to the environment before; a job that only computes names is gone."""
    waits = {
        name: {key: job.get("needs") for key, job in jobs(RESULTS[name]).items()}
        for name in (
            "12-reusable-workflow",
            "17-artifacts-between-jobs",
            "21-branches-in-shell",
            "23-matrix-of-environments",
        )
    }
    assert waits == {
        "12-reusable-workflow": {
            "test": None,
            "deploy-staging": ["test"],
            "deploy-production": ["test", "deploy-staging"],
        },
        "17-artifacts-between-jobs": {"package": None, "deploy": ["package"]},
        "21-branches-in-shell": {"deploy-production": None, "deploy-staging": None},
        "23-matrix-of-environments": {"deploy-staging": None, "deploy-production": ["deploy-staging"]},
    }


CONDITIONS = [
    ("03-describe-and-strip", {"github.ref_name == 'develop'", "github.ref_name == 'main'"}),
    ("08-force-new-deployment", {"github.event_name == 'push' && github.ref == 'refs/heads/main'", None}),
    ("09-jq-register", {"inputs.environment == 'staging'", "inputs.environment == 'production'"}),
    ("22-build-elsewhere", {"github.event.workflow_run.conclusion == 'success'"}),
]


@pytest.mark.parametrize(("name", "conditions"), CONDITIONS)
def test_a_job_runs_when_the_old_one_deployed_there(name: str, conditions: set[str]) -> None:
    """Its own `if`, or the branch or the choice that the names depend on."""
    assert {job.get("if") for job in jobs(RESULTS[name]).values()} == conditions


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.stem))
def test_triggers_are_those_of_the_old_workflow(case: Path) -> None:
    """Events, branches, paths and inputs."""
    result = RESULTS[case.stem]
    old = [yaml.load(files(case)[path], Loader=yaml.BaseLoader)["on"] for path in result.old]
    new = [each["on"] for each in workflows(result).values()]
    assert new == old or not old


def test_other_steps_stay_in_their_place() -> None:
    """Before the build and after the deployment; what can't stay is named with its line."""
    steps = [
        step.get("run") or step["uses"] for step in jobs(RESULTS["10-run-task-migration"])["build-and-deploy"]["steps"]
    ]
    assert [step.partition("@")[0] for step in steps] == [
        "actions/checkout",
        "actions/setup-node",
        "npm ci",
        "npm test",
        "org/ecs-cd",
        "curl --fail --retry 5 https://api.example.com/health",
    ]
    left = {(each.place.rpartition("/")[2], each.what) for each in RESULTS["02-oidc-build-push-action"].left}
    assert ("deploy.yml:86", "Slack") in left


def test_the_build_is_carried() -> None:
    """What is the same in every run is in the app file; expressions and secrets are in the workflow."""
    result = RESULTS["02-oidc-build-push-action"]
    spec = app_file.load(result.files[".github/ecs-cd.yml"], where="")["app"]
    assert (spec.file, spec.build_args, spec.cache) == ("docker/Dockerfile", ("RAILS_ENV=production",), "gha")
    given = jobs(result)["deploy"]["steps"][-1]["with"]
    assert given["build-args"] == "REVISION=${{ github.sha }}\n"
    assert given["secrets"] == "npm=${{ secrets.NPM_TOKEN }}\n"
    assert (given["environment-variables"], given["deployment-timeout"]) == ("RELEASE=${{ github.sha }}\n", "20m")
    several = app_file.load(RESULTS["06-matrix-of-services"].files[".github/ecs-cd.yml"], where="")
    assert {name: spec.context for name, spec in several.items()} == {
        "api": "services/api",
        "worker": "services/worker",
    }
    baked = app_file.load(RESULTS["25-bake"].files[".github/ecs-cd.yml"], where="")
    assert (baked["api"].target, baked["api"].build_args) == ("release", ("NODE_ENV=production",))
    assert baked["proxy"].file == "proxy/Dockerfile"


# ---- what is said ----


@pytest.mark.parametrize("name", RESULTS)
def test_every_placeholder_is_listed(name: str) -> None:
    """No value is invented: each TODO of a file is in the report, and the other way round."""
    result = RESULTS[name]
    in_files = sum(text.count("# TODO") for text in result.files.values())
    in_workflows = [key for key, _ in result.unknown if key.startswith(".github/workflows/")]
    assert in_files == len(result.unknown) - len(in_workflows)
    lines = "\n".join(report(result, dry=False))
    assert all(key in lines for key, _ in result.unknown)
    assert "\ue000" not in lines + "".join(result.files.values())


def test_the_report_names_sources_and_next_commands() -> None:
    """File and line of each value; verify, iam and local up; the parameter and the variables."""
    lines = "\n".join(report(RESULTS["02-oidc-build-push-action"], dry=False))
    for words in (
        "production: cluster: twitter-clone (.github/workflows/deploy.yml:78)",
        "ecs-cd verify --config file:ecs-cd-infra/production.yml",
        "ecs-cd iam --config file:ecs-cd-infra/production.yml",
        "ecs-cd local up --config file:ecs-cd-infra/production.yml",
        "aws ssm put-parameter --region ap-northeast-1 --type String --name /ecs-cd/my-app/production",
        "gh variable set ECS_CD_ROLE --env production --body arn:aws:iam::723546042782:role/github-actions",
    ):
        assert words in lines


def test_static_keys_lead_to_a_role() -> None:
    """The report names where they are used."""
    lines = "\n".join(report(RESULTS["01-official-template"], dry=False))
    assert "signs in with long-lived keys (.github/workflows/aws.yml:26)" in lines


# ---- identifiers that stay ----


def identifiers(result: Result) -> set[str]:
    """Of the infrastructure: what the documents hold, the regions, the accounts and the roles."""
    found: set[str] = set()
    for each in documents(result).values():
        found |= {each.cluster, *(str(image) for image in each.images.values())}
        found |= {image.name for image in each.images.values()}
        found |= {str(image.account) for image in each.images.values()} | {
            str(image.region) for image in each.images.values()
        }
        for service in each.services.values():
            found |= {service.name, str(service.task_definition), *service.containers}
    for _, each_document in result.documents:
        found |= {each_document.role.text, each_document.region.text, each_document.parameter}
    return {text for text in found if len(text) > 2 and not text.startswith("TODO")}


def values(tree: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The values of a workflow or an app file, without triggers, and without paths of the app's own files."""
    if path[-1:] and path[-1] in ("on", "context", "file", "target", "paths", "branches"):
        return
    if isinstance(tree, dict):
        for key, inner in tree.items():
            yield from values(inner, (*path, key))
    elif isinstance(tree, list):
        for inner in tree:
            yield from values(inner, path)
    else:
        yield str(tree)


def test_few_identifiers_stay_in_the_app_repository() -> None:
    """At most one per workflow on average, the parameter's name included."""
    counts = []
    for result in RESULTS.values():
        known = identifiers(result)
        texts = [text for each in workflows(result).values() for text in values(each)]
        texts += list(values(yaml.safe_load(result.files[".github/ecs-cd.yml"])))
        kept = {word for text in texts for word in known if re.search(rf"(?<![\w/-]){re.escape(word)}(?![\w-])", text)}
        counts.append(len(kept) / max(1, len(documents(result))))
    assert len(counts) >= 20
    assert sum(counts) / len(counts) <= 1.0, counts


# ---- refusals ----

NOTHING = {"README.md": "", ".github/workflows/ci.yml": "on: push\njobs: {test: {runs-on: x, steps: [{run: make}]}}\n"}
REFUSALS = [
    ({}, "nothing to read"),
    (NOTHING, "nothing to read"),
    ({**NOTHING, ".github/workflows/b.yml": "on: push\njobs:\n\t- x\n"}, "b.yml is not YAML: line 3, column 1"),
    ({".github/workflows/x.yml": "a: [1\nb: 2\n"}, "x.yml is not YAML: line 2"),
    ({".github/workflows/x.yml": "a: &a [*a]\n"}, "x.yml is not a workflow"),
    (
        {"Dockerfile": "", ".github/workflows/d.yml": "jobs: {a: {steps: [{uses: org/ecs-cd@v1}]}}"},
        "d.yml uses ecs-cd already",
    ),
]


@pytest.mark.parametrize(("contents", "words"), REFUSALS)
def test_what_is_refused(contents: dict[str, str], words: str) -> None:
    """With the file and the line, and never with its content."""
    with pytest.raises(Refused) as refused:
        make(snapshot(contents))
    assert words in str(refused.value)
    assert refused.value.remedy


def test_two_broken_workflows_are_named_at_once() -> None:
    """Both."""
    with pytest.raises(Refused) as refused:
        make(snapshot({".github/workflows/a.yml": "a: [", ".github/workflows/b.yml": "{"}))
    assert [problem.split()[0] for problem in refused.value.problems] == [
        ".github/workflows/a.yml",
        ".github/workflows/b.yml",
    ]


# ---- whatever people write ----

ODD: tuple[Any, ...] = (
    "",
    "x",
    [],
    {},
    ["a"],
    {"a": "b"},
    "${{ secrets.X }}",
    "${{ fromJSON(x) }}",
    "${{",
    "$(",
    "`",
    "'",
    None,
)


def changed(tree: Any, chance: random.Random, left: list[int]) -> Any:
    """The tree with some of its parts replaced by others."""
    if left[0] > 0 and chance.random() < 0.03:
        left[0] -= 1
        return chance.choice(ODD)
    if isinstance(tree, dict):
        return {key: changed(inner, chance, left) for key, inner in tree.items()}
    if isinstance(tree, list):
        return [changed(inner, chance, left) for inner in tree]
    return tree


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.stem))
def test_odd_workflows_are_converted_or_refused(case: Path) -> None:
    """Whatever a key holds: what is written is accepted by the readers, and nothing else is raised."""
    chance = random.Random(case.stem)
    for _ in range(5):
        contents = files(case)
        for path in [path for path in contents if path.startswith(".github/")]:
            tree = yaml.load(contents[path], Loader=yaml.BaseLoader)
            contents[path] = yaml.safe_dump(changed(tree, chance, [3]))
        try:
            result = make(snapshot(contents))
        except Refused:
            continue
        documents(result)
        app_file.load(result.files[".github/ecs-cd.yml"], where="")
        workflows(result)
        report(result, dry=True)
