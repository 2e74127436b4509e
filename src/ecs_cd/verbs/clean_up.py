"""clean-up: reports what killed processes of this job left running, and stops it if on-cancel says so."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ecs_cd.aws.session import Aws
from ecs_cd.ci import Ci, oidc
from ecs_cd.ci.run import identify
from ecs_cd.job import state
from ecs_cd.model.clock import Clock
from ecs_cd.steps import unfinished


def run(environ: Mapping[str, str], ci: Ci, clock: Clock) -> None:
    """Reports or stops what killed processes of this job left, once."""
    run = identify(environ)
    for path, under_way in state.left_behind(environ, run):
        token, sign_in = partial(oidc.id_token, environ, clock), under_way.get("sign_in", {})
        aws = Aws(environ, str(under_way.get("region", "")), **sign_in, run=run, id_token=token, notice=ci.notice)
        if unfinished.report_or_stop(under_way, aws, ci, clock):
            path.unlink(missing_ok=True)
