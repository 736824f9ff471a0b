"""What two or more scripts share: one wing per stage, one concept per module. What lies here serves all wings."""
