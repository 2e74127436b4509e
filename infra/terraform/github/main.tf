data "aws_partition" "current" {}

locals {
  issuer   = "token.actions.githubusercontent.com"
  audience = data.aws_partition.current.partition == "aws-cn" ? "sts.amazonaws.com.cn" : "sts.amazonaws.com"
  provider = var.oidc_provider_arn == null ? aws_iam_openid_connect_provider.github[0].arn : var.oidc_provider_arn

  # How a job's `sub` ends. A job with an environment has that in the place of its branch.
  endings = { for key, role in var.roles : key => concat(
    [for name in role.branches : "ref:refs/heads/${name}"],
    [for name in role.tags : "ref:refs/tags/${name}"],
    [for name in role.environments : "environment:${name}"],
  ) }
  subjects = { for key, endings in local.endings : key => flatten([for name in var.repositories : [for ending in endings : "repo:${name}:${ending}"]]) }
  wildcard = { for key, subjects in local.subjects : key => anytrue([for subject in subjects : can(regex("[*?]", subject))]) }
  trusted = { for key, subjects in local.subjects : key => merge(
    { StringEquals = merge({ "${local.issuer}:aud" = local.audience }, { for each in [subjects] : "${local.issuer}:sub" => each if !local.wildcard[key] }) },
    { for each in [subjects] : "StringLike" => { "${local.issuer}:sub" = each } if local.wildcard[key] },
  ) }
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.oidc_provider_arn == null ? 1 : 0
  url            = "https://${local.issuer}"
  client_id_list = [local.audience]
  tags           = var.tags
}

resource "aws_iam_role" "this" {
  for_each             = var.roles
  name                 = "${var.name}-${each.key}"
  description          = "Jobs of ${var.repositories[0]}: ${join(", ", sort(each.value.verbs))}"
  path                 = var.path
  max_session_duration = var.max_session_duration
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.provider }
      Condition = local.trusted[each.key]
    }]
  })
}

module "permissions" {
  for_each = var.roles
  source   = "../permissions"
  verbs    = each.value.verbs
  features = each.value.features
  access   = var.access
}

resource "aws_iam_role_policy" "this" {
  for_each = var.roles
  name     = "ecs-cd"
  role     = aws_iam_role.this[each.key].id
  policy   = module.permissions[each.key].json
}
