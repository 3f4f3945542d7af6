"""AWS adapters. Clients are handed in; boto3 and botocore are imported nowhere else in the house."""
