"""The trust policy: which jobs of which repository may assume the role."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ecs_cd.iam.rules.place import Place
from ecs_cd.iam.rules.policy import Policy
from ecs_cd.model.errors import Refused

GITHUB = "github.com"
# A repository as the `sub` of its jobs names it, with or without ids; https://docs.github.com/actions/reference/security/oidc
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:@[0-9]+)?/(?!\.{1,2}$)[A-Za-z0-9._-]+(?:@[0-9]+)?")
# https://HOST/OWNER/NAME.git, git@HOST:OWNER/NAME.git, ssh://git@HOST:22/OWNER/NAME
_REMOTE = re.compile(
    r"(?:[a-z+]+://)?(?:[^@/]*@)?(?P<host>[A-Za-z0-9.-]+)(?::[0-9]+)?[:/]/?(?P<name>[^/:]+/[^/]+?)(?:\.git)?/?"
)


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub. ``host`` is github.com, or SUBDOMAIN.ghe.com with data residency."""

    host: str
    name: str

    @property
    def issuer(self) -> str:
        """Who signs the tokens of its jobs, without `https://`."""
        if self.host == GITHUB:
            return "token.actions.githubusercontent.com"
        return f"token.actions.{self.host}"


def of_remote(url: str) -> Repository | None:
    """The repository of a Git remote; ``None`` if it is not on GitHub."""
    found = _REMOTE.fullmatch(url.strip())
    host = found["host"].lower().removeprefix("www.").removeprefix("ssh.") if found else ""
    if (
        not found
        or not NAME.fullmatch(found["name"])
        or not (host == GITHUB or re.fullmatch(r"[a-z0-9-]+\.ghe\.com", host))
    ):
        return None
    return Repository(host, found["name"])


def endings(environments: Sequence[str], branches: Sequence[str], *, pull_request: bool) -> list[str]:
    """How the `sub` of the trusted jobs ends; without any, jobs of the branch main. A job with an environment has that
    in the place of its branch. Raises ``Refused`` if a name is everything."""
    given = {"environment": environments, "branch": branches}
    problems = [
        f"--{option}: a name can't begin with a wildcard, because that would be each of them"
        for option, names in given.items()
        if any(name.startswith(("*", "?")) for name in names)
    ]
    if problems:
        raise Refused(problems, "Name each environment or branch: --environment production --branch main.")
    found = [f"environment:{name}" for name in environments]
    found += [f"ref:refs/heads/{name.removeprefix('refs/heads/')}" for name in branches]
    found += ["pull_request"] if pull_request else []
    return found or ["ref:refs/heads/main"]


def policy(repository: Repository, endings: Sequence[str], place: Place) -> Policy:
    """The policy: the whole `sub`, and tokens for STS only."""
    issuer = repository.issuer
    audience = "sts.amazonaws.com.cn" if place.partition == "aws-cn" else "sts.amazonaws.com"
    subjects = [f"repo:{repository.name}:{ending}" for ending in endings]
    exact = {f"{issuer}:aud": audience}
    wildcard = any(re.search(r"[*?]", subject) for subject in subjects)
    if wildcard:
        condition = {"StringEquals": exact, "StringLike": {f"{issuer}:sub": subjects}}
    else:
        condition = {"StringEquals": {**exact, f"{issuer}:sub": subjects}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": place.iam(f"oidc-provider/{issuer}")},
                "Condition": condition,
            }
        ],
    }
