"""The only place that builds clients and hands them to use cases: one file per function, one for operators.

Each takes the settings of one Lambda and, for tests, the clients to use; boto3's own configuration (environment,
profile, endpoint) decides where the clients lead. One file each, so that a package holds only what it imports.
"""
