"""The unrolled multipartite graph of a network and its bipartite relatives: tracing, geometry, blocks, Parquet.

May import: files, job, separate.
"""
