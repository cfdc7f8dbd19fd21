"""The learning module: three-factor learning under the names of its specification."""
