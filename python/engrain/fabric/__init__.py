"""The neural fabric: 4-D convolution, neurons, self-organising maps, training."""
