"""A pipeline of CodePipeline as AWS returns it: its declaration, and executions that go through a course by the clock.

pipeline = Pipeline(clock, [course.SUCCEEDS]).script(aws)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .clock import moment
from .course import SUCCEEDS, Course, Execution, execution_id, latest
from .script import Answer, Error, error
from .server import ScriptedAws, Time
from .wire import Params

NAME = "my-app-deploy"
REGION, ACCOUNT = "ap-northeast-1", "123456789012"
ARN = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:{NAME}"
CATEGORIES = {"CodeBuild": "Build", "Manual": "Approval", "ECS": "Deploy", "CodeDeployToECS": "Deploy"}


# ---- what a declaration is made of ----


def action(name: str, provider: str, **more: Any) -> Params:
    """An action of a declaration; ``configuration`` and the other members as in GetPipeline."""
    category = CATEGORIES.get(provider, "Source")
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, "runOrder": 1, "configuration": {}, **more}


def stage(name: str, *actions: Params, **more: Any) -> Params:
    return {"name": name, "actions": list(actions), **more}


def declaration(*stages: Params, variables: Sequence[str] = (), **more: Any) -> Params:
    """A V2 pipeline in the mode QUEUED. Without ``stages``: the image's push, migration, deployment by CodeBuild."""
    declared = [{"name": name, "defaultValue": "none"} for name in variables]
    return {
        "name": NAME,
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/pipeline",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": list(stages) or [SOURCE, MIGRATE, DEPLOY],
        "version": 3,
        "executionMode": "QUEUED",
        "pipelineType": "V2",
        **({"variables": declared} if declared else {}),
        **more,
    }


S3_SOURCE = action(
    "Source",
    "S3",
    configuration={"S3Bucket": "bucket", "S3ObjectKey": "hand-off.zip", "PollForSourceChanges": "false"},
    outputArtifacts=[{"name": "Source"}],
)
ECR_SOURCE = action(
    "Image", "ECR", configuration={"RepositoryName": "my-app"}, outputArtifacts=[{"name": "Image"}], namespace="Image"
)
SOURCE = stage("Source", S3_SOURCE)
MIGRATE = stage("Migrate", action("Migrate", "CodeBuild", configuration={"ProjectName": "migrate"}))
DEPLOY = stage("Deploy", action("Deploy", "CodeBuild", configuration={"ProjectName": "deploy"}))
APPROVE = stage("Approve", action("Approve", "Manual"))


# ---- the pipeline ----


@dataclass
class Pipeline:
    """CodePipeline's side. Each StartPipelineExecution begins an execution with the next of ``courses``, or the last.

    ``others`` are executions that somebody else starts, ``disabled`` the transitions into stages: who, and why.
    From ``gone_at`` on there is no such pipeline. A list has at most ``page`` entries.
    """

    clock: Time
    courses: Sequence[Course] = (SUCCEEDS,)
    declared: Params = field(default_factory=declaration)
    others: list[Execution] = field(default_factory=list)
    disabled: dict[str, tuple[str, str]] = field(default_factory=dict)
    gone_at: float = float("inf")
    page: int = 100
    started: list[Execution] = field(default_factory=list)
    tokens: dict[str, Execution] = field(default_factory=dict)
    requests: list[Params] = field(default_factory=list)  # of the executions started, in order
    _zero: float = 0.0

    def script(self, aws: ScriptedAws) -> Pipeline:
        """Answers all requests to CodePipeline."""
        self._zero = aws.start
        aws.on("codepipeline.GetPipeline", self._get)
        aws.on("codepipeline.GetPipelineState", self._state)
        aws.on("codepipeline.GetPipelineExecution", self._execution)
        aws.on("codepipeline.ListPipelineExecutions", self._executions)
        aws.on("codepipeline.ListActionExecutions", self._actions)
        aws.on("codepipeline.StartPipelineExecution", self.start)
        aws.on("codepipeline.StopPipelineExecution", self._stop)
        return self

    @property
    def now(self) -> float:
        return self.clock.monotonic() - self._zero

    @property
    def executions(self) -> list[Execution]:
        """Those that AWS knows by now, newest first."""
        known = [each for each in (*self.others, *self.started) if each.is_known(self.now)]
        return sorted(known, key=lambda each: each.at, reverse=True)

    def since(self, external_id: str) -> float:
        """Seconds since the start of the execution whose course has this build or deployment; 0 before that."""
        for each in self.executions:
            if external_id in {change.more.get("build") or change.more.get("id") for change in each.course}:
                return self.now - each.at
        return 0.0

    def declared_actions(self) -> Iterator[tuple[str, Params]]:
        for stage in self.declared["stages"]:
            for each in stage["actions"]:
                yield stage["name"], each

    def _missing(self, name: str) -> Error | None:
        if name == self.declared["name"] and self.now < self.gone_at:
            return None
        return error("PipelineNotFoundException", f"Account '{ACCOUNT}' does not have a pipeline with name '{name}'")

    def _get(self, params: Params) -> Answer:
        return self._missing(params["name"]) or {"pipeline": self.declared, "metadata": {"pipelineArn": ARN}}

    # -- start and stop --

    def start(self, params: Params) -> Answer:
        """StartPipelineExecution; the same token begins nothing new."""
        refused = self._missing(params["name"]) or self._invalid(params)
        if refused:
            return refused
        token = params.get("clientRequestToken", "")
        if token not in self.tokens:
            begun = self._begin(params)
            self.tokens[token or begun.id] = begun
            token = token or begun.id
        return {"pipelineExecutionId": self.tokens[token].id}

    def _begin(self, params: Params) -> Execution:
        defaults = {each["name"]: each.get("defaultValue", "") for each in self.declared.get("variables", ())}
        given = {each["name"]: each["value"] for each in params.get("variables", ())}
        revisions = {each["actionName"]: each["revisionValue"] for each in params.get("sourceRevisions", ())}
        sources = [each["name"] for _, each in self.declared_actions() if each["actionTypeId"]["category"] == "Source"]
        begun = Execution(
            execution_id(len(self.started) + 1),
            self.now,
            self.courses[min(len(self.started), len(self.courses) - 1)],
            defaults | given,
            dict.fromkeys(sources, "newest") | revisions,
        )
        self.started.append(begun)
        self.requests.append(params)
        return begun

    def _invalid(self, params: Params) -> Answer | None:
        """What the model allows and CodePipeline refuses."""
        declared = {each["name"]: each for each in self.declared.get("variables", ())}
        given = [each["name"] for each in params.get("variables", ())]
        unknown = [name for name in given if name not in declared]
        unset = [name for name, each in declared.items() if "defaultValue" not in each and name not in given]
        actions = {each["name"] for _, each in self.declared_actions() if each["actionTypeId"]["category"] == "Source"}
        sources = [each["actionName"] for each in params.get("sourceRevisions", ())]
        if given and self.declared["pipelineType"] != "V2":
            return error("ValidationException", "Pipeline variables are not supported for V1 pipelines")
        if unknown:
            return error("ValidationException", f"Variables are not declared in the pipeline: {unknown}")
        if unset:
            return error("ValidationException", f"Variables have no value: {unset}")
        if not actions.issuperset(sources):
            return error("ValidationException", f"Source revisions name actions that do not exist: {sources}")
        return None

    def _stop(self, params: Params) -> Answer:
        found = self._find(params["pipelineName"], params["pipelineExecutionId"])
        if not isinstance(found, Execution):
            return found
        status = found.end(self.now).status
        if status not in ("InProgress", "Stopping"):
            return error("PipelineExecutionNotStoppableException", f"The execution is {status}")
        abandon = params.get("abandon", False)
        if status == "Stopping" and (found.stopped is None or found.stopped[2] or not abandon):
            return error("DuplicatedStopRequestException")
        found.stopped = (self.now, params.get("reason", ""), abandon)
        return {"pipelineExecutionId": found.id}

    # -- reads --

    def _find(self, pipeline: str, id: str) -> Execution | Error:
        found = [each for each in self.executions if each.id == id]
        return self._missing(pipeline) or (found[0] if found else error("PipelineExecutionNotFoundException"))

    def _execution(self, params: Params) -> Answer:
        found = self._find(params["pipelineName"], params["pipelineExecutionId"])
        if not isinstance(found, Execution):
            return found
        values = [{"name": name, "resolvedValue": value} for name, value in found.variables.items()]
        revisions = [{"name": name, "revisionId": value} for name, value in found.revisions.items()]
        return {
            "pipelineExecution": {
                "pipelineName": NAME,
                "pipelineVersion": self.declared["version"],
                "artifactRevisions": revisions,
                **({"variables": values} if values else {}),
                **self._common(found),
            }
        }

    def _common(self, found: Execution) -> Params:
        end = found.end(self.now)
        return {
            "pipelineExecutionId": found.id,
            "status": end.status,
            "trigger": {"triggerType": found.trigger[0], "triggerDetail": found.trigger[1]},
            "executionMode": self.declared["executionMode"],
            "executionType": "ROLLBACK" if found.back_to else "STANDARD",
            **({"statusSummary": end.more["summary"]} if end.more.get("summary") else {}),
            **({"rollbackMetadata": {"rollbackTargetPipelineExecutionId": found.back_to}} if found.back_to else {}),
        }

    def _executions(self, params: Params) -> Answer:
        return self._missing(params["pipelineName"]) or self._paged(
            "pipelineExecutionSummaries", [self._summary(each) for each in self.executions], params
        )

    def _summary(self, found: Execution) -> Params:
        changes, reason = found.so_far(self.now), found.end(self.now).more.get("reason")
        return {
            **self._common(found),
            "startTime": moment(found.at),
            "lastUpdateTime": moment(found.at + (changes[-1].seconds if changes else 0)),
            "sourceRevisions": [{"actionName": name, "revisionId": value} for name, value in found.revisions.items()],
            **({"stopTrigger": {"reason": reason}} if reason else {}),
        }

    def _actions(self, params: Params) -> Answer:
        """Newest first; ``latestInPipelineExecution`` with ``Latest``: the last try of each action."""
        chosen = params.get("filter", {})
        latest = chosen.get("latestInPipelineExecution", {})
        id = chosen.get("pipelineExecutionId") or latest.get("pipelineExecutionId")
        known = self._find(params["pipelineName"], id) if id else None
        if known is not None and not isinstance(known, Execution):
            return known
        found = [each for one in ([known] if known else self.executions) for each in one.actions(self.now)]
        if latest.get("startTimeRange") == "Latest":
            found = list({(each["stageName"], each["actionName"]): each for each in found}.values())
        found = [each | {"input": self._input(each)} for each in reversed(found)]
        return self._paged("actionExecutionDetails", found, params)

    def _input(self, entry: Params) -> Params:
        declared = {(stage, each["name"]): each for stage, each in self.declared_actions()}
        each = declared[entry["stageName"], entry["actionName"]]
        return {
            "actionTypeId": each["actionTypeId"],
            "configuration": each["configuration"],
            "resolvedConfiguration": each["configuration"],
            "region": REGION,
            "inputArtifacts": [],
        }

    def _paged(self, member: str, entries: Sequence[Params], params: Params) -> Answer:
        start, size = params.get("nextToken", "0"), min(self.page, params.get("maxResults", 100))
        if not start.isdigit():
            return error("InvalidNextTokenException")
        end = int(start) + size
        more = {"nextToken": str(end)} if end < len(entries) else {}
        return {member: list(entries[int(start) : end]), **more}

    def _state(self, params: Params) -> Answer:
        """About each stage's newest execution, whosever it is."""
        return self._missing(params["name"]) or {
            "pipelineName": NAME,
            "pipelineVersion": self.declared["version"],
            "stageStates": [self._stage(each) for each in self.declared["stages"]],
        }

    def _stage(self, declared: Params) -> Params:
        name = declared["name"]
        by, why = self.disabled.get(name, ("", ""))
        disabled = {"lastChangedBy": by, "lastChangedAt": moment(), "disabledReason": why} if by else {}
        inbound = [
            {"pipelineExecutionId": each.id, "status": "InProgress", "type": "STANDARD"}
            for each in self.executions
            if each.inbound(self.now) == name
        ]
        there = [each for each in self.executions if any(a["stageName"] == name for a in each.actions(self.now))]
        entries = [a for a in there[0].actions(self.now) if a["stageName"] == name] if there else []
        return {
            "stageName": name,
            "inboundTransitionState": {"enabled": not by, **disabled},
            "actionStates": [self._action_state(each["name"], entries, there) for each in declared["actions"]],
            **({"inboundExecution": inbound[0], "inboundExecutions": inbound} if inbound else {}),
            **({"latestExecution": self._stage_execution(there[0], declared, entries)} if there else {}),
        }

    def _stage_execution(self, found: Execution, declared: Params, entries: Sequence[Params]) -> Params:
        """Its status: that of its actions, and Stopped with its execution."""
        last = {each["actionName"]: each["status"] for each in entries}
        over = len(last) == len(declared["actions"]) and set(last.values()) == {"Succeeded"}
        status = "Failed" if "Failed" in last.values() else "Succeeded" if over else found.end(self.now).status
        status = status if status in ("Failed", "Succeeded", "Stopping", "Stopped", "Cancelled") else "InProgress"
        kind = "ROLLBACK" if found.back_to else "STANDARD"
        return {"pipelineExecutionId": found.id, "status": status, "type": kind}

    def _action_state(self, name: str, entries: Sequence[Params], there: Sequence[Execution]) -> Params:
        mine = [each for each in entries if each["actionName"] == name]
        if not mine:
            return {"actionName": name}
        last = latest(there[0].so_far(self.now))[f"{mine[-1]['stageName']}/{name}"]
        result: Params = dict(mine[-1]["output"]["executionResult"])
        found = {
            "actionExecutionId": mine[-1]["actionExecutionId"],
            "status": mine[-1]["status"],
            "lastStatusChange": mine[-1]["lastUpdateTime"],
            "lastUpdatedBy": mine[-1]["updatedBy"],
            "summary": result.pop("externalExecutionSummary", ""),
            "token": last.more.get("token") if last.status == "InProgress" else None,
            **result,
        }
        return {"actionName": name, "latestExecution": {key: value for key, value in found.items() if value}}
