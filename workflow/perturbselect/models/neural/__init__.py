"""The network, its losses and its training: what `gears` is made of."""
