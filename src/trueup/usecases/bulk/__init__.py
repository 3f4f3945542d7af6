"""What is too much for one function, done by many: plan it, do the parts, conclude."""
