"""From the evidence of a failure to its likely causes and the next step. Evidence is read in deploy/ and tasks/."""
