"""boto3, a file a service, no judgement."""
