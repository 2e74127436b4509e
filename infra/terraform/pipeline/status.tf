# connection.status_token: an execution that changes its state starts a build, which gives the commit its status on GitHub.
locals {
  status_token = try(var.connection.status_token, null)
  status       = { for key, project in local.projects : key => project if key == "status" }
  status_rule  = "${var.name}-status"
  status_environment = {
    environment     = merge(local.release_variables, { PIPELINE = var.name, REPOSITORY = try(var.connection.repository, "") })
    secrets_manager = { for token in local.status_token[*] : "GITHUB_TOKEN" => token }
    kms_keys        = try(var.build.kms_keys, [])
  }
  status_buildspec = templatefile("${local.buildspecs}/status.yml", {
    env = jsonencode(merge({ shell = "bash" }, local.environments["status"].env))
  })
}

resource "aws_cloudwatch_event_rule" "status" {
  for_each    = local.status
  name        = local.status_rule
  description = "An execution of the pipeline ${var.name} changes its state"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail = {
      pipeline = [var.name]
      state    = ["STARTED", "RESUMED", "SUCCEEDED", "FAILED", "STOPPED", "SUPERSEDED", "CANCELED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "status" {
  for_each  = local.status
  rule      = aws_cloudwatch_event_rule.status[each.key].name
  target_id = "status"
  arn       = aws_codebuild_project.this[each.key].arn
  role_arn  = aws_iam_role.status_event[each.key].arn

  # Written out, because jsonencode would escape the angle brackets.
  input_transformer {
    input_paths    = { execution = "$.detail.execution-id" }
    input_template = "{\"environmentVariablesOverride\":[{\"name\":\"EXECUTION_ID\",\"value\":<execution>,\"type\":\"PLAINTEXT\"}]}"
  }
}
