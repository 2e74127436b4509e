output "pipeline_name" {
  description = "The pipeline's name."
  value       = aws_codepipeline.this.name
}

output "pipeline_arn" {
  description = "The pipeline's ARN."
  value       = aws_codepipeline.this.arn
}

output "config" {
  description = "What the app's workflow passes as `config`: the name of the document's SSM parameter."
  value       = aws_ssm_parameter.document.name
}

output "github_role_arn" {
  description = "The role of the app's jobs, for `role-to-assume`; null without `github`."
  value       = one(aws_iam_role.github[*].arn)
}

output "artifact_bucket" {
  description = "The bucket of the artifacts."
  value       = aws_s3_bucket.artifacts.bucket
}

output "roles" {
  description = "The ARNs of the roles of the pipeline and of its builds, by action, for policies of keys and buckets."
  value       = merge({ pipeline = aws_iam_role.pipeline.arn }, { for key, role in aws_iam_role.project : key => role.arn })
}

output "log_groups" {
  description = "The log groups of the builds, by action."
  value       = { for key, group in aws_cloudwatch_log_group.project : key => group.name }
}
