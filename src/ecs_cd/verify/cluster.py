"""Whether the cluster exists."""

from __future__ import annotations

from collections.abc import Iterator

from ecs_cd.aws import ecs
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules.finding import Finding, State, ok, wrong
from ecs_cd.verify.subjects import Found, listed

NAME = "cluster"
_REMEDY = "Check `cluster` in the document, the region (aws-region) and the account."


def check(job: Job, found: Found) -> list[Finding]:
    """The cluster, in the region that the verb works in."""
    findings = ask(NAME, NAME, lambda: _cluster(job, found), of_ecs=True)
    if all(each.state is State.NOT_CHECKABLE for each in findings):
        try:
            listed(found.answers)  # DescribeServices tells as well that it is missing
        except Refused as refused:
            return [wrong(NAME, NAME, refused.problems[0], _REMEDY)]
        except Exception:  # the services' lines say why
            return findings
    return findings


def _cluster(job: Job, found: Found) -> Iterator[Finding]:
    name = found.document.cluster
    cluster = ecs.cluster(job.aws, name)
    if cluster is None or cluster["status"] != "ACTIVE":
        state = f"is {cluster['status']}" if cluster else "does not exist"
        yield wrong(NAME, NAME, f"the ECS cluster {name} {state} in {job.aws.region}", _REMEDY)
    else:
        yield ok(NAME, NAME, f"{name} is ACTIVE in {job.aws.region}")
