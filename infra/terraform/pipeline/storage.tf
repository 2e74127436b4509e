locals {
  # Artifacts are below the first 20 characters of the pipeline's name; these keys, without a slash, can't be among them.
  bucket        = "${var.name}-${local.account}-${local.region}"
  artifact_path = "${substr(var.name, 0, 20)}/*"
  hand_off_key  = "hand-off.zip"
  source_key    = "source.zip"

  upload      = !startswith(var.release, "s3://")
  sha256      = try(coalesce(var.release_sha256, try(filesha256(var.release), null)), "") # none is refused in checks.tf
  release_key = "ecs-cd-${substr(local.sha256, 0, 12)}.tar.gz"
  release_url = local.upload ? "s3://${local.bucket}/${local.release_key}" : var.release
}

resource "aws_s3_bucket" "artifacts" {
  bucket        = local.bucket
  force_destroy = true # artifacts are copies
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  bucket                  = aws_s3_bucket.artifacts.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# An S3 source needs versions.
resource "aws_s3_bucket_versioning" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  rule {
    bucket_key_enabled = var.kms_key != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  bucket     = aws_s3_bucket.artifacts.id
  depends_on = [aws_s3_bucket_versioning.artifacts]

  rule {
    id     = "artifacts"
    status = "Enabled"

    filter {
      prefix = trimsuffix(local.artifact_path, "*")
    }

    expiration {
      days = var.artifact_days
    }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.artifact_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.artifacts.arn, "${aws_s3_bucket.artifacts.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# CodePipeline wants a source, also if the images come as variables: a zip with a README.txt, which never changes.
resource "aws_s3_object" "source" {
  count          = local.start == "variables" ? 1 : 0
  bucket         = aws_s3_bucket.artifacts.bucket
  key            = local.source_key
  content_base64 = join("", local.source_zip)
  content_type   = "application/zip"
  tags           = var.tags
  depends_on     = [aws_s3_bucket_versioning.artifacts, aws_s3_bucket_server_side_encryption_configuration.artifacts]
}

locals {
  source_zip = [
    "UEsDBBQAAAAAAAAAIVz8FlMeNQAAADUAAAAKAAAAUkVBRE1FLnR4dFRoZSBpbWFnZXMgY29tZSB3aXRoIHRoZSB2YXJpYWJsZXMg",
    "b2YgdGhlIGV4ZWN1dGlvbi4KUEsBAhQDFAAAAAAAAAAhXPwWUx41AAAANQAAAAoAAAAAAAAAAAAAAKQBAAAAAFJFQURNRS50eHRQ",
    "SwUGAAAAAAEAAQA4AAAAXQAAAAAA",
  ]
}

resource "aws_s3_object" "release" {
  count      = local.upload ? 1 : 0
  bucket     = aws_s3_bucket.artifacts.bucket
  key        = local.release_key
  source     = var.release
  tags       = var.tags
  depends_on = [aws_s3_bucket_versioning.artifacts, aws_s3_bucket_server_side_encryption_configuration.artifacts]
}
