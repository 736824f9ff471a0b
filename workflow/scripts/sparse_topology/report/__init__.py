"""The report page: its parts, its charts, and its sections, one module each.

May import: analysis, words.
"""
