"""The embedded AWS for one machine: ministack, a SageMaker stand-in, and what starts and stops them."""
