"""The kinds of task, one module each. `mtl.config.KINDS` has the records by name."""
