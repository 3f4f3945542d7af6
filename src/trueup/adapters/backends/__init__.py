"""Foreign labeling services behind the port LabelingBackend."""
