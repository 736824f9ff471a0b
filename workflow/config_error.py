"""What a config that makes no sense raises."""


class ConfigError(Exception):
    """One line: the key, its value, and what is allowed."""
