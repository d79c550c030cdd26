"""Training: simulated data, made where they are used."""
