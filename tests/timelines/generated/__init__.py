"""Generated timelines: a model of AWS from AWS's documents, a verb that meets it, and an oracle that knows the truth.

A seed makes a scenario: a service, what its next tasks do, who else deploys when, which calls fail. `world.py` and the
file of each strategy play it in virtual time, as AWS's documents and botocore's models describe it; `answers.py` and
`faults.py` serve it to the real boto3; `oracle.py` says from what was true what the run may say and do.

    python -m tests.timelines.generated 17        # the timeline of seed 17: calls, log, truth, complaints
    make soak                                     # 20,000 of them
"""
