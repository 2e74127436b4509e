"""The command line: verbs, flags, exit codes. Inside an action the inputs come as ECS_CD_INPUTS."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError

from ecs_cd import (
    __version__,
    build_push,
    ci,
    clean_up,
    continue_,
    deploy,
    interface,
    matrix,
    migrate,
    pipeline,
    rollback,
)
from ecs_cd.aws.session import Aws, explain
from ecs_cd.core.errors import Cancelled, Refused
from ecs_cd.core.schema import closest
from ecs_cd.core.verdict import EXIT_CODES, REFUSED_EXIT_CODE, Outcome
from ecs_cd.job import Job
from ecs_cd.state import State
from ecs_cd.step import Step, guarded, refuse
from ecs_cd.watch import Clock


def entry() -> None:
    """The console script. Leaves at once: after a cancellation a thread may still wait for AWS."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a locale without "…"
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
        aws = Aws(environ, inputs.aws_region, inputs.role_to_assume, chaining=inputs.role_chaining)
        job = Job(environ, ci_system, aws, clock, State(environ))
    except Refused as refused:
        return refuse(refused, verb_name, ci_system)
    except BotoCoreError as error:  # a profile that is not there
        return refuse(explain(error), verb_name, ci_system)
    except Cancelled:
        ci_system.error("cancelled before anything was begun", title=verb_name)
        return EXIT_CODES[Outcome.CANCELLED]
    step = Step(verb_name, next((name for name in verb.outputs if name.endswith("result")), ""))
    return guarded(lambda: _RUN[verb_name](inputs, job), step, job)


_RUN: dict[str, Callable[[Any, Job], int]] = {
    "pipeline": pipeline.run,
    "images": matrix.run,
    "build-push": build_push.run,
    "migrate": migrate.run,
    "deploy": deploy.run,
    "continue": continue_.run,
    "rollback": rollback.run,
}


def _listen_for_signals() -> None:
    def cancel(number: int, frame: object) -> None:
        raise Cancelled

    for received in (signal.SIGINT, signal.SIGTERM):
        signal.signal(received, cancel)


# ---- inputs: from the action, from flags ----


def _from_action(text: str) -> dict[str, str]:
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        raise Refused("ECS_CD_INPUTS is not JSON", "It is set by the action, as toJSON(inputs).") from None
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


def _add_flag(parser: Any, name: str, option: interface.Option) -> None:
    default = f" Default: {option.default}." if option.default else ""
    repeated = " May be repeated." if option.many else ""
    parser.add_argument(
        f"--{name}",
        action="append" if option.many else "store",
        **({"nargs": "?", "const": "true"} if option.metavar == "BOOLEAN" else {}),
        metavar=option.metavar,
        help=f"{option.help}{repeated}{default}".replace("%", "%%"),
    )
