"""A SageMaker that really trains, evaluates, serves and captures, with subprocesses of this machine."""
