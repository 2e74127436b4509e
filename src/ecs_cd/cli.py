"""The command line: verbs, flags, exit codes. Inside an action the inputs come as ECS_CD_INPUTS."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd import __version__, build_push, checkout, ci, clean_up, config, deploy, images, interface, migrate
from ecs_cd.aws.session import Aws, explain
from ecs_cd.core import duration, report
from ecs_cd.core.document import Document
from ecs_cd.core.errors import Cancelled, Refused
from ecs_cd.core.schema import closest
from ecs_cd.core.verdict import DEFECT_EXIT_CODE, EXIT_CODES, REFUSED_EXIT_CODE, Outcome
from ecs_cd.job import Job, Result, together
from ecs_cd.state import State
from ecs_cd.watch import Clock


def entry() -> None:
    """The console script. Leaves at once: after a cancellation a thread may still wait for AWS."""
    code = main(sys.argv[1:], os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(argv: Sequence[str], environ: MutableMapping[str, str], *, clock: Clock = time) -> int:
    """Runs one verb; its exit code. ``environ`` loses ECS_CD_INPUTS, which can hold build secrets."""
    handed_over = environ.pop("ECS_CD_INPUTS", "")
    arguments = _arguments(argv)
    verb_name = arguments.pop("verb")
    ci_system = ci.detect(environ)
    try:
        if verb_name == "clean-up":
            clean_up.left_behind(environ, ci_system)
            return 0
        _listen_for_signals()
        verb = interface.VERBS[verb_name]
        given = {**_from_action(handed_over), **_from_flags(arguments)}
        inputs: Any = interface.read(verb.inputs, given)
        job = Job(environ, ci_system, Aws(environ, inputs.aws_region), clock, State(environ))
    except Refused as refused:
        return _refuse(refused, verb_name, ci_system)
    return _guarded(lambda: _run(verb_name, inputs, job), Step(verb_name), job)


@dataclass(frozen=True)
class Step:
    """A part of a verb as people see it; ``result`` is the output that holds its outcome."""

    title: str
    result: str = ""


BUILD = Step("Build and push")
MIGRATION = Step("Migration", "migration-result")
DEPLOYMENT = Step("Deployment", "result")


# ---- the verbs: load, prepare, execute ----


def _run(verb: str, inputs: Any, job: Job) -> int:
    document = config.load(inputs.config, job)
    commit = checkout.commit(inputs.sha, job)
    return _VERBS[verb](inputs, document, commit, job)


def _build_push(inputs: interface.BuildPush, document: Document, commit: str, job: Job) -> int:
    plan = build_push.prepare(inputs, document, commit, job)
    return _conduct(BUILD, lambda: build_push.execute(inputs, plan, job), job)


def _migrate(inputs: interface.Migrate, document: Document, commit: str, job: Job) -> int:
    names = [document.migration.image] if document.migration else []
    plan, by_name = together(
        lambda: migrate.prepare(document, job), lambda: images.resolve(names, document.images, commit, job)
    )
    return _conduct(MIGRATION, lambda: migrate.execute(inputs, plan, by_name, job), job)


def _deploy(inputs: interface.Deploy, document: Document, commit: str, job: Job) -> int:
    target = deploy.target(inputs, document)
    names = target.containers.values()
    plan, by_name = together(
        lambda: deploy.prepare(target, document.cluster, job),
        lambda: images.resolve(names, document.images, commit, job),
    )
    return _conduct(DEPLOYMENT, lambda: deploy.execute(inputs, plan, by_name, job), job)


def _pipeline(inputs: interface.Pipeline, document: Document, commit: str, job: Job) -> int:
    """Everything is checked before anything is built; each step begins when the one before is green."""
    target = deploy.target(inputs, document)
    building, migration, deployment = together(
        lambda: build_push.prepare(inputs, document, commit, job),
        lambda: migrate.prepare(document, job),
        lambda: deploy.prepare(target, document.cluster, job),
    )
    names = set(target.containers.values()) | ({migration.migration.image} if migration else set())
    by_name = images.resolve(sorted(names - {building.name}), document.images, commit, job)

    def build() -> Result:
        result = build_push.execute(inputs, building, job)
        by_name[building.name] = result.outputs["image"]
        return result

    steps: list[tuple[Step, Callable[[], Result]]] = [
        (BUILD, build),
        (MIGRATION, lambda: migrate.execute(inputs, migration, by_name, job)),
        (DEPLOYMENT, lambda: deploy.execute(inputs, deployment, by_name, job)),
    ]
    return next((code for code in (_conduct(step, execute, job) for step, execute in steps) if code), 0)


_VERBS: dict[str, Callable[[Any, Document, str, Job], int]] = {
    "pipeline": _pipeline,
    "build-push": _build_push,
    "migrate": _migrate,
    "deploy": _deploy,
}


# ---- around a verb: report, errors, signals ----


def _conduct(step: Step, execute: Callable[[], Result], job: Job) -> int:
    """Carries a step out and tells its result everywhere; its exit code."""

    def carried_out() -> int:
        started = job.clock.monotonic()
        result = execute()
        return _tell(step, result, job.clock.monotonic() - started, job)

    return _guarded(carried_out, step, job)


def _tell(step: Step, result: Result, elapsed: float, job: Job) -> int:
    verdict = result.verdict
    words = f"{verdict.outcome.words}{': ' + verdict.message if verdict.message else ''}"
    if verdict.outcome.green:
        job.ci.line(f"{step.title} {words} ({duration.words(elapsed)})")
    else:
        for finding in result.findings:
            job.ci.line(finding.cause)
            job.ci.relay(finding.evidence)
            if finding.next_step:
                job.ci.line(f"-> {finding.next_step}")
        cause = f"\nLikely cause: {result.findings[0].cause}" if result.findings else ""
        job.ci.error(f"{words}{cause}", title=step.title)
    job.ci.outputs(result.outputs)
    job.ci.summary(
        report.verb(
            step.title,
            verdict.outcome,
            verdict.message,
            elapsed=elapsed,
            facts=result.facts,
            findings=result.findings,
        )
    )
    return EXIT_CODES[verdict.outcome]


def _guarded(run: Callable[[], int], step: Step, job: Job) -> int:
    """Whatever it ends with, as an exit code and in words; what is under way is never left unsaid."""
    try:
        return run()
    except Refused as refused:
        return _refuse(refused, step.title, job.ci)
    except (ClientError, BotoCoreError) as error:
        explained = explain(error)
        if not job.state.under_way:
            return _refuse(explained, step.title, job.ci)
        message = f"{explained}\nThe outcome is unknown; what was started goes on.\n{explained.remedy}"
        return _unfinished(Outcome.UNKNOWN, message, {**job.state.under_way, "on_cancel": "leave"}, step, job)
    except Cancelled:
        for received in (signal.SIGINT, signal.SIGTERM):
            signal.signal(received, signal.SIG_IGN)  # the runner sends another; the last words come first
        return _unfinished(Outcome.CANCELLED, "cancelled", job.state.under_way, step, job)
    except Exception as error:
        job.ci.relay(traceback.format_exception(error))
        message = f"a defect of ecs-cd: {type(error).__name__}; the log has the place. Please report it."
        _unfinished(Outcome.UNKNOWN, message, {**job.state.under_way, "on_cancel": "leave"}, step, job)
        return DEFECT_EXIT_CODE


def _unfinished(outcome: Outcome, message: str, under_way: Mapping[str, Any], step: Step, job: Job) -> int:
    """No verdict: says so, then what is still running; the exit code."""
    job.ci.error(message, title=step.title)
    clean_up.settle(under_way, job.aws, job.ci)
    job.state.end()
    if step.result:
        job.ci.outputs({step.result: outcome.value})
    job.ci.summary(report.without_verdict(step.title, outcome.words, message.splitlines(), ""))
    return EXIT_CODES[outcome]


def _refuse(refused: Refused, title: str, ci_system: ci.Ci) -> int:
    ci_system.error("\n".join([*refused.problems, *([refused.remedy] if refused.remedy else [])]), title=title)
    ci_system.summary(report.without_verdict(title, "not begun", refused.problems, refused.remedy))
    return REFUSED_EXIT_CODE


def _listen_for_signals() -> None:
    def cancel(number: int, frame: object) -> None:
        raise Cancelled

    for received in (signal.SIGINT, signal.SIGTERM):
        signal.signal(received, cancel)


# ---- inputs: from the action, from flags ----


def _from_action(text: str) -> dict[str, str]:
    given = json.loads(text) if text else {}
    return {str(name): str(value) for name, value in given.items() if value}


def _from_flags(arguments: dict[str, Any]) -> dict[str, str]:
    texts = {name: "\n".join(value) if isinstance(value, list) else value for name, value in arguments.items()}
    return {name.replace("_", "-"): value for name, value in texts.items() if value is not None}


def _arguments(argv: Sequence[str]) -> dict[str, Any]:
    parser = _parser()
    known, unknown = parser.parse_known_args(argv)
    if unknown:
        flags = [f"--{name}" for name in vars(known) if name != "verb"]
        hint = closest(unknown[0].partition("=")[0], [flag.replace("_", "-") for flag in flags])
        parser.exit(REFUSED_EXIT_CODE, f"ecs-cd {known.verb}: unknown argument {unknown[0]}{hint} (see --help)\n")
    return vars(known)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ecs-cd", description="The CD pipeline to Amazon ECS.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in interface.VERBS.values():
        words = f"{verb.summary[0].upper()}{verb.summary[1:]}."
        added = verbs.add_parser(verb.name, help=verb.summary, description=words, allow_abbrev=False)
        for name, option in interface.options(verb.inputs).items():
            if not option.secret:
                _add_flag(added, name, option)
    verbs.add_parser("clean-up", help="say what a cancelled run left, and stop what it was to stop")
    return parser


def _add_flag(parser: argparse.ArgumentParser, name: str, option: interface.Option) -> None:
    default = f" Default: {option.default}." if option.default else ""
    repeated = " May be repeated." if option.many else ""
    parser.add_argument(
        f"--{name}",
        action="append" if option.many else "store",
        metavar=option.metavar,
        help=f"{option.help}{repeated}{default}".replace("%", "%%"),
    )
