"""Light: propagation, the sensor, the distance. Pure torch, no xarray, no dask."""
