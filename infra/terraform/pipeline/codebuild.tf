locals {
  # A project for each kind of CodeBuild action of pipeline.tf, and `status`, which an event starts (status.tf).
  # Only `docker run` needs a VPC, and it and `docker build` privileged mode.
  projects = {
    for key, project in {
      build     = { when = local.start == "connection", buildspec = local.build_buildspec }
      migrate   = { when = var.migrate_with != "none", buildspec = var.migrate_with == "docker" ? local.docker_buildspec : local.buildspec["migrate"] }
      deploy    = { when = var.deploy_with == "ecs-cd", buildspec = local.buildspec["deploy"] }
      artifacts = { when = var.deploy_with != "ecs-cd", buildspec = local.buildspec["artifacts"] }
      status    = { when = local.status_token != null, buildspec = local.status_buildspec }
      } : key => {
      name      = "${var.name}-${key}"
      arn       = "arn:${local.partition}:codebuild:${local.region}:${local.account}:project/${var.name}-${key}"
      log_group = "/aws/codebuild/${var.name}-${key}"
      buildspec = project.buildspec
      docker    = key == "migrate" && var.migrate_with == "docker"
    } if project.when
  }
  actions     = { for key, project in local.projects : key => project if key != "status" }
  reports     = { for key, project in local.actions : key => "${project.name}-report" if !project.docker }
  report_arns = { for key in ["build", "migrate", "deploy", "artifacts"] : key => "arn:${local.partition}:codebuild:${local.region}:${local.account}:report-group/${var.name}-${key}-report" }

  buildspecs = "${path.module}/../../buildspec"
  buildspec = {
    for key in ["migrate", "deploy", "artifacts"] : key => templatefile("${local.buildspecs}/${key}.yml", {
      release        = local.release_url
      release_sha256 = local.sha256
      report_group   = local.report_arns[key]
    })
  }
  build_buildspec = templatefile("${local.buildspecs}/build.yml", {
    env          = jsonencode(merge({ shell = "bash", exported-variables = ["IMAGE", "DIGEST", "BUILT"] }, local.environments["build"].env))
    report_group = local.report_arns["build"]
  })
  release_variables = { ECS_CD_RELEASE = local.release_url, ECS_CD_RELEASE_SHA256 = local.sha256 }

  # Environments that inputs add to: as a buildspec has them, the names, and the ARNs of what the values come from.
  environments = { for input, given in {
    build = {
      environment = merge(try(var.build.environment, {}), local.release_variables, {
        for image in compact([try(var.build.buildkit_image, null)]) : "BUILDKIT_IMAGE" => image
      })
      parameter_store = try(var.build.parameter_store, {})
      secrets_manager = try(var.build.secrets_manager, {})
      kms_keys        = try(var.build.kms_keys, [])
    }
    docker_migration = var.docker_migration
    status           = local.status_environment
    } : input => {
    env = { for key, variables in {
      variables       = try(given.environment, {})
      parameter-store = try(given.parameter_store, {})
      secrets-manager = try(given.secrets_manager, {})
    } : key => variables if length(variables) > 0 }
    names      = try(concat(keys(given.environment), keys(given.parameter_store), keys(given.secrets_manager)), [])
    parameters = [for name in distinct(values(try(given.parameter_store, {}))) : startswith(name, "arn:") ? name : "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/${trimprefix(name, "/")}"]
    # By ARN, or by name: Secrets Manager adds six characters to it.
    secrets = distinct([for secret in values(try(given.secrets_manager, {})) : startswith(secret, "arn:") ?
      join(":", slice(split(":", secret), 0, 7)) :
    "arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:${split(":", secret)[0]}-??????"])
    kms_keys = try(given.kms_keys, [])
  } }

  # migrate_with = docker
  migration_image = try(coalesce(try(var.docker_migration.image, null), try(one(keys(local.repositories)), null)), "")
  docker_buildspec = var.migrate_with != "docker" ? "" : templatefile("${local.buildspecs}/docker.yml", {
    env     = jsonencode(merge({ shell = "bash" }, local.environments["docker_migration"].env))
    options = join(" ", [for name in local.environments["docker_migration"].names : "--env ${name}"])
    command = join(" ", [for word in try(var.docker_migration.command, []) : "'${replace(word, "'", "'\\''")}'"])
  })
  # docker.yml reads the image of the primary source.
  migration_artifact = try(local.images[local.migration_image].artifact, "")
  migration_source   = contains(local.image_artifacts, local.migration_artifact) ? local.migration_artifact : local.image_artifacts[0]
  # Where the image is written: a variable of the execution or of the image's build, or a file of the source.
  docker_build_variables = [
    for variable in [
      { name = "MIGRATION_IMAGE", value = "#{variables.${try(local.images[local.migration_image].variable, "")}}", when = local.start == "variables" },
      { name = "MIGRATION_IMAGE", value = "#{${try(local.images[local.migration_image].build, "")}.IMAGE}", when = local.start == "connection" },
      { name = "MIGRATION_IMAGE_DETAIL", value = "imageDetail-${local.migration_image}.json", when = local.start == "object" },
      { name = "MIGRATION_IMAGE_DETAIL", value = "imageDetail.json", when = contains(["digest", "event"], local.start) },
    ] : { name = variable.name, value = variable.value } if variable.when && var.migrate_with == "docker"
  ]
}

resource "aws_codebuild_project" "this" {
  for_each       = local.projects
  name           = each.value.name
  description    = each.key == "status" ? "The commit's status, of the pipeline ${var.name}" : "The action ${title(each.key)} of the pipeline ${var.name}"
  service_role   = aws_iam_role.project[each.key].arn
  build_timeout  = var.build_timeout
  encryption_key = var.kms_key
  tags           = var.tags

  source {
    type      = each.key == "status" ? "NO_SOURCE" : "CODEPIPELINE"
    buildspec = each.value.buildspec
  }

  artifacts {
    type = each.key == "status" ? "NO_ARTIFACTS" : "CODEPIPELINE"
  }

  environment {
    type            = "LINUX_CONTAINER"
    image           = "aws/codebuild/standard:7.0"
    compute_type    = each.key == "build" ? try(coalesce(var.build.compute_type), "BUILD_GENERAL1_MEDIUM") : "BUILD_GENERAL1_SMALL"
    privileged_mode = each.key == "build" || each.value.docker
  }

  dynamic "vpc_config" {
    for_each = each.value.docker ? [var.docker_migration] : []
    content {
      vpc_id             = vpc_config.value.vpc_id
      subnets            = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.project[each.key].name
    }
  }

  # A VPC project is only accepted once its role may attach network interfaces.
  depends_on = [aws_iam_role_policy.project]
}

resource "aws_cloudwatch_log_group" "project" {
  for_each          = local.projects
  name              = each.value.log_group
  retention_in_days = var.log_days
  tags              = var.tags
}

# The steps of ecs-cd as test cases: a page in CodeBuild's console.
resource "aws_codebuild_report_group" "project" {
  for_each       = local.reports
  name           = each.value
  type           = "TEST"
  delete_reports = true
  tags           = var.tags

  export_config {
    type = "NO_EXPORT"
  }
}
