"""The shared vocabulary: errors, verdicts, references, durations. No decision on a deployment, no I/O."""
