"""The seed of everything random in the benchmarks, by family.

What is tuned is tuned on TUNE alone; what is reported is measured on TEST.
"""

TUNE = {"solvers": 401}
TEST = {"culture_noise": 183, "frame": 2748, "random_fields": 1, "simulator": 720}
