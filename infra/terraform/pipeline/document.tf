locals {
  # Text or an object. Not with try(): of an object with a part that is only known after the apply, it would know nothing.
  document_given = merge(concat(
    [for text in [try(tostring(var.document), null)] : yamldecode(text) if text != null],
    [for given in [var.document] : given if !can(tostring(given))],
  )...)
  has            = { for key in ["images", "migration", "services"] : key => contains(keys(local.document_given), key) }
  services       = lookup(local.document_given, "services", {})
  parameter_name = coalesce(var.parameter_name, "/ecs-cd/${var.name}")
  parameter_arn  = "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${local.parameter_name}"

  # The images: what the document or the module's input says, and what the pipeline calls them.
  repositories = length(var.images) > 0 ? var.images : { for name, image in lookup(local.document_given, "images", {}) : name => image.repository }
  keys         = { for name, _ in local.repositories : name => replace(name, "/[^A-Za-z0-9]/", "_") }
  words        = { for name, key in local.keys : name => upper(key) }
  registry     = { for name, repository in local.repositories : name => try(regex("^([0-9]{12})\\.dkr[.-]ecr\\.([a-z0-9-]+)\\.[^/]+/(.+)$", repository), null) }
  images = {
    for name, repository in local.repositories : name => {
      account    = try(local.registry[name][0], local.account)
      region     = try(local.registry[name][1], local.region)
      repository = try(local.registry[name][2], repository)
      uri        = local.registry[name] == null ? "${local.account}.dkr.ecr.${local.region}.${data.aws_partition.current.dns_suffix}/${repository}" : repository
      variable   = "IMAGE_${local.words[name]}"
      artifact   = "Image_${local.keys[name]}" # what names the image by digest; an ECR source action has the same name
      build      = "Build_${local.keys[name]}" # the action with a connection, and the namespace of its variables
    }
  }

  # What hand-off and ecs-cd read: the same names as in pipeline.tf. With a connection nothing is handed over.
  document_pipeline = merge(
    { name = var.name, start = local.start },
    { for key, value in {
      variables  = { for variable, names in local.by_variable : variable => names[0] }
      commit     = local.commit_variable
      object     = "s3://${local.bucket}/${local.hand_off_key}"
      source     = "Source"
      images     = { for source, names in local.by_source : source => names[0] }
      tag        = var.tag
      wait-until = var.wait_until
      } : key => value if contains(lookup(local.document_keys, local.start, []), key) || (key == "wait-until" && var.wait_until != null)
    },
  )
  # More than one image with a name is refused in checks.tf.
  by_variable = { for name, image in local.images : image.variable => name... }
  by_source   = { for name, image in local.images : image.artifact => name... }
  document_keys = {
    variables = ["variables", "commit"]
    object    = ["object", "source", "commit"]
    digest    = ["images", "commit"]
    event     = ["images", "tag"]
  }
  document = merge(
    { images = { for name, image in local.images : name => { repository = image.uri } } },
    local.document_given,
    { for key, value in { pipeline = local.document_pipeline } : key => value if local.start != "connection" },
  )
}

resource "aws_ssm_parameter" "document" {
  name           = local.parameter_name
  description    = "ecs-cd's document of the pipeline ${var.name}"
  type           = "String"
  tier           = "Intelligent-Tiering" # more than 4 KB is an advanced parameter
  insecure_value = jsonencode(local.document)
  tags           = var.tags

  lifecycle {
    precondition {
      condition     = length(local.problems) == 0
      error_message = join("\n", [for problem in local.problems : "${problem}."])
    }

    # Apart from the others, because a template's URL may be known only after the apply.
    precondition {
      condition     = length(var.families) > 0 ? true : length(local.unnamed) == 0
      error_message = "families: is missing; the templates ${join(", ", local.unnamed)} don't tell their families."
    }
  }
}
