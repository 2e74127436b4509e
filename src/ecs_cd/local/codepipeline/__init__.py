"""CodePipeline on this machine: runs a declared pipeline with a local AWS and real containers."""
