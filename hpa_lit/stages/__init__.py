"""Preparation (method 2): a file a stage, each with a pure core and a `run` that reads and writes its files."""
