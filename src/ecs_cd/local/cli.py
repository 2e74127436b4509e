"""`ecs-cd local`: its verbs, flags and exit codes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.ci.text import unbroken
from ecs_cd.local import approve, down, infra, machine, push, repository, run, up
from ecs_cd.local.machine import LocalError, Say
from ecs_cd.local.world import Options
from ecs_cd.model.errors import Refused
from ecs_cd.model.verdict import REFUSED_EXIT_CODE

_UP = """\
Starts a local AWS (ministack) for the current repository, and creates what the document names: cluster, repositories,
buckets, templates, log groups, secrets, services. If the document is an SSM parameter, it is read from your AWS
account, which is never changed. Without a document, it creates what the workflow's `deploy` steps name. Run it again to
read everything again."""
_RUN = """\
Runs the workflow with act on this machine, against the local AWS, in a copy of your working tree that includes
uncommitted changes. The exit code is the workflow's."""
_WORKFLOW = (
    "the file name; default: the only workflow that uses ecs-cd, or if there are several, the only one that the event "
    "starts"
)
_ONLY = "the file name of a workflow, whose document or task definition is meant; default: all workflows"
_APPROVE = "Approves the action of the local CodePipeline that waits for an approval."
_REJECT = "Rejects the action of the local CodePipeline that waits for an approval, so its execution fails."
_PUSH = """\
Does what a push to the branch does where a pipeline's source is a connection: starts the pipeline with your working
tree, uncommitted changes included, and shows it to its end. The exit code is 0 if it succeeds."""
_ACTION = "the approval action, STAGE/ACTION; default: the only one that waits"
_DOWN = "Stops the local AWS and removes its containers, images and files, and nothing else."


def main(argv: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Runs one verb and returns its exit code."""
    given = _parser().parse_args(argv)
    started = time.monotonic()

    def say(text: str) -> None:
        with unbroken():
            print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)

    machine.exit_on_signals()
    repository.forget_caller(environ)
    try:
        return int(given.verb(given, environ, say))
    except Refused as refused:
        return _refuse(refused, given.name)
    except (ClientError, BotoCoreError) as error:
        return _refuse(explain(error), given.name)
    except (LocalError, OSError) as error:
        print(f"ecs-cd local {given.name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _refuse(refused: Refused, verb: str) -> int:
    for line in (*refused.problems, *([refused.remedy] if refused.remedy else [])):
        print(f"ecs-cd local {verb}: {line}", file=sys.stderr)
    return REFUSED_EXIT_CODE


def _up(given: Any, environ: MutableMapping[str, str], say: Say) -> int:
    options = Options(
        folder=str(Path.cwd()),
        workflow=given.positional,
        config=given.config,
        parameter=given.parameter,
        templates=given.templates,
        env_file=given.env_file,
        network_of=given.network_of,
        infra=given.infra,
        stack_parameters=infra.stack_parameters(given.stack_parameter),
        build_image=given.build_image,
        variables=_pairs(given.var, "--var"),
    )
    return up.up(options, environ, say)


def _run(given: Any, environ: MutableMapping[str, str], say: Say) -> int:
    variables = _pairs(given.var, "--var")
    options = run.Options(
        given.positional, given.event, given.event_file, given.job, variables, tuple(given.secret), given.tree
    )
    return run.run(options, environ, say)


def _pairs(texts: Sequence[str], flag: str) -> dict[str, str]:
    if any(not text.partition("=")[0] or "=" not in text for text in texts):
        raise Refused(f"{flag}: must be NAME=VALUE")
    return dict(text.split("=", 1) for text in texts)


def _push(given: Any, environ: MutableMapping[str, str], say: Say) -> int:
    return push.push(given.branch, environ, say)


def _approve(given: Any, environ: MutableMapping[str, str], say: Say) -> int:
    return approve.answer(given.positional, given.summary, "Approved", environ, say)


def _reject(given: Any, environ: MutableMapping[str, str], say: Say) -> int:
    return approve.answer(given.positional, given.summary, "Rejected", environ, say)


def _down(given: Any, environ: MutableMapping[str, str], say: Say) -> int:
    return down.down(environ, say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ecs-cd local",
        description="Your own pipeline on your machine: real containers, a local AWS, the unchanged workflow.",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="name", required=True, metavar="VERB")
    for name, (verb, summary, description, flags) in _VERBS.items():
        added = verbs.add_parser(name, help=summary, description=description, allow_abbrev=False)
        added.set_defaults(verb=verb)
        if name in _POSITIONAL:
            metavar, words = _POSITIONAL[name]
            added.add_argument("positional", nargs="?", default="", metavar=metavar, help=words)
        for flag, metavar, words in flags:
            many: dict[str, Any] = {"action": "append", "default": []} if flag in _REPEATED else {"default": ""}
            added.add_argument(flag, metavar=metavar, help=words, **many)
    return parser


_VERBS = {
    "up": (_up, "start a local AWS for this repository", _UP, (
        ("--config", "PARAMETER", "the document: an SSM parameter of your AWS account, or file:PATH; "
         "default: the one in --infra, or what the workflows name"),
        ("--parameter", "NAME", "the SSM parameter that gets the document here; default: what the workflows name"),
        ("--templates", "DIR", "where the task definitions' templates are, as DIR/bucket/key, DIR/key or "
         "DIR/family.json; default: your AWS account, if the document is from there, else ecs-cd makes them up"),
        ("--env-file", "FILE", "values of the containers' variables and secrets, NAME=VALUE, one per line"),
        ("--network-of", "CONTAINER", "a container whose Docker network the tasks join, for example your database's"),
        ("--infra", "FILE", "what the infra team declares, its CodePipeline included: the output of `terraform show "
         "-json` of what is applied, or a CloudFormation template"),
        ("--stack-parameter", "NAME=VALUE", "a parameter of the CloudFormation template, or file://FILE; "
         "may be repeated"),
        ("--build-image", "IMAGE", "the image that builds of CodeBuild run in; default: the project's own, from "
         "public.ecr.aws"),
        ("--var", "NAME=VALUE", "a variable of the workflows, vars.NAME, for this and every run; may be repeated"),
    )),
    "run": (_run, "run a workflow of this repository", _RUN, (
        ("--event", "NAME", "the event that starts it; default: push, or else the workflow's first"),
        ("--event-file", "FILE", "the event's payload, as JSON"),
        ("--job", "ID", "only this job, and the jobs that it needs"),
        ("--var", "NAME=VALUE", "a variable, vars.NAME; may be repeated"),
        ("--secret", "NAME", "a secret, secrets.NAME, with the value of this environment variable; may be repeated"),
        ("--tree", "DIR", "the folder with ecs-cd's actions; default: the checkout or release of this command, else "
         "they are fetched from GitHub"),
    )),
    "push": (_push, "start the pipelines of a branch", _PUSH, (
        ("--branch", "NAME", "the branch; default: the one that is checked out"),
    )),
    "approve": (_approve, "approve a waiting action", _APPROVE, (("--summary", "TEXT", "why"),)),
    "reject": (_reject, "reject a waiting action", _REJECT, (("--summary", "TEXT", "why"),)),
    "down": (_down, "stop the local AWS and remove it", _DOWN, ()),
}  # fmt: skip
_REPEATED = ("--var", "--secret", "--stack-parameter")
_POSITIONAL = {
    "up": ("WORKFLOW", _ONLY),
    "run": ("WORKFLOW", _WORKFLOW),
    "approve": ("ACTION", _ACTION),
    "reject": ("ACTION", _ACTION),
}
