"""Every wait, interval and call budget, with its reason. Times are in seconds."""

from __future__ import annotations

# ---- following deployments ----

LOOK_EVERY = 2.0  # between two looks at deployments, and two attempts to begin one
FIRST_LOOK = 1.5  # from UpdateService to the first look: its response says as much as an earlier look would
LOOK_CALLS = 12  # AWS calls per look, evidence included; reading the deployments themselves is never skipped
CONFLICT_FRESH = 5.0  # for which a DescribeServices counts as one just before UpdateService
STATUS_EVERY = 5.0  # between two ListServiceDeployments for the same one of several services
ROLLBACK_BEGINS = 60.0  # from FAILED until ECS must have begun a rollback; it takes a few seconds

# ---- ECS's own blue/green ----

LISTED_WITHIN = 60.0  # in which ECS lists a service deployment that UpdateService began
RESUMED_WITHIN = 30  # in which ECS shows that a pause has ended
OVER_PER_LOOK = 70  # ended deployments per look whose services are read as well; the rest follow in the next look
NEWEST_LISTED = 20  # service deployments to search for ours; an older one was deployed long ago

# ---- CodeDeploy ----

CODEDEPLOY_ROLLBACK_BEGINS = 60.0  # from the end until CodeDeploy names the rollback's deployment, if the group has one
CODEDEPLOY_ROLLBACK_MAY_BEGIN = 10.0  # the same if a rollback may have been asked for with the stop
LONGEST_WAIT_BUDGET = 6 * 3600.0  # of a deployment with its own waits: the official action's limit
TARGETS_SHARE = 5  # of this many deployments, the lifecycle events of one are read per look, by turns

# ---- digests ----

DIGESTS_PER_LOOK = 50  # services; each costs one ListTasks
DIGESTS_EVERY = 1.0  # between two looks at the running digests
DIGESTS_LATE = 9.0  # by which ListTasks may lag behind the end of a deployment
DIGESTS_WAIT = 300.0  # in which the running tasks must become readable

# ---- evidence ----

TAILS_PER_CAUSE = 2  # logs per cause: tasks that died alike logged alike
TAIL_PAGES = 2  # calls per log while the deployment is followed
LAST_EVIDENCE_CALLS = 24  # per failed service, at the end
MOST_STOPPED_TASKS = 200  # per deployment: the circuit breaker's threshold is at most 200
LATE_LOG = 1.0  # until an empty log is read once more
STALLED = 180.0  # without any change, after which stopped tasks are looked for
STALLED_EVERY = 30.0  # between two such looks

# ---- scheduled tasks ----

RETARGET_WAITS = (0, 1, 2, 4)  # before each attempt

# ---- tasks ----

LOG_EVERY = 0.2  # between two reads of the rest of a stopped task's log
LONGEST_DRAIN = 15.0  # for the rest of a stopped task's log

# ---- images ----

PUSH_PAUSES = (2, 5)  # before a push that was cut off is tried again
PUSHED_LOOKS = (0, 1, 2)  # before each look for what was just pushed
SCAN_TIMEOUT = 900.0  # for ECR's findings: enhanced scanning takes minutes when many images arrive
SCAN_BEGINS = 20.0  # in which a scan on push must have begun

# ---- calls ----

CALLS_AT_ONCE = 8  # threads for calls that don't depend on each other
MUTATION_ATTEMPTS = 6  # with 1, 2, ... 5 seconds between them
CONNECTION_HEAD_START = 0.05  # that the first connection gets before other modules are imported
REGISTRY_TIMEOUT = 20  # of a request to ECR public's registry
OIDC_ATTEMPTS = 3  # to get a token from GitHub
OIDC_TIMEOUT = 5.0  # of each wait for GitHub's token, and of the whole answer
GITHUB_TIMEOUT = 3.0  # of each wait for GitHub's API within a call
GITHUB_PAUSE = 0.5  # before a transient error of GitHub's API is tried again
GITHUB_WAIT = 6.0  # for GitHub before the deployment begins, and once more when it has ended
GITHUB_WAIT_CANCELLED = 2.0  # after SIGINT: the runner leaves 7.5 seconds, and ECS comes first

# ---- clean-up ----

CLEAN_UP_LOOKS = 4  # for a task that ListTasks may show late, a second apart: the runner leaves ten seconds
