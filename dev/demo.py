"""`make demo`: the example's own workflow, from an empty machine to the page that the service serves."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dev import machine
from dev.act import Event, Result, app_repo, run_workflow
from dev.aws import Aws, aws
from dev.base_images import base_images
from dev.database import database, refusal
from dev.engine import engine
from dev.machine import LocalError
from dev.stack import Stack, create_stack, page, running_tasks
from dev.tree import release_tree

Say = Callable[[str], None]


def main() -> int:
    """Run the demonstration; 0 if the deployment was green."""
    machine.exit_on_signals()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    try:
        return demo(say)
    except LocalError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started has been stopped.", file=sys.stderr)
        return 130
    finally:
        say("nothing is left running")


def demo(say: Say) -> int:
    """Everything that takes part, each part gone when its block ends."""
    with tempfile.TemporaryDirectory(prefix="ecs-cd-demo-") as scratch, engine() as env:
        say("a Docker engine answers")
        images = base_images(env)
        say("base images for the app and for PostgreSQL are there")
        with database(env, images.postgres) as server:
            say(f"PostgreSQL runs on a network of its own; to this host it says: {refusal(server)}")
            with aws(env, neighbour=server.container) as local_aws:
                stack = create_stack(local_aws, server, images.python)
                say("AWS is there: repository, cluster, service, templates and the SSM parameter")
                tree = release_tree(Path(scratch) / "ecs-cd")
                repo = app_repo(Path(scratch) / "my-app")
                say("the app's repository has a commit; its workflow starts")
                result = deploy(say, repo, tree, local_aws, images.python)
                return report(say, stack, result)


def deploy(say: Say, repo: Path, tree: Path, local_aws: Aws, base: str) -> Result:
    """The workflow as it would run on a push to main, its log shown as it is written."""

    def show(event: Event) -> None:
        if worth_showing(event):
            for line in event.text.splitlines() or [""]:
                say(f"  | {line}")

    return run_workflow(repo, tree, env=local_aws.env, variables={"BASE_IMAGE": base}, on_event=show)


def worth_showing(event: Event) -> bool:
    """What steps wrote, and how each step of the job went; not act's own bookkeeping."""
    if event.is_output:
        return event.data.get("command", "error") in ("error", "warning", "notice", "group")
    of_job = len(event.data.get("stepID", [])) == 1 and event.data.get("stage") == "Main"
    return "jobResult" in event.data or (of_job and "stepResult" in event.data)


def report(say: Say, stack: Stack, result: Result) -> int:
    """What came of it, from the outside: the job's colour, what runs, and the page."""
    say(f"the job is {'green' if result.green else 'RED'} after {result.seconds:.1f} s")
    for key, value in result.outputs().items():
        if value:
            say(f"output {key}: {', '.join(value.splitlines())}")
    if not result.green:
        return 1
    for task in running_tasks(stack):
        say(f"running: {', '.join(task.images.values())}")
    served = page(stack)
    say("the service serves:")
    for line in served.splitlines():
        say(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
