"""The sections of the report page, one module each: `section(study)` returns a Section, or None if it has no input."""
