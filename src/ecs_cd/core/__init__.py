"""Decisions: data in, verdict out. No boto3, no os, no subprocess, no clock."""
