"""Pure: finding cameras on the network: WS-Discovery and rate-limited sweeps of configured ranges."""
