"""One verb per file. Each is a frozen dataclass of ports and policies that is called with its input."""
