"""Optional slices: each one folder, independent of the others, never named by the core."""
