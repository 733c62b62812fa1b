"""The four steps of the Train tab: data, controls, live, result. Each has `build(session)`, as a tab has."""
