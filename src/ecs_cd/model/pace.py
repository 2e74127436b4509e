"""Every wait, interval and call budget, with its reason. Times are in seconds."""

from __future__ import annotations

# ---- following deployments ----

LOOK_EVERY = 2.0  # between two polls of deployments, and two attempts to start one
FIRST_LOOK = 1.5  # from UpdateService to the first poll: its response says as much as an earlier poll would
LOOK_CALLS = 12  # AWS calls per poll, evidence included; reads of the deployments themselves are never skipped
CONFLICT_FRESH = 5.0  # how long a DescribeServices counts as made just before UpdateService
STATUS_EVERY = 5.0  # between two ListServiceDeployments for the same service, if there are several services
ABSENT = 60.0  # how long ECS must not list a service or a deployment until that means something: lists lag
ABSENT_AT_FIRST = 10.0  # the same before anything is started: a misspelt name is to be reported soon
ROLLBACK_RUNS = 60.0  # how soon a task must run once a rollback has ended
ROLLBACK_BEGINS = 60.0  # from FAILED until ECS must have started a rollback; it takes a few seconds

# ---- ECS's own blue/green ----

LISTED_SOON = 20.0  # how soon ECS mostly lists a service deployment that UpdateService started
LISTED_WITHIN = 300.0  # how soon ECS must list it; 75 seconds have been seen
RESUMED_WITHIN = 30  # how soon ECS shows that a pause has ended
OVER_PER_LOOK = 70  # ended deployments per poll whose services are read as well; the next poll reads the rest
LISTED_REVISIONS = 15  # of a service's history, that `rollback` lists: each costs up to three calls
COMMIT_REVISIONS = 50  # of a service's history, to search for a commit
HISTORY = 200  # the newest service deployments to read for a rollback, twenty per call
NEWEST_LISTED = 20  # service deployments to search for our own; an older one was deployed long ago

# ---- CodeDeploy ----

CODEDEPLOY_ROLLBACK_BEGINS = 60.0  # from the end until CodeDeploy names the rollback deployment, if there is one
CODEDEPLOY_ROLLBACK_MAY_BEGIN = 10.0  # the same if the stop request may have asked for a rollback
LONGEST_WAIT_BUDGET = 6 * 3600.0  # for a deployment with its own waits: the limit of the official action
TARGETS_SHARE = 5  # each poll reads the lifecycle events of one in this many deployments, in rotation

# ---- pipelines ----

EXECUTION_EVERY = 5.0  # between two polls of a pipeline's execution, of two calls each: 24 a minute
EXECUTION_SOON = 1.0  # the same right after a change: a source or a failing build takes only seconds
EXECUTION_CONFIRMED = 1.0  # until a Failed counts: a person may just have retried the stage
FAILED_EVERY = 10.0  # between two polls while a Failed may not be final, of up to four calls each
EXECUTION_LISTED = 60.0  # how soon CodePipeline must know an execution that it has started
ACTIONS_LISTED = 10.0  # how soon CodePipeline must list the last actions of an execution that has ended
RETRY_BEGINS = 30.0  # how soon a pipeline retries a stage by itself
PIPELINE_ROLLBACK_BEGINS = 60.0  # how soon a pipeline starts the rollback of a stage
EVENT_STARTS = 180.0  # from the push until EventBridge must have started an execution
START_PAUSE = 15.0  # before another attempt to start while the pipeline refuses one more execution
EXECUTIONS_COMPARED = 5  # executions in progress that are compared with ours before the start
COMMIT_KNOWN = 60.0  # how soon an execution shows its commit: its source action has to end first
STATUS_CHANGES = 5  # how often a status is posted again because the execution has gone on meanwhile
BUILD_LOG_PAGES = 4  # of a failed build's log, from its end
BUILD_LOG_LINES = 100  # per page: ecs-cd's own verdict comes before CodeBuild's last lines

# ---- digests ----

DIGESTS_PER_LOOK = 50  # services; each costs one ListTasks
DIGESTS_EVERY = 1.0  # between two checks of the running digests, at first; then as often as deployments are polled
DIGESTS_OFTEN = 10.0  # how long at first
DIGESTS_LATE = 60.0  # how far ListTasks may lag behind the end of a deployment
DIGESTS_WAIT = 300.0  # how soon the running tasks must become readable

# ---- evidence ----

TAILS_PER_CAUSE = 2  # logs per cause: tasks that died the same way log the same
TAIL_PAGES = 2  # calls per log while the deployment is followed
LAST_EVIDENCE_CALLS = 24  # per failed service, at the end
MOST_STOPPED_TASKS = 200  # per deployment: the circuit breaker's threshold is at most 200
LATE_LOG = 1.0  # until an empty log is read again
STALLED = 180.0  # without any change, after which ecs-cd searches for stopped tasks
STALLED_EVERY = 30.0  # between two such searches

# ---- scheduled tasks ----

RETARGET_WAITS = (0, 1, 2, 4)  # before each attempt

# ---- tasks ----

DESCRIBED_WITHIN = 60.0  # how soon ECS describes a task that it lists
EARLIER_LISTED_WITHIN = 20.0  # how soon ECS lists a task that an earlier attempt may just have started
LOG_EVERY = 0.2  # between two reads of a stopped task's remaining log
LONGEST_DRAIN = 15.0  # for a stopped task's remaining log

# ---- images ----

PUSH_PAUSES = (2, 5)  # before an interrupted push is retried
PULL_PAUSES = (10, 30)  # before a throttled pull is retried
PUSHED_LOOKS = (0, 1, 2)  # before each check for the image just pushed
SCAN_TIMEOUT = 900.0  # for ECR's findings: enhanced scanning takes minutes when many images arrive
SCAN_BEGINS = 20.0  # how soon a scan on push must have started

# ---- calls ----

CALLS_AT_ONCE = 8  # threads for calls that don't depend on each other
MUTATION_ATTEMPTS = 6  # with 1, 2, ... 5 seconds between them
CONNECTION_HEAD_START = 0.05  # for the first connection before other modules are imported
REGISTRY_TIMEOUT = 20  # for a request to the registry of ECR Public
OIDC_ATTEMPTS = 3  # to get a token from GitHub
OIDC_TIMEOUT = 5.0  # for each wait for GitHub's token, and for the whole response
GITHUB_TIMEOUT = 3.0  # for each wait for GitHub's API within a call
GITHUB_PAUSE = 0.5  # before a retry after a transient error of GitHub's API
GITHUB_PAUSES = (1.0, 2.0, 5.0, 10.0)  # the same, if nothing else waits for GitHub
GITHUB_PATIENCE = 60.0  # for a status, and again for a comment, if nothing else waits for GitHub
GITHUB_WAIT = 6.0  # for GitHub before the deployment starts, and again after it ends
GITHUB_WAIT_CANCELLED = 2.0  # after SIGINT: the runner leaves 7.5 seconds, and ECS comes first
ATTESTATION_TIMEOUT = 30.0  # for gh, which asks GitHub for an image's attestations and verifies them
ATTESTATION_PAUSES = (1.0, 4.0)  # before each retry after a transient error

# ---- locks ----

LOCK_FRESH = 15.0  # how old a read of the lock may be right before a change; an older one is repeated
LOCK_ATTEMPTS = 5  # to take a lock that others take and give back at the same time

# ---- clean-up ----

CLEAN_UP_LOOKS = 4  # for a task that ListTasks may show late, one per second: the runner leaves ten seconds
