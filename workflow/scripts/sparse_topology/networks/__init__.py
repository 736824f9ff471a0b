"""Networks as torch has them: architectures, initialisation, checkpoints.

May import: files, graphs, job, separate.
"""
