"""The training step and the loop around it, and what a GPU does otherwise.

May import: data, separate.
"""
