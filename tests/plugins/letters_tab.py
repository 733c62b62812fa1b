"""A plug-in of one file: a tab that says how many letters the sentences have."""

TITLE = "Letters"


def build(session):
    session.view("letters", count)


def count(work):
    return f"<p>{sum(map(len, work.texts))} letters</p>"
