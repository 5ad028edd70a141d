"""One module a step: a name, a retry rule, tags, and one call into the science."""
