# start = event: the push of the tag starts an execution with the digest that was pushed, whatever the tag names later.
locals {
  event      = local.start == "event" ? { for image in values(local.images) : image.artifact => image } : {}
  event_rule = "${var.name}-image"
}

resource "aws_cloudwatch_event_rule" "image" {
  for_each    = local.event
  name        = local.event_rule
  description = "Starts the pipeline ${var.name} when ${each.value.repository}:${var.tag} is pushed"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.ecr"]
    detail-type = ["ECR Image Action"]
    detail = {
      action-type     = ["PUSH"]
      result          = ["SUCCESS"]
      repository-name = [each.value.repository]
      image-tag       = [var.tag]
    }
  })
}

resource "aws_cloudwatch_event_target" "pipeline" {
  for_each  = local.event
  rule      = aws_cloudwatch_event_rule.image[each.key].name
  target_id = "pipeline"
  arn       = aws_codepipeline.this.arn
  role_arn  = aws_iam_role.event[each.key].arn

  # Written out, because jsonencode would escape the angle brackets.
  input_transformer {
    input_paths    = { digest = "$.detail.image-digest" }
    input_template = "{\"sourceRevisions\":[{\"actionName\":\"${each.key}\",\"revisionType\":\"IMAGE_DIGEST\",\"revisionValue\":<digest>}]}"
  }
}
