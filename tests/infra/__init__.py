"""Terraform itself, run on the modules of infra/ and their examples, with a stand-in for hashicorp/aws."""
