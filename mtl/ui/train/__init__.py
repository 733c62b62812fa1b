"""The four steps of the Train tab: data, settings, run, result. Each has `build(session)`, as a tab has."""
