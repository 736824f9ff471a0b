"""Data sets: archives, arrays, and what a network sees of an image.

May import: files, job.
"""
