"""Plots, contact sheets and the page of a report."""
