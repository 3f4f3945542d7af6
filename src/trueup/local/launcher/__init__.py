"""What runs inside ministack's own interpreter: the standard library, botocore and ministack only."""
