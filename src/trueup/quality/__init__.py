"""What several people said becomes one trusted label; and how far each of them is to be trusted."""
