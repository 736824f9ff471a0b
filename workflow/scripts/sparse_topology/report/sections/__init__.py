"""The sections of the report page, one module each: `section(inputs)` returns a Section, or None if it has no input."""
