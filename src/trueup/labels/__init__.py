"""Labels of every kind as text: what a label schema lets people answer, read, checked, and written in one way."""
