locals {
  start           = var.connection == null ? coalesce(var.start, "variables") : "connection"
  commit_variable = "COMMIT"
  # hand-off sets it, so that it knows which verdict in the builds' logs is its own.
  nonce_variable = "ECS_CD_NONCE"

  # hand-off gives the images and the commit, and only it starts executions, so these have no default. A connection needs none.
  variables = concat(
    [for name, image in local.images : { name = image.variable, default = null, text = "the image ${name}, by digest" } if local.start == "variables"],
    [for name in [local.commit_variable] : { name = name, default = null, text = "the commit of the images" } if contains(["variables", "object", "digest"], local.start)],
    [for name in [local.nonce_variable] : { name = name, default = "none", text = "set by ecs-cd hand-off" } if local.start != "connection"],
  )

  # The first stage: the app's repository, an object, or each image's repository. Polling and the detection of changes are off:
  # nothing but the start's own way starts it.
  sources = {
    # A full clone has the same files as the checkout of a job on GitHub: CodePipeline's own archive lacks .git and symlinks.
    connection = [for given in var.connection[*] : {
      name      = "Source"
      provider  = "CodeStarSourceConnection"
      artifact  = "source"
      namespace = "Source"
      configuration = {
        ConnectionArn        = given.arn
        FullRepositoryId     = given.repository
        BranchName           = given.branch
        OutputArtifactFormat = "CODEBUILD_CLONE_REF"
        DetectChanges        = "false"
      }
    }]
    variables = local.object_source
    object    = local.object_source
    digest    = local.image_sources
    event     = local.image_sources
  }[local.start]
  object_source = [{
    name     = "Source"
    provider = "S3"
    artifact = "source"
    configuration = {
      S3Bucket             = local.bucket
      S3ObjectKey          = local.start == "object" ? local.hand_off_key : local.source_key
      PollForSourceChanges = "false"
    }
  }]
  image_sources = [for image in values(local.images) : {
    name          = image.artifact
    provider      = "ECR"
    artifact      = image.artifact
    configuration = { RepositoryName = image.repository, ImageTag = var.tag }
  }]
  # What the migration and the deployment read the images from: the sources, or what each build writes.
  image_artifacts = local.start == "connection" ? [for image in values(local.images) : image.artifact] : [for source in local.sources : source.artifact]

  # What every build gets.
  build_variables = concat(
    [for variable in local.variables : { name = variable.name, value = "#{variables.${variable.name}}" }],
    [{ name = "ECS_CD_CONFIG", value = local.parameter_name }],
  )
  more_variables = { migrate = local.docker_build_variables, deploy = [], artifacts = [] }
  builds = {
    for key, variables in local.more_variables : key => {
      ProjectName          = "${var.name}-${key}"
      PrimarySource        = key == "migrate" ? local.migration_source : local.image_artifacts[0]
      EnvironmentVariables = jsonencode(concat(local.build_variables, variables))
    }
  }
  # With a connection: an action for each image, all at once.
  image_builds = [for name, image in local.images : {
    name      = image.build
    category  = "Build"
    provider  = "CodeBuild"
    inputs    = ["source"]
    outputs   = [image.artifact]
    namespace = image.build
    configuration = {
      ProjectName          = "${var.name}-build"
      PrimarySource        = "source"
      EnvironmentVariables = jsonencode(concat(local.build_variables, [{ name = "ECS_CD_IMAGE", value = name }]))
    }
  }]

  approval = {
    name          = "Approve"
    category      = "Approval"
    provider      = "Manual"
    configuration = merge({ CustomData = local.approval_text }, try({ NotificationArn = coalesce(var.approval.topic_arn) }, {}))
  }
  approval_text = "Before the ${local.approve_before} of ${lookup({ event = "what ${var.tag} names", connection = "#{Source.CommitId}" }, local.start, "#{variables.${local.commit_variable}}")}"

  # The service of the actions CodeDeployToECS and ECS; with several, checks.tf refuses them.
  service_name = one(slice(values(local.service_names), 0, min(1, length(local.service_names))))
  codedeploy = merge(concat(
    [{ application = "AppECS-${local.cluster}-${coalesce(local.service_name, "-")}", deployment_group = "DgpECS-${local.cluster}-${coalesce(local.service_name, "-")}" }],
    slice(local.codedeploy_groups, 0, min(1, length(local.codedeploy_groups))),
  )...)
  deployments = {
    "ecs-cd" = [
      { name = "Deploy", category = "Build", provider = "CodeBuild", inputs = local.image_artifacts, configuration = local.builds["deploy"], namespace = "Deploy" },
    ]
    "codedeploy" = [local.make_artifacts, {
      name     = "Deploy"
      category = "Deploy"
      provider = "CodeDeployToECS"
      inputs   = ["deployment"]
      order    = 2
      configuration = {
        ApplicationName                = local.codedeploy.application
        DeploymentGroupName            = local.codedeploy.deployment_group
        TaskDefinitionTemplateArtifact = "deployment"
        TaskDefinitionTemplatePath     = "taskdef.json"
        AppSpecTemplateArtifact        = "deployment"
        AppSpecTemplatePath            = "appspec.yaml"
      }
    }]
    "ecs" = [local.make_artifacts, {
      name     = "Deploy"
      category = "Deploy"
      provider = "ECS"
      inputs   = ["deployment"]
      order    = 2
      configuration = {
        ClusterName = local.cluster
        ServiceName = local.service_name
        FileName    = "imagedefinitions.json"
      }
    }]
  }
  make_artifacts = {
    name          = "Artifacts"
    category      = "Build"
    provider      = "CodeBuild"
    inputs        = local.image_artifacts
    outputs       = ["deployment"]
    configuration = local.builds["artifacts"]
    namespace     = "Artifacts"
  }

  stages = [
    for stage in [
      { name = "Source", when = true, actions = [
        for source in local.sources : merge(source, { category = "Source", outputs = [source.artifact] })
      ] },
      { name = "Build", when = local.start == "connection", actions = local.image_builds },
      { name = "Approval", when = local.approve_before == "migration", actions = [local.approval] },
      { name = "Migrate", when = var.migrate_with != "none", actions = [
        { name = "Migrate", category = "Build", provider = "CodeBuild", inputs = local.image_artifacts, configuration = local.builds["migrate"], namespace = "Migrate" },
      ] },
      { name = "Approval", when = local.approve_before == "deployment", actions = [local.approval] },
      { name = "Deploy", when = true, actions = local.deployments[var.deploy_with] },
    ] : stage if stage.when
  ]
  approve_before = try(var.approval.before, "")
  stage_names    = [for stage in local.stages : stage.name]
}

resource "aws_codepipeline" "this" {
  name           = var.name
  role_arn       = aws_iam_role.pipeline.arn
  pipeline_type  = "V2"
  execution_mode = var.execution_mode
  tags           = var.tags

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.artifacts.bucket

    dynamic "encryption_key" {
      for_each = var.kms_key == null ? [] : [var.kms_key]
      content {
        type = "KMS"
        id   = encryption_key.value
      }
    }
  }

  dynamic "variable" {
    for_each = local.variables
    content {
      name          = variable.value.name
      default_value = variable.value.default
      description   = variable.value.text
    }
  }

  # With a filter, an execution takes exactly the commit that was pushed.
  dynamic "trigger" {
    for_each = var.connection[*]
    content {
      provider_type = "CodeStarSourceConnection"

      git_configuration {
        source_action_name = "Source"

        push {
          branches {
            includes = [trigger.value.branch]
          }
        }
      }
    }
  }

  dynamic "stage" {
    for_each = local.stages
    content {
      name = stage.value.name

      dynamic "action" {
        for_each = stage.value.actions
        content {
          name             = action.value.name
          category         = action.value.category
          owner            = "AWS"
          provider         = action.value.provider
          version          = "1"
          run_order        = try(action.value.order, 1)
          namespace        = try(action.value.namespace, null)
          input_artifacts  = try(action.value.inputs, null)
          output_artifacts = try(action.value.outputs, null)
          configuration    = action.value.configuration
        }
      }
    }
  }

  # CodePipeline starts the first execution when it creates the pipeline.
  depends_on = [aws_codebuild_project.this, aws_iam_role_policy.pipeline, aws_s3_bucket_versioning.artifacts, aws_s3_object.source, aws_ssm_parameter.document]
}
