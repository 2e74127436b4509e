# A role for each who acts: the pipeline, each build, EventBridge, and GitHub's jobs. Statements: permissions.tf and access.tf.
locals {
  assume_by = { for service in ["codepipeline", "codebuild", "events"] : service => {
    Effect    = "Allow"
    Action    = "sts:AssumeRole"
    Principal = { Service = "${service}.amazonaws.com" }
  } }
}

resource "aws_iam_role" "pipeline" {
  name        = "${var.name}-pipeline"
  description = "The pipeline ${var.name}"
  tags        = var.tags

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [local.assume_by["codepipeline"]] })
}

resource "aws_iam_role_policy" "pipeline" {
  name   = "pipeline"
  role   = aws_iam_role.pipeline.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.pipeline_statements })
}

resource "aws_iam_role" "project" {
  for_each    = local.projects
  name        = each.value.name
  description = "The CodeBuild project ${each.value.name}"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(local.assume_by["codebuild"], {
      Condition = { StringEquals = { "aws:SourceArn" = each.value.arn } }
    })]
  })
}

resource "aws_iam_role_policy" "project" {
  for_each = local.projects
  name     = each.key
  role     = aws_iam_role.project[each.key].id
  policy   = jsonencode({ Version = "2012-10-17", Statement = local.project_statements[each.key] })
}

resource "aws_iam_role" "event" {
  for_each    = local.event
  name        = "${var.name}-event"
  description = "EventBridge's rule ${local.event_rule}"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(local.assume_by["events"], {
      Condition = { StringEquals = { "aws:SourceArn" = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.event_rule}" } }
    })]
  })
}

resource "aws_iam_role_policy" "event" {
  for_each = local.event
  name     = "start"
  role     = aws_iam_role.event[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["codepipeline:StartPipelineExecution"], Resource = [local.pipeline_arn] }]
  })
}

resource "aws_iam_role" "status_event" {
  for_each    = local.status
  name        = "${var.name}-status-event"
  description = "EventBridge's rule ${local.status_rule}"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(local.assume_by["events"], {
      Condition = { StringEquals = { "aws:SourceArn" = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.status_rule}" } }
    })]
  })
}

resource "aws_iam_role_policy" "status_event" {
  for_each = local.status
  name     = "start"
  role     = aws_iam_role.status_event[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["codebuild:StartBuild"], Resource = [each.value.arn] }]
  })
}

# GitHub's jobs push the images, hand them over, and read how it went. They can do nothing of ECS, and pass no role.
locals {
  issuer   = "token.actions.githubusercontent.com"
  audience = local.partition == "aws-cn" ? "sts.amazonaws.com.cn" : "sts.amazonaws.com"
  subjects = flatten([for name in try(var.github.repositories, []) : concat(
    [for branch in var.github.branches : "repo:${name}:ref:refs/heads/${branch}"],
    [for environment in var.github.environments : "repo:${name}:environment:${environment}"],
  )])
}

resource "aws_iam_role" "github" {
  count       = var.github == null ? 0 : 1
  name        = "${var.name}-github"
  description = "GitHub's jobs that hand images to the pipeline ${var.name}"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.github.oidc_provider_arn }
      Condition = { StringEquals = { "${local.issuer}:aud" = local.audience, "${local.issuer}:sub" = local.subjects } }
    }]
  })
}

resource "aws_iam_role_policy" "github" {
  count  = var.github == null ? 0 : 1
  name   = "hand-off"
  role   = aws_iam_role.github[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.verb_statements["github"], local.object_key_statements) })
}
