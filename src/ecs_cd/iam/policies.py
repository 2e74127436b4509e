"""All policies for a document, by account and name."""

from __future__ import annotations

import json
from collections.abc import Collection

from ecs_cd.document.rules.document import Document
from ecs_cd.iam import gather
from ecs_cd.iam.rules import choice, place, policy, resources, terraform, trust
from ecs_cd.iam.rules.place import Place
from ecs_cd.iam.rules.policy import Policy, Statement
from ecs_cd.inputs.iam import Iam
from ecs_cd.job import checkout
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import account_of

PERMISSIONS, TRUST = "permissions", "trust"

Policies = dict[str, dict[str, Policy]]  # by account, then by name


def text(inputs: Iam, document: Document, job: Job) -> str:
    """What the verb prints. Raises ``Refused`` if an input is wrong, or if no account is known."""
    found = _make(inputs, document, job)
    if inputs.policy:
        names = {name: account for account, policies in found.items() for name in policies}
        if inputs.policy not in names:
            remedy = f"Name one of {', '.join(names)}." if names else ""
            raise Refused(f"--policy: there is no policy {inputs.policy}", remedy)
        account = names[inputs.policy]
        found = {account: {inputs.policy: found[account][inputs.policy]}}
    if inputs.format == "terraform":
        return terraform.text(found)
    shown = found[account][inputs.policy] if inputs.policy else found
    return json.dumps(shown, indent=2)


def _make(inputs: Iam, document: Document, job: Job) -> Policies:
    verbs, features = choice.verbs(inputs.verb, document), choice.features(inputs.feature)
    endings = trust.endings(inputs.environment, inputs.branch, pull_request=inputs.pull_request)
    repository = _repository(inputs, job)
    caller = gather.caller(job)
    there = place.find(document, config=inputs.config, account=inputs.account, caller=caller, region=_region(job))
    readable = _is_there(caller, there, job)
    facts = gather.facts(document, inputs.config, there, verbs, job, signed_in=readable)
    wanted = resources.wanted(document, facts, there, verbs, inputs.config)
    for note in wanted.notes:
        job.ci.notice(note)
    job.ci.line(f"iam: for {', '.join(verbs)} in the account {there.account}, {there.region}")
    statements = policy.statements(verbs, features, wanted, there)
    own = _permissions(statements, job)
    if repository:
        own[TRUST] = trust.policy(repository, endings, there)
        job.ci.line(f"iam: trusts jobs with the sub {', '.join(f'repo:{repository.name}:{each}' for each in endings)}")
        if inputs.pull_request and set(verbs) - {"verify", "plan", "images"}:
            job.ci.warning(
                "--pull-request: code that is not reviewed yet could do what these verbs do; use --verb verify or plan"
            )
    return {there.account: own, **_of_others(statements, document, verbs, there, inputs.config, job)}


def _repository(inputs: Iam, job: Job) -> trust.Repository | None:
    """The repository that the role trusts: the input, that of the job, or the checkout's remote."""
    if inputs.repository:
        if not trust.NAME.fullmatch(inputs.repository):
            raise Refused("--repository: must be owner/name of a repository on GitHub, without wildcards")
        return trust.Repository(trust.GITHUB, inputs.repository)
    found = trust.of_remote(job.run.repository_url or checkout.remote())
    if found is None:
        why = "no trust policy: the checkout has no remote `origin` on GitHub"
        if inputs.policy == TRUST:
            raise Refused(why, "Name the app's repository: --repository OWNER/NAME.")
        job.ci.notice(f"{why}; name the app's repository: --repository OWNER/NAME")
    return found


def _is_there(caller: str, there: Place, job: Job) -> bool:
    """Whether the credentials are of this account and the session is in this region: elsewhere, the same names are of
    other resources."""
    if caller and caller != there.account:
        job.ci.notice(
            f"the credentials are of the account {caller}; the cluster and the role are in {there.account}, where "
            "nothing is read, so the policies are wider than they need to be"
        )
    elif caller and _region(job) != there.region:
        job.ci.notice(
            f"the region is {_region(job)}; the cluster is in {there.region}, where nothing is read, so the policies "
            f"are wider than they need to be: --aws-region {there.region}"
        )
    return caller == there.account and _region(job) == there.region


def _region(job: Job) -> str:
    try:
        return job.aws.region
    except Refused:
        return ""


def _permissions(statements: list[Statement], job: Job) -> dict[str, Policy]:
    if not statements:  # IAM refuses a policy without any
        job.ci.notice("these verbs need no permissions for this document")
        return {}
    found = policy.parts(statements)
    if len(found) == 1:
        size = policy.size(found[0])
        if size > policy.MANAGED:
            job.ci.notice(
                f"{PERMISSIONS} has {size} characters, which a managed policy can't have ({policy.MANAGED}): put it "
                "into the role inline, with put-role-policy"
            )
        return {PERMISSIONS: found[0]}
    job.ci.notice(
        f"{PERMISSIONS} is longer than the inline policies of a role may be ({policy.INLINE} characters), so it is in "
        f"{len(found)} parts: attach each as a managed policy, or make a role for each verb (--verb)"
    )
    return {f"{PERMISSIONS}-{number}": part for number, part in enumerate(found, 1)}


def _of_others(
    statements: list[Statement], document: Document, verbs: Collection[str], there: Place, config: str, job: Job
) -> Policies:
    """What other accounts have to allow: each repository there has a policy of its own."""
    used = {image for entry in resources.entries(document, verbs) for image in entry.containers.values()}
    pulled = {there.repository(document.images[name]) for name in used if document.images[name].account}
    found: Policies = {}
    for arn, each in policy.of_repositories(statements, pulled, there).items():
        found.setdefault(account_of(arn), {})[_name(arn)] = each
    for account in found:
        job.ci.notice(
            f"the account {account} must let {there.account} use its repositories: set each as its repository's policy"
        )
    owner = account_of(config)
    if owner and owner != there.account:
        job.ci.notice(f"the parameter is in the account {owner}, which must share it with {there.account} (AWS RAM)")
    return found


def _name(arn: str) -> str:
    """The name of a repository's policy: repository/ACCOUNT/REGION/NAME."""
    _, _, _, region, account, resource = arn.split(":", 5)
    return f"repository/{account}/{region}/{resource.removeprefix('repository/')}"
