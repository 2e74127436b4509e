"""The command line: verbs, flags, exit codes. An action passes its inputs in ECS_CD_INPUTS."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, MutableMapping, Sequence
from functools import cache, partial
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from ecs_cd import __version__
from ecs_cd.inputs import options
from ecs_cd.inputs.options import Option
from ecs_cd.inputs.rules import documents
from ecs_cd.inputs.verbs import VERBS
from ecs_cd.job import programs
from ecs_cd.model.errors import Cancelled, Refused
from ecs_cd.model.verdict import EXIT_CODES, REFUSED_EXIT_CODE, Outcome

# Verbs, and modules that only some verbs need, are imported when they run: importing all would slow every start.
if TYPE_CHECKING:
    import argparse

    from ecs_cd.aws.session import Aws
    from ecs_cd.ci import Ci
    from ecs_cd.model.clock import Clock
    from ecs_cd.model.run import Run


def entry() -> None:
    """The console script. Exits at once: after a cancellation a thread may still wait for AWS."""
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # if the caller has closed one
    sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a locale without "…"
    code = main(sys.argv[1:], os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(argv: Sequence[str], environ: MutableMapping[str, str], *, clock: Clock = time) -> int:
    """Runs one verb; its exit code. Removes ECS_CD_INPUTS from ``environ``: it can hold build secrets."""
    handed_over = environ.pop("ECS_CD_INPUTS", "")
    if argv[:1] == ["local"]:
        return _for_developers("local", "'.[local]'", argv[1:], environ)
    if argv[:1] == ["init"]:
        return _for_developers("init", ".", argv[1:])
    environ["PATH"] = programs.path(environ)  # also for what the AWS SDK starts
    arguments = _arguments(argv)
    verb_name = arguments.pop("chosen_verb")
    ci = cache(partial(_ci, verb_name, environ, clock))
    if verb_name == "clean-up":
        return _clean_up(environ, ci, clock)
    try:
        _listen_for_signals()
        given = {**_from_action(handed_over), **_from_flags(arguments)}
        code = _run(verb_name, options.read(VERBS[verb_name].inputs, given), environ, ci, clock)
    except Refused as refused:
        code = _refuse(refused, verb_name, ci())
    except Cancelled:
        code = _cancelled(verb_name, ci())
    for received in (signal.SIGINT, signal.SIGTERM):
        signal.signal(received, signal.SIG_IGN)  # the verdict is known: report it
    ci().end()
    return code


def _ci(verb: str, environ: MutableMapping[str, str], clock: Clock) -> Ci:
    from ecs_cd.ci import detect

    return detect(environ, clock, verb)


def _run(name: str, inputs: Any, environ: MutableMapping[str, str], ci: Callable[[], Ci], clock: Clock) -> int:
    """Runs a verb with these inputs. Imports its modules while AWS answers the first request."""
    from ecs_cd.ci.run import identify

    programs.check_aws_files(environ)
    this_run = identify(environ)
    aws = _aws(inputs, environ, this_run, ci, clock)
    config = getattr(inputs, "config", "")
    if config and not config.startswith("file:") and not documents.are_several(config):
        from ecs_cd.aws import ssm

        ssm.ask(aws, config)

    from ecs_cd.job.job import Job
    from ecs_cd.job.state import State
    from ecs_cd.steps.step import Step, guarded

    job = Job(environ, this_run, ci(), aws, clock, State(environ, this_run))
    run: Callable[[Any, Job], int] = import_module(f"ecs_cd.verbs.{_module(name)}").run
    if not gc.isenabled():  # the launcher disables it: objects created so far stay, so collections can skip them
        gc.freeze()
        gc.enable()
    result = next((output for output in VERBS[name].outputs if output.endswith("result")), "")
    return guarded(lambda: run(inputs, job), Step(name, result), job)


def _module(verb: str) -> str:
    """The verb's module, named after the verb as closely as Python allows."""
    name = verb.replace("-", "_")
    return f"{name}_" if iskeyword(name) else name


def _aws(inputs: Any, environ: MutableMapping[str, str], this_run: Run, ci: Callable[[], Ci], clock: Clock) -> Aws:
    """The clients. Raises ``Refused``, for example if the profile does not exist."""
    from botocore.exceptions import BotoCoreError

    from ecs_cd.aws.errors import explain
    from ecs_cd.aws.session import Aws

    signing_in: dict[str, Any] = {}
    if inputs.role_to_assume or any(place.role for place in documents.places(getattr(inputs, "config", ""))):
        from ecs_cd.ci import oidc

        token = partial(oidc.id_token, environ, clock)
        signing_in = {"chaining": inputs.role_chaining, "id_token": token, "notice": ci().notice}
    elif inputs.role_chaining:
        raise Refused("role-chaining: there is no role to assume", "Set role-to-assume, or remove role-chaining.")
    try:
        return Aws(environ, inputs.aws_region, inputs.role_to_assume, run=this_run, **signing_in)
    except BotoCoreError as error:
        raise explain(error) from error


def _clean_up(environ: MutableMapping[str, str], ci: Callable[[], Ci], clock: Clock) -> int:
    from botocore.exceptions import BotoCoreError

    from ecs_cd.aws.errors import explain
    from ecs_cd.verbs import clean_up

    try:
        programs.check_aws_files(environ)
        clean_up.run(environ, ci(), clock)
    except (Refused, BotoCoreError) as error:
        return _refuse(explain(error), "clean-up", ci())
    return 0


def _refuse(refused: Refused, verb: str, ci: Ci) -> int:
    from ecs_cd.steps.step import refuse

    return refuse(refused, verb, ci)


def _cancelled(verb: str, ci: Ci) -> int:
    from ecs_cd.report.summary import Part

    message = "cancelled before anything started"
    ci.error(message, title=verb)
    ci.summary([Part(verb, Outcome.CANCELLED, message)])
    return EXIT_CODES[Outcome.CANCELLED]


def _for_developers(name: str, what: str, *given: Any) -> int:
    """A command for a developer's machine, which a release does not include. ``what`` is what pip installs it from."""
    try:
        command = import_module(f"ecs_cd.{name}.cli").main
    except ModuleNotFoundError as missing:
        if not str(missing.name).startswith(f"ecs_cd.{name}"):
            raise
        print(f"ecs-cd {name} is not in a release: pip install {what} in a checkout of ecs-cd", file=sys.stderr)
        return REFUSED_EXIT_CODE
    except KeyboardInterrupt:  # nothing has started while modules are imported
        return EXIT_CODES[Outcome.CANCELLED]
    gc.enable()
    return int(command(*given))


def _listen_for_signals() -> None:
    def cancel(number: int, frame: object) -> None:
        raise Cancelled

    for received in (signal.SIGINT, signal.SIGTERM):
        signal.signal(received, cancel)


# ---- inputs: from the action, from flags ----


def _from_action(text: str) -> dict[str, str]:
    try:
        given = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        raise Refused("ECS_CD_INPUTS is not JSON", "The action sets it to toJSON(inputs).") from None
    return {str(name): str(value) for name, value in given.items() if value is not None}


def _from_flags(arguments: dict[str, Any]) -> dict[str, str]:
    texts = {name: "\n".join(value) if isinstance(value, list) else value for name, value in arguments.items()}
    return {name.replace("_", "-"): value for name, value in texts.items() if value is not None}


def _arguments(argv: Sequence[str]) -> dict[str, Any]:
    if len(argv) == 1 and argv[0] in VERBS:
        return {"chosen_verb": argv[0]}  # as an action calls it
    parser = _parser(argv)
    known, unknown = parser.parse_known_args(argv)
    if unknown:
        from ecs_cd.model.names import closest

        flags = [f"--{name}" for name in vars(known) if name != "chosen_verb"]
        hint = closest(unknown[0].partition("=")[0], [flag.replace("_", "-") for flag in flags])
        parser.exit(
            REFUSED_EXIT_CODE, f"ecs-cd {known.chosen_verb}: unknown argument {unknown[0]}{hint} (see --help)\n"
        )
    return vars(known)


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    import argparse

    parser = argparse.ArgumentParser(
        prog="ecs-cd", description="Build images, migrate, and deploy to Amazon ECS.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="chosen_verb", required=True, metavar="VERB")
    for verb in VERBS.values():
        words = f"{verb.summary[0].upper()}{verb.summary[1:]}."
        added = verbs.add_parser(verb.name, help=verb.summary, description=words, allow_abbrev=False)
        declared = options.options(verb.inputs) if verb.name in argv else {}  # all verbs' would slow every start
        for name, option in declared.items():
            if not option.secret:
                _add_flag(added, name, option)
    verbs.add_parser("init", help="write the document, the workflow and the app file for this repository")
    verbs.add_parser("local", help="up, run, down: your own pipeline on your own machine")
    verbs.add_parser("clean-up", help="report what a cancelled run left running, and stop it if on-cancel says so")
    return parser


def _add_flag(parser: Any, name: str, option: Option) -> None:
    default = f" Default: {option.default}." if option.default else ""
    repeated = " May be repeated." if option.many else ""
    parser.add_argument(
        f"--{name}",
        action="append" if option.many else "store",
        **({"nargs": "?", "const": "true"} if option.metavar == "BOOLEAN" else {}),
        metavar=option.metavar,
        help=f"{option.help}{repeated}{default}".replace("%", "%%"),
    )
