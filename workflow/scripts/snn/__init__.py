"""What two or more scripts share, one concept per module."""
