"""What numbers mean inside a network."""

from typing import Final

# The optical path difference (nm) that every network of the package calls 1.
OPD_UNIT_NM: Final = 100.0
# The pixel pitch (um) at which the networks that measure learn: the paper's.
PITCH_UM: Final = 1.67
