# What the document says of the resources.
locals {
  cluster       = element(split("/", local.document_given.cluster), -1)
  service_names = { for key, service in local.services : key => element(split("/", lookup(service, "service", key)), -1) }
  service_arns  = { for key, name in local.service_names : key => "${local.ecs_arn}:service/${local.cluster}/${name}" }
  codedeploy_arns = [
    "arn:${local.partition}:codedeploy:${local.region}:${local.account}:application:${local.codedeploy.application}",
    "arn:${local.partition}:codedeploy:${local.region}:${local.account}:deploymentgroup:${local.codedeploy.application}/${local.codedeploy.deployment_group}",
  ]
  deployment_config_arn = "arn:${local.partition}:codedeploy:${local.region}:${local.account}:deploymentconfig:${try(compact([for given in values(local.codedeploy_services) : lookup(given, "deployment-config", "")])[0], "*")}"
  topic                 = try(var.approval.topic_arn, null)

  tasks = concat(
    [for task in [lookup(local.document_given, "migration", null)] : task if task != null],
    lookup(local.document_given, "tasks", []),
    values(local.services),
    local.scheduled,
  )
  codedeploy_services = { for key, service in local.services : key => service.codedeploy if lookup(service, "codedeploy", null) != null }
  codedeploy_groups = [for key, given in local.codedeploy_services : {
    application      = lookup(given, "application", "AppECS-${local.cluster}-${local.service_names[key]}")
    deployment_group = lookup(given, "deployment-group", "DgpECS-${local.cluster}-${local.service_names[key]}")
  }]
  caches     = [for image in values(lookup(local.document_given, "images", {})) : try(regex("^([0-9]{12})\\.dkr[.-]ecr\\.([a-z0-9-]+)\\.[^/]+/(.+)$", image["cache-repository"]), null)]
  cache_arns = [for cache in local.caches : "arn:${local.partition}:ecr:${cache[1]}:${cache[0]}:repository/${cache[2]}" if cache != null]
  scheduled  = values(lookup(local.document_given, "scheduled-tasks", {}))
  rules = [for task in local.scheduled :
    startswith(lookup(task, "event-bus", ""), "arn:") ? "${replace(task["event-bus"], ":event-bus/", ":rule/")}/${task.rule}" : join("/", compact([lookup(task, "event-bus", ""), task.rule]))
  if lookup(task, "rule", null) != null]
  schedules = [for task in local.scheduled : "${lookup(task, "schedule-group", "default")}/${task.schedule}" if lookup(task, "schedule", null) != null]

  templates = distinct([for task in local.tasks : task["task-definition"]])
  # A family, family:revision or an ARN names its family; an S3 object, a file or service:KEY doesn't.
  family = {
    for template in local.templates : template => try(
      regex("^arn:[^/]+:task-definition/([^:]+)", template)[0],
      regex("^([A-Za-z0-9_-]+)(?::[1-9][0-9]*)?$", template)[0],
      null,
    )
  }
  unnamed     = [for template in local.templates : template if local.family[template] == null]
  families    = distinct(concat(var.families, compact(values(local.family))))
  family_arns = [for family in local.families : "${local.ecs_arn}:task-definition/${family}:*"]
  objects     = [for template in concat(local.templates, [for given in values(local.codedeploy_services) : lookup(given, "appspec", "")]) : template if startswith(template, "s3://")]

  # What each command needs, by the table of docs/reference/permissions.md.
  verbs = { for part, verbs in {
    build     = local.start == "connection" ? ["build-push"] : []
    status    = local.status_token == null ? [] : ["commit-status"]
    migrate   = var.migrate_with == "ecs-cd" ? ["migrate"] : []
    deploy    = var.deploy_with == "ecs-cd" ? ["deploy"] : []
    artifacts = var.deploy_with == "ecs-cd" ? [] : ["artifacts"]
    github    = var.github == null ? [] : concat(["hand-off"], var.github.build_push ? ["build-push"] : [])
  } : part => verbs if length(verbs) > 0 }
  verb_statements = merge({ docker = local.docker_statements }, {
    for part, permissions in module.permissions : part => permissions.statements
  })

  # hand-off reads CodeDeploy's reasons. ECS's are evidence only with read_ecs, so that GitHub's role has nothing of ECS.
  access = {
    builds = {
      cluster           = local.cluster
      services          = values(local.service_names)
      families          = local.families
      roles             = var.pass_roles
      templates         = local.objects
      log_groups        = var.log_groups
      codedeploy        = local.codedeploy_groups
      rules             = local.rules
      schedules         = local.schedules
      schedule_roles    = var.schedule_roles
      base_repositories = try(var.build.base_repositories, [])
      deployment_configurations = concat(["CodeDeployDefault.*"], compact([
        for given in values(local.codedeploy_services) : lookup(given, "deployment-config", "")
      ]))
    }
    github = merge(
      {
        pipelines         = [var.name]
        projects          = [for project in values(local.actions) : project.name]
        objects           = local.start == "object" ? ["s3://${local.bucket}/${local.hand_off_key}"] : []
        base_repositories = try(var.github.base_repositories, [])
        codedeploy        = var.deploy_with == "codedeploy" ? [local.codedeploy] : []
      },
      { for key, value in { cluster = local.cluster, services = values(local.service_names) } : key => value if try(var.github.read_ecs, false) },
    )
    # ecs-cd's own builds say the cause in their logs; that of another deploy action is in ECS and CodeDeploy.
    status = merge(
      { pipelines = [var.name], projects = [for project in values(local.actions) : project.name] },
      { for key, value in { codedeploy = [local.codedeploy] } : key => value if var.deploy_with == "codedeploy" },
      { for key, value in { cluster = local.cluster, services = values(local.service_names) } : key => value if var.deploy_with != "ecs-cd" },
    )
  }
}

module "permissions" {
  for_each = local.verbs
  source   = "../permissions"
  verbs    = each.value
  features = each.key == "github" ? var.github.features : []
  access = merge(lookup(local.access, each.key, local.access["builds"]), {
    parameters   = each.key == "status" ? [] : [local.parameter_name]
    lock         = lookup(local.document_given, "lock", null)
    freeze       = lookup(local.document_given, "freeze", null)
    repositories = distinct(concat(values(local.ecr_arns), contains(each.value, "build-push") ? local.cache_arns : []))
  })
}
