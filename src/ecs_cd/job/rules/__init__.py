"""Pure rules of the job."""
