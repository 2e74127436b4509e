# Who may do what. A statement with `when = false` is left out; `*` is only for what IAM can't limit to a resource.
locals {
  pipeline_arn  = "arn:${local.partition}:codepipeline:${local.region}:${local.account}:${var.name}"
  bucket_arn    = "arn:${local.partition}:s3:::${local.bucket}"
  log_arns      = { for key, project in local.projects : key => "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${project.log_group}:*" }
  ecs_arn       = "arn:${local.partition}:ecs:${local.region}:${local.account}"
  ecr_arns      = { for name, image in local.images : name => "arn:${local.partition}:ecr:${image.region}:${image.account}:repository/${image.repository}" }
  source_key_of = { variables = [local.source_key], object = [local.hand_off_key], digest = [], event = [] }

  pipeline_statements = [for each in [
    { when = true, actions = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"], on = [local.bucket_arn] },
    { when = true, actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], on = ["${local.bucket_arn}/${local.artifact_path}"] },
    { when = contains(["variables", "object"], var.start), actions = ["s3:GetObject", "s3:GetObjectVersion"], on = [for key in local.source_key_of[var.start] : "${local.bucket_arn}/${key}"] },
    { when = contains(["digest", "event"], var.start), actions = ["ecr:DescribeImages"], on = values(local.ecr_arns) },
    { when = true, actions = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"], on = [for project in values(local.projects) : project.arn] },
    { when = local.topic != null, actions = ["sns:Publish"], on = [local.topic] },
    { when = var.kms_key != null, actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], on = [var.kms_key] },
    { when = var.deploy_with == "codedeploy", actions = [
      "codedeploy:CreateDeployment", "codedeploy:GetApplication", "codedeploy:GetApplicationRevision", "codedeploy:GetDeployment", "codedeploy:RegisterApplicationRevision",
    ], on = local.codedeploy_arns },
    { when = var.deploy_with == "codedeploy", actions = ["codedeploy:GetDeploymentConfig"], on = [local.deployment_config_arn] },
    { when = var.deploy_with == "ecs", actions = ["ecs:DescribeServices", "ecs:UpdateService"], on = values(local.service_arns) },
    { when = var.deploy_with == "ecs", actions = ["ecs:DescribeTaskDefinition"], on = ["*"] },
    { when = var.deploy_with == "ecs", actions = ["ecs:ListTasks"], on = ["*"], if = { ArnEquals = { "ecs:cluster" = "${local.ecs_arn}:cluster/${local.cluster}" } } },
    { when = var.deploy_with == "ecs", actions = ["ecs:DescribeTasks"], on = ["${local.ecs_arn}:task/${local.cluster}/*"] },
    { when = var.deploy_with != "ecs-cd", actions = ["ecs:RegisterTaskDefinition", "ecs:TagResource"], on = local.family_arns },
    { when = var.deploy_with != "ecs-cd", actions = ["iam:PassRole"], on = var.pass_roles, if = { StringEquals = { "iam:PassedToService" = ["ecs-tasks.amazonaws.com"] } } },
  ] : merge({ Effect = "Allow", Action = each.actions, Resource = each.on }, try({ Condition = each.if }, {})) if each.when]

  # What every build needs, and then what its command needs.
  project_statements = { for key, project in local.projects : key => concat(
    [for each in [
      { when = true, actions = ["logs:CreateLogStream", "logs:PutLogEvents"], on = [local.log_arns[key]] },
      { when = true, actions = ["s3:GetObject", "s3:GetObjectVersion"], on = ["${local.bucket_arn}/${local.artifact_path}"] },
      { when = key == "artifacts", actions = ["s3:PutObject"], on = ["${local.bucket_arn}/${local.artifact_path}"] },
      { when = var.kms_key != null, actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], on = [var.kms_key] },
      { when = !project.docker, actions = ["s3:GetObject"], on = ["arn:${local.partition}:s3:::${trimprefix(local.release_url, "s3://")}"] },
      { when = !project.docker, actions = ["codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:UpdateReport"], on = [local.report_arns[key]] },
    ] : { Effect = "Allow", Action = each.actions, Resource = each.on } if each.when],
    local.verb_statements[project.docker ? "docker" : key],
  ) }

  # `docker run`: pull the image, read the secrets, and attach the build to the VPC.
  docker = var.docker_migration == null ? {
    subnet_ids = [], security_group_ids = [], kms_keys = [], parameters = [], secrets = []
    } : {
    subnet_ids         = var.docker_migration.subnet_ids
    security_group_ids = var.docker_migration.security_group_ids
    kms_keys           = var.docker_migration.kms_keys
    parameters         = [for name in distinct(values(var.docker_migration.parameter_store)) : "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/${trimprefix(name, "/")}"]
    # By ARN, or by name: Secrets Manager adds six characters to it.
    secrets = distinct([for secret in values(var.docker_migration.secrets_manager) : startswith(secret, "arn:") ?
      join(":", slice(split(":", secret), 0, 7)) :
    "arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:${split(":", secret)[0]}-??????"])
  }
  ec2_arn = "arn:${local.partition}:ec2:${local.region}:${local.account}"
  subnets = [for subnet in local.docker.subnet_ids : "${local.ec2_arn}:subnet/${subnet}"]
  docker_statements = [for each in [
    { when = true, actions = ["ecr:GetAuthorizationToken"], on = ["*"] },
    { when = true, actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], on = [try(local.ecr_arns[local.migration_image], "")] },
    { when = length(local.docker.parameters) > 0, actions = ["ssm:GetParameters"], on = local.docker.parameters },
    { when = length(local.docker.secrets) > 0, actions = ["secretsmanager:GetSecretValue"], on = local.docker.secrets },
    { when = length(local.docker.kms_keys) > 0, actions = ["kms:Decrypt"], on = local.docker.kms_keys },
    { when = true, actions = ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"], on = ["*"] },
    { when = true, actions = ["ec2:CreateNetworkInterface"], on = concat(["${local.ec2_arn}:network-interface/*"], local.subnets, [
      for group in local.docker.security_group_ids : "${local.ec2_arn}:security-group/${group}"
    ]) },
    { when = true, actions = ["ec2:DeleteNetworkInterface"], on = ["${local.ec2_arn}:network-interface/*"] },
    { when = true, actions = ["ec2:CreateNetworkInterfacePermission"], on = ["${local.ec2_arn}:network-interface/*"], if = {
      StringEquals = { "ec2:AuthorizedService" = "codebuild.amazonaws.com" }
      ArnEquals    = { "ec2:Subnet" = local.subnets }
    } },
  ] : merge({ Effect = "Allow", Action = each.actions, Resource = each.on }, try({ Condition = each.if }, {})) if each.when]
}

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

  object_key_statements = [for key in var.kms_key[*] : { Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [key] } if var.start == "object"]

  # What each command needs, by the table of docs/reference/permissions.md.
  verbs = { for part, verbs in {
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
      cluster    = local.cluster
      services   = values(local.service_names)
      families   = local.families
      roles      = var.pass_roles
      templates  = local.objects
      log_groups = var.log_groups
      codedeploy = local.codedeploy_groups
      rules = [for task in local.scheduled :
        startswith(lookup(task, "event-bus", ""), "arn:") ? "${replace(task["event-bus"], ":event-bus/", ":rule/")}/${task.rule}" : join("/", compact([lookup(task, "event-bus", ""), task.rule]))
      if lookup(task, "rule", null) != null]
      schedules      = [for task in local.scheduled : "${lookup(task, "schedule-group", "default")}/${task.schedule}" if lookup(task, "schedule", null) != null]
      schedule_roles = var.schedule_roles
      deployment_configurations = concat(["CodeDeployDefault.*"], compact([
        for given in values(local.codedeploy_services) : lookup(given, "deployment-config", "")
      ]))
    }
    github = merge(
      {
        pipelines         = [var.name]
        projects          = [for project in values(local.projects) : project.name]
        objects           = var.start == "object" ? ["s3://${local.bucket}/${local.hand_off_key}"] : []
        base_repositories = try(var.github.base_repositories, [])
        codedeploy        = var.deploy_with == "codedeploy" ? [local.codedeploy] : []
      },
      { for key, value in { cluster = local.cluster, services = values(local.service_names) } : key => value if try(var.github.read_ecs, false) },
    )
  }
}

module "permissions" {
  for_each = local.verbs
  source   = "../permissions"
  verbs    = each.value
  features = each.key == "github" ? var.github.features : []
  access = merge(local.access[each.key == "github" ? "github" : "builds"], {
    parameters   = [local.parameter_name]
    repositories = distinct(concat(values(local.ecr_arns), contains(each.value, "build-push") ? local.cache_arns : []))
  })
}
