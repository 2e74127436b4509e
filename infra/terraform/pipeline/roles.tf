# A role for each who acts: the pipeline, each build, EventBridge, and GitHub's hand-off. Statements: permissions.tf.
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

# GitHub hands images over and reads how it went. It can do nothing of ECS, and pass no role.
resource "aws_iam_role" "hand_off" {
  count       = var.github == null ? 0 : 1
  name        = "${var.name}-hand-off"
  description = "GitHub's hand-off to the pipeline ${var.name}"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.github.oidc_provider_arn }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = var.github.subjects
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "hand_off" {
  count  = var.github == null ? 0 : 1
  name   = "hand-off"
  role   = aws_iam_role.hand_off[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.hand_off_statements })
}
