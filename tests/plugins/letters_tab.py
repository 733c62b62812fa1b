"""A plug-in of one file: a tab that says how many letters the sentences have."""

TITLE = "Letters"


def build(session):
    import gradio as gr

    view = gr.HTML(elem_id="letters")
    session.show(count, [], [view])


def count(work):
    return f"<p>{sum(map(len, work.texts))} letters</p>"
