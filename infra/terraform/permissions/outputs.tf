output "statements" {
  description = "The statements of a policy that allows what the verbs need, for one with more statements."
  value       = local.statements
}

output "json" {
  description = "The policy, as JSON."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements })

  precondition {
    condition     = length(jsonencode(local.statements)) < 10000
    error_message = "The policy is longer than IAM allows in a role (10,240 characters). Make several roles, each with fewer verbs."
  }
}
