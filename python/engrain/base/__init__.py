"""What every room stands on: errors, time, identity, randomness, array types, protocols."""
