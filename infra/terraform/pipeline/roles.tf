resource "aws_iam_role" "pipeline" {
  name = "${var.name}-pipeline"
  assume_role_policy = jsonencode({})
}
resource "aws_iam_role_policy" "pipeline" {
  role = aws_iam_role.pipeline.id
  policy = jsonencode({})
}
resource "aws_iam_role" "project" {
  for_each = local.projects
  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({})
}
resource "aws_iam_role_policy" "project" {
  for_each = local.projects
  role = aws_iam_role.project[each.key].id
  policy = jsonencode({})
}
resource "aws_iam_role" "event" {
  for_each = local.event
  name = "${var.name}-event"
  assume_role_policy = jsonencode({})
}
resource "aws_iam_role" "hand_off" {
  count = var.github == null ? 0 : 1
  name = "${var.name}-hand-off"
  assume_role_policy = jsonencode({})
}
