"""The inputs of the verb iam."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Located
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Iam(Located):
    """Prints the policies of a role that runs verbs with this document."""

    verb: tuple[str, ...] = option(
        "A verb that the role runs. Default: those of the document, which are build-push, migrate and deploy, or with "
        "`pipeline` build-push and hand-off.",
        parsers.words,
        many=True,
        metavar="VERB",
    )
    feature: tuple[str, ...] = option(
        "A feature that the workflow uses and the document doesn't show: create-repositories, enhanced-scanning, "
        "keep-revisions, run-task, scan or stop-execution.",
        parsers.words,
        many=True,
        metavar="FEATURE",
    )
    policy: str = option(
        "Prints this policy alone, for `aws iam`: permissions, trust, or another name in the output. Default: all, by "
        "account and name.",
        parsers.text,
        metavar="NAME",
    )
    format: str = option(
        "`json`, or `terraform` for data sources aws_iam_policy_document.",
        parsers.one_of("json", "terraform"),
        default="json",
        metavar="FORMAT",
    )
    account: str = option(
        "The account of the cluster and the role. Default: that of the document's ARNs, of the credentials, or of the "
        "repositories in ECR.",
        parsers.account,
        metavar="ID",
    )
    repository: str = option(
        "The app's repository on GitHub, `owner/name`, or `owner@ID/name@ID` if its jobs' `sub` has ids. Default: the "
        "remote `origin` of the checkout.",
        parsers.text,
        metavar="OWNER/NAME",
    )
    environment: tuple[str, ...] = option(
        "An environment whose jobs may assume the role.", parsers.lines, many=True, metavar="NAME"
    )
    branch: tuple[str, ...] = option(
        "A branch whose jobs may assume the role. Default: main, without environment and pull-request.",
        parsers.lines,
        many=True,
        metavar="NAME",
    )
    pull_request: bool = option(
        "`true`: jobs of pull requests may assume the role, for `--verb verify` and `--verb plan`.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
