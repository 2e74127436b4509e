locals {
  # A project for each CodeBuild action of pipeline.tf. ecs-cd's own need neither a VPC nor privileged mode.
  projects = {
    for key, project in {
      migrate   = { when = var.migrate_with != "none", buildspec = var.migrate_with == "docker" ? local.docker_buildspec : local.buildspec["migrate"] }
      deploy    = { when = var.deploy_with == "ecs-cd", buildspec = local.buildspec["deploy"] }
      artifacts = { when = var.deploy_with != "ecs-cd", buildspec = local.buildspec["artifacts"] }
      } : key => {
      name      = "${var.name}-${key}"
      arn       = "arn:${local.partition}:codebuild:${local.region}:${local.account}:project/${var.name}-${key}"
      log_group = "/aws/codebuild/${var.name}-${key}"
      buildspec = project.buildspec
      docker    = key == "migrate" && var.migrate_with == "docker"
    } if project.when
  }
  reports     = { for key, project in local.projects : key => "${project.name}-report" if !project.docker }
  report_arns = { for key in ["migrate", "deploy", "artifacts"] : key => "arn:${local.partition}:codebuild:${local.region}:${local.account}:report-group/${var.name}-${key}-report" }

  buildspecs = "${path.module}/../../buildspec"
  buildspec = {
    for key, report in local.report_arns : key => templatefile("${local.buildspecs}/${key}.yml", {
      release        = local.release_url
      release_sha256 = local.sha256
      report_group   = report
    })
  }

  # migrate_with = docker
  migration_image  = try(coalesce(try(var.docker_migration.image, null), try(one(keys(local.repositories)), null)), "")
  docker_variables = try(concat(keys(var.docker_migration.environment), keys(var.docker_migration.parameter_store), keys(var.docker_migration.secrets_manager)), [])
  docker_buildspec = var.migrate_with != "docker" ? "" : templatefile("${local.buildspecs}/docker.yml", {
    env = jsonencode(merge({ shell = "bash" }, { for key, variables in {
      variables       = try(var.docker_migration.environment, {})
      parameter-store = try(var.docker_migration.parameter_store, {})
      secrets-manager = try(var.docker_migration.secrets_manager, {})
    } : key => variables if length(variables) > 0 }))
    options = join(" ", [for name in local.docker_variables : "--env ${name}"])
    command = join(" ", [for word in try(var.docker_migration.command, []) : "'${replace(word, "'", "'\\''")}'"])
  })
  # docker.yml reads the image of the primary source.
  migration_artifact = try(local.images[local.migration_image].source, "")
  migration_source   = contains(local.source_artifacts, local.migration_artifact) ? local.migration_artifact : local.source_artifacts[0]
  # Where the image is written: a variable of the execution, or a file of the source.
  docker_build_variables = [
    for variable in [
      { name = "MIGRATION_IMAGE", value = "#{variables.${try(local.images[local.migration_image].variable, "")}}", when = var.start == "variables" },
      { name = "MIGRATION_IMAGE_DETAIL", value = "imageDetail-${local.migration_image}.json", when = var.start == "object" },
      { name = "MIGRATION_IMAGE_DETAIL", value = "imageDetail.json", when = contains(["digest", "event"], var.start) },
    ] : { name = variable.name, value = variable.value } if variable.when && var.migrate_with == "docker"
  ]
}

resource "aws_codebuild_project" "this" {
  for_each       = local.projects
  name           = each.value.name
  description    = "The action ${title(each.key)} of the pipeline ${var.name}"
  service_role   = aws_iam_role.project[each.key].arn
  build_timeout  = var.build_timeout
  encryption_key = var.kms_key
  tags           = var.tags

  source {
    type      = "CODEPIPELINE"
    buildspec = each.value.buildspec
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type            = "LINUX_CONTAINER"
    image           = "aws/codebuild/standard:7.0"
    compute_type    = "BUILD_GENERAL1_SMALL"
    privileged_mode = each.value.docker
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
