"""What a config that makes no sense raises."""

LENGTH = 499  # characters of a message


class ConfigError(Exception):
    """One line of at most LENGTH characters: the file or key, its value, and what is allowed."""

    def __init__(self, message: str):
        line = " ".join(message.splitlines())
        super().__init__(line if len(line) <= LENGTH else f"{line[: LENGTH - 3]}...")
