"""What others did before our run, and what they do meanwhile."""

from __future__ import annotations

from functools import partial

from tests.scripted_aws import Params, ecs

from .answers import REPOSITORY, Answers
from .rolling import Rolling
from .scenario import Event, Scenario
from .world import ECS, FAMILY, OTHER, Course

_HEALTHY = Course()


def set_up(world: Rolling, answers: Answers, scenario: Scenario) -> None:
    """Brings the world to the start of our run, and what others do into its queue."""
    world.courses = partial(_course, world, answers, scenario)
    world.register(_definition(f"sha256:{'0' * 64}"))
    world.already_runs(1)
    world.changed()
    for seconds, digit in _BEFORE[scenario.before]:
        world.advance(seconds)
        world.update(OTHER, world.register(_definition(f"sha256:{digit * 64}")))
    world.advance(0)
    for event in scenario.events:
        action = partial(_act, world, event)
        if event.when == "start":
            world.after(event.after, action)
        else:
            world.when.setdefault(event.when, []).append((event.after, action))


# When somebody deployed the image whose digest is made of this digit: "a" is ours.
_BEFORE: dict[str, list[tuple[float, str]]] = {
    "well": [],
    "under way": [(-4, "1")],
    "crash loop": [(-120, "1")],
    "failed": [(-120, "1")],
    "ours": [(-280, "a")],
    "ours under way": [(-3, "a")],
    "ours paused": [(-60, "a")],
}


def _course(world: Rolling, answers: Answers, scenario: Scenario, revision: int, by: str) -> Course:
    if world.now < -250:
        return _HEALTHY
    if by == ECS or revision == 1:
        return scenario.back
    if answers.is_asked(revision):
        return scenario.ours
    if world.now < -100:
        return Course(deaths=1000, dies="later" if scenario.before == "crash loop" else "at start")
    return scenario.theirs


def _definition(digest: str) -> Params:
    told = ecs.task_definition(FAMILY)
    [container] = told["containerDefinitions"]
    keys = ("networkMode", "requiresCompatibilities", "cpu", "memory", "volumes", "placementConstraints")
    return {key: told[key] for key in keys} | {
        "containerDefinitions": [
            {**container, "image": f"{REPOSITORY}@{digest}", "portMappings": [{"containerPort": 80, "protocol": "tcp"}]}
        ]
    }


def _act(world: Rolling, event: Event) -> None:
    if world.status != "ACTIVE":
        return
    match event.action:
        case "deploys":
            world.update(OTHER, world.register(_definition(f"sha256:{len(world.revisions):064x}")))
        case "deploys ours again":
            asked = [number for number, told in world.revisions.items() if ecs.DIGEST in str(told)]
            world.update(OTHER, asked[-1] if asked else None, force=True)
        case "forces":
            world.forced(OTHER)
        case "scales to 0":
            world.scale(0)
        case "scales":
            world.scale(world.desired + 1)
        case "deletes":
            world.delete()
        case kind:
            world.trouble(kind)
