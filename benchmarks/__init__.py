"""Each loss beside its peers: time, memory and accuracy. See README.md."""
