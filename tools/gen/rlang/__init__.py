"""The pieces of the R binding that tools/gen/r.py writes."""
