"""Cancelled while running: the log names what is still running, and ecs-cd stops it only on request.

Both ways in which a runner ends a step: SIGINT to the process itself, as GitHub does, and SIGINT to act, which
kills the process outright; then a later step of the job reads the state file.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from dev.workflows import Result, Run
from tests.e2e.conftest import World
from tests.e2e.shop import Shop
from tests.e2e.test_images import processes

pytestmark = pytest.mark.e2e
MakeWorld = Callable[..., World]

SLOW = ["python3", "-c", "import time; print('locking the table', flush=True); time.sleep(120)"]


def step_process(run: Run) -> None:
    run.interrupt_step(signal.SIGINT)


def runner(run: Run) -> None:
    run.interrupt()


HOW = pytest.mark.parametrize("interrupt", [step_process, runner])


def cancel(world: World, at: str, interrupt: Callable[[Run], None]) -> Result:
    """Starts the workflow and interrupts it as soon as the log says ``at``."""
    with world.start() as run:
        run.wait_for(at)
        interrupt(run)
        return run.wait(60)


@HOW
def test_a_cancelled_migration_is_left_running_and_named(
    make_world: MakeWorld, interrupt: Callable[[Run], None]
) -> None:
    """Killing a migration halfway is never the default; the log says how to stop it."""
    world = make_world(migration_command=SLOW)
    result = cancel(world, "locking the table", interrupt)
    assert not result.green
    if interrupt is step_process:  # the other one leaves a process no time for outputs
        assert result.outputs()["migration-result"] == "cancelled"
    (task,) = world.migrations()
    assert task["lastStatus"] == "RUNNING"
    assert any(f"the migration continues as task {task['taskArn']}" in text for text in result.annotations("warning"))
    assert "aws ecs stop-task" in result.log
    assert "Directory listing" in world.page(), "the service is untouched"


@HOW
def test_a_cancelled_migration_is_stopped_if_asked_to(make_world: MakeWorld, interrupt: Callable[[Run], None]) -> None:
    """`on-cancel: stop`."""
    world = make_world(migration_command=SLOW)
    workflow = world.repo / ".github/workflows/deploy.yml"
    config = "          config: /ecs-cd"
    workflow.write_text(workflow.read_text().replace(config, f"          on-cancel: stop\n{config}"))
    world.change("app.py", "Hello", "Good day")
    result = cancel(world, "locking the table", interrupt)
    assert not result.green
    assert any("is being stopped (on-cancel: stop)" in text for text in result.annotations("warning"))
    wait_until(lambda: world.migrations()[0]["lastStatus"] == "STOPPED")


@HOW
def test_a_cancelled_deployment_is_left_to_ecs_and_named(shop: Shop, interrupt: Callable[[Run], None]) -> None:
    """ECS continues; the log says with which deployment."""
    result = cancel_deployment(shop, interrupt)
    assert not result.green
    if interrupt is step_process:
        assert result.outputs()["result"] == "cancelled"
    said = [text for text in result.annotations("warning") if text.startswith("deployment ecs-svc/")]
    assert len(said) == 1, result.log
    assert f"of service web to {shop.family('web')}:2" in said[0]
    wait_until(lambda: shop.running() == {(f"{shop.family('web')}:2", shop.images["two"])})
    assert shop.page() == "two"


@HOW
def test_a_cancelled_deployment_is_taken_back_if_asked_to(shop: Shop, interrupt: Callable[[Run], None]) -> None:
    """`on-cancel: stop`: the service goes back to what it ran before."""
    result = cancel_deployment(shop, interrupt, on_cancel="stop")
    assert not result.green
    first = f"{shop.family('web')}:1"
    said = result.annotations("warning")
    assert any(f"service web goes back to {first} (on-cancel: stop)" in text for text in said), result.log
    wait_until(lambda: shop.running() == {(first, shop.images["one"])})
    assert shop.page() == "one"


def cancel_deployment(shop: Shop, interrupt: Callable[[Run], None], **inputs: str) -> Result:
    """Interrupts it as soon as it has started."""
    shop.commit("two")
    with shop.start(service="web", **inputs) as run:
        run.wait_for("web: deployment ecs-svc/")
        interrupt(run)
        return run.wait(60)


def test_a_cancelled_build_ends_its_child_and_leaves_no_login(world: World) -> None:
    """buildx is ended with us, and the Docker configuration with ECR's token is removed."""
    dockerfile = world.repo / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "RUN sleep 60\n")
    world.change("app.py", "Hello", "Good day")
    with world.start() as run:
        run.wait_for("RUN sleep 60")
        assert _builds(world)
        run.interrupt_step(signal.SIGINT)
        result = run.wait(60)
        temp = run.runner_temp()
        left = list(temp.glob("ecs-cd/docker-*")) if temp else []
    assert not result.green
    assert not left
    assert not _builds(world)


def wait_until(true: Callable[[], bool]) -> None:
    """Waits at most half a minute for a condition."""
    give_up = time.monotonic() + 30
    while not true():
        assert time.monotonic() < give_up, "it did not come"
        time.sleep(0.2)


def _builds(world: World) -> list[str]:
    """The processes of buildx for this world: other tests build as well."""
    return [line for line in processes(world.aws.registry) if "buildx build" in line]
