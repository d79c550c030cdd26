"""Focus: which images are sharp, how to restore those that are not, other planes of holograms."""
