output "role_arns" {
  description = "The roles, for `role-to-assume`, by their keys in `roles`."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}

output "subjects" {
  description = "The `sub` of the jobs that each role trusts, to compare with the one in the log of a refused job."
  value       = local.subjects
}

output "oidc_provider_arn" {
  description = "GitHub's OIDC provider."
  value       = local.provider
}
