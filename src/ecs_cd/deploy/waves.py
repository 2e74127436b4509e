"""Several documents, deployed in waves: the next wave starts once the one before has succeeded. One result for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import sts
from ecs_cd.aws.errors import explain
from ecs_cd.deploy import go_back, release
from ecs_cd.deploy.follow import FAILURES
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.release import Deploying, Release
from ecs_cd.deploy.rules import waves
from ecs_cd.deploy.rules.waves import Where
from ecs_cd.inputs.rules.documents import Place
from ecs_cd.job import parts
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.model.errors import OutcomeUnknown, Refused, combined
from ecs_cd.model.references import account_of, short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.report.timeline import Deployed
from ecs_cd.tasks.rules.revisions import running

_ERRORS = (Refused, ClientError, BotoCoreError, OutcomeUnknown)
_CAUSES = 20  # that are reported, with their evidence
_BY_NAME = ("services", "images")  # outputs that are JSON objects


@dataclass(frozen=True, eq=False)
class Named:
    """A document of the run: its name in the log and in outputs, where it is, and its part of the job."""

    name: str
    where: Where
    job: Job


@dataclass(frozen=True)
class Planned:
    """A document that is ready to be deployed. ``images`` are those of its names, ``repository@sha256:...``."""

    document: Named
    release: Release
    images: Mapping[str, str]


# ---- before anything changes ----


def documents(places: Sequence[Place], job: Job) -> list[Named]:
    """The documents with their names. Raises ``Refused`` if one is in another account than its credentials."""
    clients = [job.aws.elsewhere(place.region, place.role) for place in places]
    asked = [each for place, each in zip(places, clients, strict=True) if account_of(place.source) and not each.roles]
    own = sts.caller(asked[0])[0] if asked else ""  # the account of the job's credentials
    wheres = [
        Where(place.source, each.region, account_of(each.roles[-1]) if each.roles else own)
        for place, each in zip(places, clients, strict=True)
    ]
    wrong = [f"config: {where.source}: {why}" for where in wheres if (why := waves.misplaced(where))]
    if wrong:
        raise Refused(wrong, "Add `role=` to the line, with the ARN of a role in the document's account.")
    names = waves.names(wheres)
    made = parts.of(job, dict(zip(names, clients, strict=True)))
    return [Named(*each) for each in zip(names, wheres, made, strict=True)]


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Errors in the block name the document. AWS's become ``Refused``."""
    try:
        yield
    except (Refused, ClientError, BotoCoreError) as error:
        refused = explain(error)
        raise Refused([f"{name}: {problem}" for problem in refused.problems], refused.remedy) from error


def check_cluster(cluster: str, where: Where) -> None:
    """Raises ``Refused`` if the document's cluster is in another region or account."""
    if why := waves.cluster_elsewhere(cluster, where):
        raise Refused(why, "Correct the document, or the region and the role in its line of config.")


def check(planned: Sequence[Planned], job: Job) -> None:
    """Raises ``Refused`` if two documents deploy the same service. Warns of an image that is not the same in all."""
    services = {each.document.name: [_arn(plan) for plan in each.release.plans] for each in planned}
    if twice := list(waves.deployed_twice(services)):
        raise Refused(twice, "One deployment would replace the other: remove one of the lines of config.")
    for words in waves.different_digests({each.document.name: each.images for each in planned}):
        job.ci.warning(f"the documents don't deploy the same image: {words}. Replication gives each region the same.")


def _arn(plan: DeploymentPlan) -> str:
    return str(plan.service["serviceArn"])


# ---- deploy ----


@dataclass
class _Document:
    """A document's deployment. ``failure`` is what on-failure applies to."""

    planned: Planned
    deployment: Deploying
    failure: Verdict | None = None
    error: Refused | None = None
    settled: bool = field(default=False)

    @property
    def name(self) -> str:
        return self.planned.document.name

    def refuse_early(self) -> None:
        """Raises ``Refused``, with the document's name, for what can be known before the first wave."""
        with naming(self.name):
            self.deployment.refuse_early()

    def deploy(self) -> None:
        """Deploys it; if the other documents do not matter for it, to the end."""
        self._do(self.deployment.deploy)
        verdict, alone = self.deployment.verdict, self.planned.release.policy.on_failure == "report"
        self.failure = verdict if verdict.outcome in FAILURES else None
        if self.failure or alone:
            self.settle()
        if alone:
            self.finish()

    def settle(self, why: str = "") -> None:
        """Goes back if it must, once. ``why``: the failure of another document."""
        if not self.settled:
            self.settled = True
            self._do(lambda: self.deployment.settle(why))

    def finish(self) -> None:
        """After a success that stays: the scheduled tasks, and old revisions."""
        self._do(self.deployment.finish)

    def _do(self, step: Callable[[], None]) -> None:
        """An error ends this document's deployment, and not the others'."""
        job = self.planned.document.job
        try:
            step()
        except _ERRORS as error:
            self.error = explain(error)
            under_way = bool(job.state.under_way)
            verdict = Verdict(Outcome.UNKNOWN if under_way else Outcome.FAILED, self.error.sentence)
            self.deployment.cut_short(verdict)
            job.ci.line(f"{verdict.outcome.words}: {verdict.message}", alarming=True)


def execute(planned: Sequence[Planned], size: int, job: Job) -> Result:
    """Deploys the documents, ``size`` at a time, until one does not succeed. With on-failure: rollback, all documents
    go back after a failure, the last wave first.

    Raises ``Refused`` if a conflict can't be waited for, or none of the first wave can be started: then nothing was.
    """
    try:
        with ExitStack() as stack:
            documents = [
                _Document(each, stack.enter_context(release.deploying(each.release, each.images, each.document.job)))
                for each in planned
            ]
            with _stopped_early(planned):
                concurrently(*(each.refuse_early for each in documents))
                begun = _deploy(waves.in_waves(documents, size), job)
                _settle(begun, job)
                results = _results(documents, [each for wave in begun for each in wave])
    except BaseException:
        for each in planned:
            job.summary.leave(_named(row, each.document.name) for row in each.document.job.summary.unfinished)
        raise
    numbers = {each.name: number for number, wave in enumerate(waves.in_waves(documents, size), 1) for each in wave}
    return merged(results, numbers)


@contextmanager
def _stopped_early(planned: Sequence[Planned]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        parts.stop(each.document.job for each in planned)
        raise


def _deploy(in_waves: Sequence[Sequence[_Document]], job: Job) -> list[Sequence[_Document]]:
    """The waves that were started; the last one may have failed."""
    begun: list[Sequence[_Document]] = []
    for number, wave in enumerate(in_waves, 1):
        job.ci.line(f"wave {number} of {len(in_waves)}: {', '.join(each.name for each in wave)}")
        begun.append(wave)
        _at_once([each.deploy for each in wave])
        if number == 1 and all(each.error and not each.planned.document.job.state.under_way for each in wave):
            raise combined(
                Refused([f"{each.name}: {problem}" for problem in each.error.problems], each.error.remedy)
                for each in wave
                if each.error
            )
        if not all(each.deployment.verdict.outcome.green for each in wave):
            break
    return begun


def _settle(begun: Sequence[Sequence[_Document]], job: Job) -> None:
    """Takes all documents to where they stay: back if on-failure says so, or to the end of what a success brings."""
    documents = [each for wave in begun for each in wave]
    if documents[0].planned.release.policy.on_failure == "report":
        return  # each has done so
    failed = [f"{each.name} {each.failure.outcome.words}" for each in documents if each.failure]
    if not failed:
        for each in documents:
            each.settle()
            each.finish()
        return
    why = go_back.in_short(failed)
    if any(not each.settled for each in documents):
        job.ci.line("all documents go back (on-failure: rollback), the last wave first")
    for wave in reversed(begun):
        _at_once([lambda each=each: each.settle(why) for each in wave])  # type: ignore[misc]


def _at_once(calls: Sequence[Callable[[], None]]) -> None:
    """Makes the calls at the same time, all of them. Waits for them, but not after a cancellation."""
    if len(calls) == 1:
        calls[0]()
        return
    pool = ThreadPoolExecutor(max_workers=len(calls))
    try:
        for future in [pool.submit(call) for call in calls]:
            future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


# ---- the result ----


def _results(documents: Sequence[_Document], begun: Sequence[_Document]) -> dict[str, Result]:
    red = next((each.name for each in begun if not each.deployment.verdict.outcome.green), "")
    return {
        each.name: each.deployment.end() if each.deployment.group else _without_deployment(each, red, begun)
        for each in documents
    }


def _without_deployment(document: _Document, red: str, begun: Sequence[_Document]) -> Result:
    """The result of a document of a later wave, or whose deployment could not be requested."""
    plans, job = document.planned.release.plans, document.planned.document.job
    if document in begun:
        verdict = document.deployment.verdict
    else:
        keeps = ", ".join(short(str(running(plan.service))) for plan in plans)
        verdict = Verdict(Outcome.SKIPPED, f"not started, because {red} did not succeed; it keeps {keeps}")
    outcome = verdict.outcome
    services: dict[str, object] = {
        plan.target.key: {"result": outcome.value, "task-definition-arn": "", "deployment-id": "", "images": {}}
        for plan in plans
    }
    rows = [
        Deployed(
            plan.target.key,
            outcome,
            short(str(running(plan.service) or "")),
            links={"service": job.aws.console().service(plan.cluster, plan.name)},
        )
        for plan in plans
    ]
    return Result(verdict, {"services": json.dumps(services)}, services=rows)


def merged(results: Mapping[str, Result], waves_of: Mapping[str, int]) -> Result:
    """One result of several documents: what belongs to a document begins with its name."""
    verdict = release.in_few_words({name: each.verdict for name, each in results.items()}, "documents")
    findings = [
        replace(finding, cause=f"{name}: {finding.cause}")
        for name, each in results.items()
        for finding in each.findings
    ]
    texts = {f"{name}/{title}": text for name, each in results.items() for title, text in each.texts.items()}
    services = [_named(row, name, waves_of.get(name, 0)) for name, each in results.items() for row in each.services]
    outputs = {**_outputs(results), "result": verdict.outcome.value}
    return Result(verdict, outputs, findings=findings[:_CAUSES], texts=texts, services=services)


def _outputs(results: Mapping[str, Result]) -> dict[str, str]:
    """JSON by document and name, and anything else one per line."""
    lines: dict[str, list[str]] = {}
    objects: dict[str, dict[str, object]] = {}
    for name, each in results.items():
        for output, text in each.outputs.items():
            if output in _BY_NAME:
                entries = {f"{name}/{key}": value for key, value in json.loads(text).items()}
                objects.setdefault(output, {}).update(entries)
            else:
                lines.setdefault(output, []).extend(text.splitlines())
    found = {output: "\n".join(dict.fromkeys(each)) for output, each in lines.items()}
    return found | {output: json.dumps(each, sort_keys=True) for output, each in objects.items()}


def _named(row: Deployed, name: str, wave: int = 0) -> Deployed:
    return replace(row, service=f"{name}/{row.service}", wave=wave)
