"""What every verb works with: the job, its state file, the polling loop, mutations, the checkout. Nothing about ECS."""
