"""The `if` of a new job: that of the old jobs, and the way in which the workflow must start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ecs_cd.init.rules.expressions import condition as evaluated
from ecs_cd.init.rules.scenarios import Scenario, condition
from ecs_cd.init.rules.scope import Scope, Snapshot


@dataclass(frozen=True)
class Conditions:
    """The `if`s of each job that deploys, and the scenarios in which they do, of all."""

    jobs: tuple[tuple[str, ...], ...] = ()
    ways: tuple[Scenario, ...] = ()
    everything: tuple[Scenario, ...] = ()

    def text(self, usable: Callable[[str], bool], lost: Callable[[str], None]) -> str:
        """The whole `if`. ``usable`` says whether the new workflow can have a text; ``lost`` gets the others."""
        kept = []
        for texts in self.jobs:
            mine = []
            for text in dict.fromkeys(texts):
                if usable(text):
                    mine.append(text)
                elif text not in ("success()", "always()"):
                    lost(text)
            kept.append(tuple(mine))
        distinct = list(dict.fromkeys(kept))
        own = list(distinct[0]) if len(distinct) == 1 else []
        if len(distinct) > 1 and all(distinct):
            own = [" || ".join(_all(list(each), " && ") for each in distinct)]
        chosen = condition(list(self.ways), list(self.everything))
        if chosen and not any(self._distinguishes(text) for text in own):
            own.append(chosen)
        return _all(own, " && ")

    @property
    def various(self) -> bool:
        """Whether the jobs deploy under different conditions."""
        return len(set(self.jobs)) > 1

    def _distinguishes(self, text: str) -> bool:
        """Whether an `if` holds in these scenarios and in no other."""
        for each in self.everything:
            scope = Scope(Snapshot(""), "", each.github, contexts={"inputs": dict(each.inputs)})
            if evaluated(text, scope.lookup) is not (each in self.ways):
                return False
        return True


def _all(texts: list[str], operator: str) -> str:
    if len(texts) == 1:
        return texts[0]
    return operator.join(f"({text})" if "||" in text else text for text in texts)
