"""What the pruning algorithms share: masks and counts, scores, the images that a score looks at, layer densities.

May import: data, devices, files, job, networks.
"""
