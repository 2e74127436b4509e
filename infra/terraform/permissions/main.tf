# Which actions a verb needs is in permissions.json, which is made from docs/reference/permissions.md.
locals {
  table    = jsondecode(file("${path.module}/permissions.json"))
  features = toset([for entry in flatten(values(local.table)) : entry.feature if entry.feature != ""])
  active   = setunion(var.features, length(var.access.public_repositories) > 0 ? ["ecr-public"] : [])

  here = "${local.region}:${local.account}"
  ecs  = "arn:${local.partition}:ecs:${local.here}"

  # What is before the name in an ARN.
  prefixes = {
    parameters          = "arn:${local.partition}:ssm:${local.here}:parameter/"
    kms_keys            = "arn:${local.partition}:kms:${local.here}:key/"
    next_roles          = "arn:${local.partition}:iam::${local.account}:role/"
    repositories        = "arn:${local.partition}:ecr:${local.here}:repository/"
    base_repositories   = "arn:${local.partition}:ecr:${local.here}:repository/"
    public_repositories = "arn:${local.partition}:ecr-public::${local.account}:repository/"
    roles               = "arn:${local.partition}:iam::${local.account}:role/"
    log_groups          = "arn:${local.partition}:logs:${local.here}:log-group:"
    rules               = "arn:${local.partition}:events:${local.here}:rule/"
    schedules           = "arn:${local.partition}:scheduler:${local.here}:schedule/"
    schedule_roles      = "arn:${local.partition}:iam::${local.account}:role/"
    pipelines           = "arn:${local.partition}:codepipeline:${local.here}:"
    projects            = "arn:${local.partition}:codebuild:${local.here}:project/"
  }
  named = {
    for kind, prefix in local.prefixes :
    kind => [for name in var.access[kind] : startswith(name, "arn:") ? name : "${prefix}${kind == "parameters" ? trimprefix(name, "/") : name}"]
  }

  lock   = [for name in compact([var.access.lock]) : startswith(name, "arn:") ? name : "${local.prefixes.parameters}${trimprefix(name, "/")}"]
  freeze = [for name in compact([var.access.freeze]) : startswith(name, "arn:") ? name : "${local.prefixes.parameters}${trimprefix(name, "/")}"]

  # ECS's own, by names only: what belongs to a service or a family has its name in its ARN.
  cluster            = var.access.cluster == null ? [] : [element(split("/", var.access.cluster), -1)]
  services           = [for name in var.access.services : "${local.cluster[0]}/${element(split("/", name), -1)}"]
  families           = [for name in var.access.families : element(split("/", regex("^(?:arn:.*/)?[^:]+", name)), -1)]
  groups             = [for each in var.access.codedeploy : "${each.application}/${each.deployment_group}"]
  project_log_groups = coalesce(var.access.project_log_groups, [for name in var.access.projects : "/aws/codebuild/${element(split("/", name), -1)}"])
  staged = {
    for kind in ["service-deployment", "service-revision"] :
    kind => concat([for name in local.services : "${local.ecs}:service/${name}"], [for name in local.services : "${local.ecs}:${kind}/${name}/*"])
  }

  # What the table's names stand for. An entry without resources allows nothing, and is left out.
  resources = merge(local.named, {
    all                = ["*"]
    lock               = local.lock
    locks              = concat(local.lock, local.freeze)
    all_for_cluster    = length(local.cluster) > 0 ? ["*"] : []
    all_for_codedeploy = length(local.groups) > 0 ? ["*"] : []
    alarms             = ["arn:${local.partition}:cloudwatch:${local.here}:alarm:*"]
    public_registry    = length(var.access.public_repositories) > 0 ? ["arn:${local.partition}:ecr-public::${local.account}:registry/*"] : []

    log_groups          = [for arn in local.named.log_groups : "${trimsuffix(arn, ":*")}:log-stream:*"]
    templates           = [for url in var.access.templates : startswith(url, "arn:") ? url : "arn:${local.partition}:s3:::${trimprefix(url, "s3://")}"]
    objects             = [for url in var.access.objects : startswith(url, "arn:") ? url : "arn:${local.partition}:s3:::${trimprefix(url, "s3://")}"]
    project_log_groups  = [for name in local.project_log_groups : "${startswith(name, "arn:") ? trimsuffix(name, ":*") : "${local.prefixes.log_groups}${name}"}:log-stream:*"]
    services            = [for name in local.services : "${local.ecs}:service/${name}"]
    service_revisions   = local.staged["service-revision"]
    service_deployments = local.staged["service-deployment"]
    tasks               = [for name in local.cluster : "${local.ecs}:task/${name}/*"]
    families            = [for name in local.families : "${local.ecs}:task-definition/${name}:*"]

    codedeploy = concat(
      [for name in distinct(var.access.codedeploy[*].application) : "arn:${local.partition}:codedeploy:${local.here}:application:${name}"],
      [for name in local.groups : "arn:${local.partition}:codedeploy:${local.here}:deploymentgroup:${name}"],
    )
    deployment_configurations = [
      for name in var.access.deployment_configurations : "arn:${local.partition}:codedeploy:${local.here}:deploymentconfig:${name}" if length(local.groups) > 0
    ]
  })

  conditions = {
    cluster   = { ArnEquals = { "ecs:cluster" = [for name in local.cluster : "${local.ecs}:cluster/${name}"] } }
    tasks     = { StringEquals = { "iam:PassedToService" = ["ecs-tasks.amazonaws.com"] } }
    schedules = { StringEquals = { "iam:PassedToService" = ["events.amazonaws.com", "scheduler.amazonaws.com"] } }
  }

  # One statement for the same resources under the same condition, whichever verbs need it.
  entries = [
    for entry in flatten([for verb in sort(var.verbs) : local.table[verb]]) : entry
    if(entry.feature == "" || contains(local.active, entry.feature)) && length(local.resources[entry.on]) > 0
  ]
  grouped = { for entry in local.entries : "${entry.on} ${entry.condition}" => entry... }
  statements = [
    for key in sort(keys(local.grouped)) : merge(
      {
        Effect   = "Allow"
        Action   = sort(distinct(flatten(local.grouped[key][*].actions)))
        Resource = distinct(local.resources[split(" ", key)[0]])
      },
      { for condition in compact([split(" ", key)[1]]) : "Condition" => local.conditions[condition] },
    )
  ]
}
