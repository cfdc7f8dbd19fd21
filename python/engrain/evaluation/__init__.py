"""Datasets, metrics, protocols and reports."""
