# What one variable can't check alone. Everything that is wrong is in one message.
locals {
  problems = [for problem, fits in merge({
    "document: `services` is missing; deploy_with deploys them" = local.has["services"]
    "document: `migration` is missing; migrate_with = \"ecs-cd\" runs it. Without a migration, migrate_with is \"none\"" = (
      var.migrate_with != "ecs-cd" || local.has["migration"]
    )
    "document: deploy_with = \"${var.deploy_with}\" deploys one service; for several, deploy_with is \"ecs-cd\"" = (
      var.deploy_with == "ecs-cd" || length(local.service_names) <= 1
    )
    "document: CodeDeploy deploys the service, so deploy_with is \"codedeploy\" or \"ecs-cd\", not \"ecs\"" = (
      var.deploy_with != "ecs" || length(local.codedeploy_services) == 0
    )

    "images: the document has `images` too; keep one of them" = (
      length(var.images) == 0 || !local.has["images"]
    )
    "images: is missing, and the document has none; {app = \"my-app\"} maps an image to its repository" = (
      length(local.repositories) > 0
    )
    "images: a name has letters, digits, dots, dashes and underscores" = alltrue([
      for name in keys(local.repositories) : can(regex("^[A-Za-z0-9][A-Za-z0-9._-]*$", name))
    ])
    "images: two names differ only in case, dots, dashes or underscores, but the pipeline's variables are named after them" = (
      length(distinct(values(local.words))) == length(local.words)
    )
    "images: a repository is a name or a URI, without a tag or digest" = alltrue([
      for repository in values(local.repositories) : !can(regex("@|:[^/]*$", repository))
    ])
    "images: a repository is in ECR's private registry: its name, or ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME" = alltrue([
      for name, repository in local.repositories : local.registry[name] != null || !can(regex("^([^/]*:[0-9]+|[^/]+\\.(io|com|aws|net|org))/", repository))
    ])
    "images: start = \"event\" takes one image, because every push would start an execution; for several, start is \"variables\"" = (
      local.start != "event" || length(local.repositories) <= 1
    )
    "images: an ECR source reads repositories of the pipeline's account and region; for others, start is \"variables\" or \"object\"" = (
      !contains(["digest", "event"], local.start) || alltrue([
        for image in values(local.images) : image.account == local.account && image.region == local.region
      ])
    )

    "images: there are more than 5, but a CodeBuild action reads the images from at most 5 artifacts; start = \"variables\" takes more" = (
      length(local.image_artifacts) <= 5
    )

    "start: leave it out with `connection`; a push to the branch starts an execution" = (
      var.start == null || var.connection == null
    )
    "wait_until: is for hand-off; with `connection` no job hands over images" = (
      var.wait_until == null || var.connection == null
    )
    "github: is for hand-off; with `connection` no job hands over images" = (
      var.github == null || var.connection == null
    )
    "build: is only for `connection`; otherwise GitHub Actions builds the images" = (
      var.build == null || var.connection != null
    )

    "wait_until: must name a stage of this pipeline: ${join(", ", local.stage_names)}" = (
      var.wait_until == null || contains(local.stage_names, coalesce(var.wait_until, "-"))
    )
    "approval: there is no migration with migrate_with = \"none\"; ask for it before = \"deployment\"" = (
      var.migrate_with != "none" || local.approve_before != "migration"
    )

    "docker_migration: is missing; migrate_with = \"docker\" needs the VPC from which the database is reached" = (
      var.migrate_with != "docker" || var.docker_migration != null
    )
    "docker_migration: is only for migrate_with = \"docker\"" = (
      var.migrate_with == "docker" || var.docker_migration == null
    )
    "docker_migration: image must name one of the images: ${join(", ", keys(local.repositories))}" = (
      var.docker_migration == null || contains(keys(local.repositories), local.migration_image)
    )

    "release_sha256: is missing; a release in S3 needs it" = (
      var.release_sha256 != null || local.upload
    )
    "release_sha256: the file ${var.release} has another one" = (
      var.release_sha256 == null || try(filesha256(var.release) == var.release_sha256, true)
    )
    }, [for input, given in local.environments : {
      "${input}: environment, parameter_store and secrets_manager name environment variables" = alltrue([
        for variable in given.names : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", variable))
      ])
      "${input}: a variable is in only one of environment, parameter_store and secrets_manager" = (
        length(distinct(given.names)) == length(given.names)
      )
  }]...) : problem if !fits]
}
