"""The words that all else speaks: errors, verdicts, references, durations. No decision on a deployment, no I/O."""
