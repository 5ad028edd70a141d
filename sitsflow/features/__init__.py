"""What is computed from series: user functions, accessors, built-ins, band math, probing."""
