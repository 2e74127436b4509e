# What the document says about the resources that the roles need.
locals {
  cluster       = element(split("/", local.document_given.cluster), -1)
  service_names = { for key, service in try(local.document_given.services, {}) : key => element(split("/", try(service.service, key)), -1) }

  tasks = concat(
    try([local.document_given.migration], []),
    try(local.document_given.tasks, []),
    values(try(local.document_given.services, {})),
    values(try(local.document_given["scheduled-tasks"], {})),
  )
  templates = distinct([for task in local.tasks : task["task-definition"]])
  # A family, family:revision or an ARN names its family; an S3 object, a file or service:KEY doesn't.
  family = {
    for template in local.templates : template => try(
      regex("^arn:[^/]+:task-definition/([^:]+)", template)[0],
      regex("^([A-Za-z0-9_-]+)(?::[1-9][0-9]*)?$", template)[0],
      null,
    )
  }
  unnamed = [for template in local.templates : template if local.family[template] == null]
}
