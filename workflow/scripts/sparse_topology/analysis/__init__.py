"""Statistics over the pool of networks: which topometrics go with accuracy, and which algorithm to choose.

May import: files, job.
"""
