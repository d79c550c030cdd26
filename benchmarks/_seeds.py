"""The seed of everything random in the benchmarks, by family.

What is tuned is tuned on TUNE alone; what is reported is measured on TEST. Of FOLDS everything is
measured by networks that learned from the other folds; from TRAIN networks learn and nothing is
measured.
"""

TUNE = {"calibration": 403, "focus": 404, "reconstruction": 402, "restore": 405, "solvers": 401}
TEST = {
    "ablation": 2018, "calibration": 1900, "changes": 1906, "culture_noise": 183,
    "failures": 1901, "frame": 2748, "random_fields": 1, "reconstruction": 2022, "simulator": 720,
    "focus": 1907, "image_quality": 1903, "real_cells": 1905, "speed": 1904, "table1": 2644,
    "warm_start": 1902,
}  # fmt: skip
FOLDS = {"focus": 1908, "focus_published": 1909}
# What networks learn from that are trained to be compared.
TRAIN = {"restore": 1_550_001, "segmentation": 1_560_001}
