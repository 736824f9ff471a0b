"""Networks as torch has them: architectures, initialisation, checkpoints.

May import: graphs, job.
"""
