"""The world behind the ports: AWS, foreign labeling backends, and the fakes that tests and demos share."""
