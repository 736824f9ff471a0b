"""The training step and the loop around it, what it starts from and leaves, and what a GPU does otherwise.

May import: data, devices, files, job, networks, provenance, pruning, separate.
"""
