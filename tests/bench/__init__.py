"""The project's speed, measured side by side with what people would use instead: `python -m tests.bench`."""
