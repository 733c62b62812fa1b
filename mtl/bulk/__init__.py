"""Answers and embeddings for more rows than fit in memory: a folder of files in, a folder of parts out.

files (a folder -> tables of so many rows each) -> answering (texts -> columns, here or on a cluster) -> parts (written
whole, each under a name that says which rows it has, so that a second try leaves out those that are there)
"""
