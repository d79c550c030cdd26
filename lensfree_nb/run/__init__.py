"""How work is carried out: tiles with halo, blocks of a dataset, devices, progress."""
