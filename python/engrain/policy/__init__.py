"""Gate, strategy and confidence that learn online."""
