"""Terraform with a stand-in for its AWS provider: no network, no credentials."""
