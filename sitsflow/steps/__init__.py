"""What the five steps of a run do, one module a step and what they draw and describe."""
