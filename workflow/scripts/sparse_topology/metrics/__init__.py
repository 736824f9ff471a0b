"""The numerics of the topometrics: on blocks, never unrolled, and as references on an edge list.

May import: files, graphs, job.
"""
