"""trueup brings a deployed SageMaker model back to the truth."""
