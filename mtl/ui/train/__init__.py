"""The five steps of the Train tab: data, settings, run, result, new rows. Each has `build(session)`, as a tab has."""
