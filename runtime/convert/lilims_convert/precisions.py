"""The names that users give to precisions and layouts. Imports nothing, so that command lines start quickly."""

QUANTIZATIONS = ("fp16", "int8", "int4", "palette8", "palette6", "palette4")
LAYOUTS = ("gpu", "ane")
PALETTES = {"palette8": 8, "palette6": 6, "palette4": 4}  # bits of an index
