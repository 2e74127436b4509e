# Who may do what. A statement with `when = false` is left out; `*` is only for what IAM can't limit to a resource.
locals {
  pipeline_arn  = "arn:${local.partition}:codepipeline:${local.region}:${local.account}:${var.name}"
  bucket_arn    = "arn:${local.partition}:s3:::${local.bucket}"
  log_arns      = { for key, project in local.projects : key => "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${project.log_group}:*" }
  ecs_arn       = "arn:${local.partition}:ecs:${local.region}:${local.account}"
  ecr_arns      = { for name, image in local.images : name => "arn:${local.partition}:ecr:${image.region}:${image.account}:repository/${image.repository}" }
  source_key_of = { variables = [local.source_key], object = [local.hand_off_key] }
  # A connection may have either service's prefix. It reaches more repositories than this one, and GitHub's app may write.
  use_connection = {
    when    = local.start == "connection"
    actions = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
    on      = var.connection[*].arn
    if = { "ForAllValues:StringEquals" = {
      for prefix in ["codeconnections", "codestar-connections"] : "${prefix}:FullRepositoryId" => try(var.connection.repository, "")
    } }
  }
  pull = { "ForAllValues:StringEquals" = merge(local.use_connection.if["ForAllValues:StringEquals"], {
    for prefix in ["codeconnections", "codestar-connections"] : "${prefix}:ProviderAction" => "GitPull"
  }) }

  pipeline_statements = [for each in [
    { when = true, actions = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"], on = [local.bucket_arn] },
    { when = true, actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], on = ["${local.bucket_arn}/${local.artifact_path}"] },
    { when = contains(keys(local.source_key_of), local.start), actions = ["s3:GetObject", "s3:GetObjectVersion"], on = [for key in lookup(local.source_key_of, local.start, []) : "${local.bucket_arn}/${key}"] },
    local.use_connection,
    { when = contains(["digest", "event"], local.start), actions = ["ecr:DescribeImages"], on = values(local.ecr_arns) },
    { when = true, actions = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"], on = [for project in values(local.actions) : project.arn] },
    { when = local.topic != null, actions = ["sns:Publish"], on = [local.topic] },
    { when = var.kms_key != null, actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], on = [var.kms_key] },
    { when = var.deploy_with == "codedeploy", actions = [
      "codedeploy:CreateDeployment", "codedeploy:GetApplication", "codedeploy:GetApplicationRevision", "codedeploy:GetDeployment", "codedeploy:RegisterApplicationRevision",
    ], on = local.codedeploy_arns },
    { when = var.deploy_with == "codedeploy", actions = ["codedeploy:GetDeploymentConfig"], on = [local.deployment_config_arn] },
    { when = var.deploy_with == "ecs", actions = ["ecs:DescribeServices", "ecs:UpdateService"], on = values(local.service_arns) },
    { when = var.deploy_with == "ecs", actions = ["ecs:DescribeTaskDefinition"], on = ["*"] },
    { when = var.deploy_with == "ecs", actions = ["ecs:ListTasks"], on = ["*"], if = { ArnEquals = { "ecs:cluster" = "${local.ecs_arn}:cluster/${local.cluster}" } } },
    { when = var.deploy_with == "ecs", actions = ["ecs:DescribeTasks"], on = ["${local.ecs_arn}:task/${local.cluster}/*"] },
    { when = var.deploy_with != "ecs-cd", actions = ["ecs:RegisterTaskDefinition", "ecs:TagResource"], on = local.family_arns },
    { when = var.deploy_with != "ecs-cd", actions = ["iam:PassRole"], on = var.pass_roles, if = { StringEquals = { "iam:PassedToService" = ["ecs-tasks.amazonaws.com"] } } },
  ] : merge({ Effect = "Allow", Action = each.actions, Resource = each.on }, try({ Condition = each.if }, {})) if each.when]

  # What every build needs, and then what its command needs.
  project_statements = { for key, project in local.projects : key => concat(
    [for each in [
      { when = true, actions = ["logs:CreateLogStream", "logs:PutLogEvents"], on = [local.log_arns[key]] },
      { when = key != "status", actions = ["s3:GetObject", "s3:GetObjectVersion"], on = ["${local.bucket_arn}/${local.artifact_path}"] },
      { when = contains(["artifacts", "build"], key), actions = ["s3:PutObject"], on = ["${local.bucket_arn}/${local.artifact_path}"] },
      merge(local.use_connection, { when = key == "build", if = local.pull }),
      { when = key != "status" && var.kms_key != null, actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], on = [var.kms_key] },
      { when = !project.docker, actions = ["s3:GetObject"], on = ["arn:${local.partition}:s3:::${trimprefix(local.release_url, "s3://")}"] },
      { when = contains(keys(local.reports), key), actions = ["codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:UpdateReport"], on = [lookup(local.report_arns, key, "")] },
    ] : merge({ Effect = "Allow", Action = each.actions, Resource = each.on }, try({ Condition = each.if }, {})) if each.when],
    local.verb_statements[project.docker ? "docker" : key],
    lookup(local.secret_statements, project.docker ? "docker_migration" : key, []),
  ) }

  # What builds read at their start.
  secret_statements = { for input, given in local.environments : input => [for each in [
    { when = length(given.parameters) > 0, actions = ["ssm:GetParameters"], on = given.parameters },
    { when = length(given.secrets) > 0, actions = ["secretsmanager:GetSecretValue"], on = given.secrets },
    { when = length(given.kms_keys) > 0, actions = ["kms:Decrypt"], on = given.kms_keys },
  ] : { Effect = "Allow", Action = each.actions, Resource = each.on } if each.when] }

  # `docker run`: pull the image, and attach the build to the VPC.
  ec2_arn         = "arn:${local.partition}:ec2:${local.region}:${local.account}"
  subnets         = [for subnet in try(var.docker_migration.subnet_ids, []) : "${local.ec2_arn}:subnet/${subnet}"]
  security_groups = [for group in try(var.docker_migration.security_group_ids, []) : "${local.ec2_arn}:security-group/${group}"]
  docker_statements = [for each in [
    { when = true, actions = ["ecr:GetAuthorizationToken"], on = ["*"] },
    { when = true, actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], on = [try(local.ecr_arns[local.migration_image], "")] },
    { when = true, actions = ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"], on = ["*"] },
    { when = true, actions = ["ec2:CreateNetworkInterface"], on = concat(["${local.ec2_arn}:network-interface/*"], local.subnets, local.security_groups) },
    { when = true, actions = ["ec2:DeleteNetworkInterface"], on = ["${local.ec2_arn}:network-interface/*"] },
    { when = true, actions = ["ec2:CreateNetworkInterfacePermission"], on = ["${local.ec2_arn}:network-interface/*"], if = {
      StringEquals = { "ec2:AuthorizedService" = "codebuild.amazonaws.com" }
      ArnEquals    = { "ec2:Subnet" = local.subnets }
    } },
  ] : merge({ Effect = "Allow", Action = each.actions, Resource = each.on }, try({ Condition = each.if }, {})) if each.when]

  # The key of the object that hand-off writes.
  object_key_statements = [for key in var.kms_key[*] : { Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [key] } if local.start == "object"]
}
