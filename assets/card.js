// The card of the model in use: a click on the model's name in the header opens it.
mtl.card = (element, server) => {
  const RETRY = 1000; // milliseconds: the server takes a few questions of a page at a time
  const dialog = element.querySelector("dialog"), body = dialog.querySelector(".card-body");
  const write = (html) => body.replaceChildren(document.createRange().createContextualFragment(html));
  const chip = () => document.querySelector("#model-chip");

  const fill = async () => {
    write(body.dataset.busy);
    let found;
    while (dialog.open && !(found = await server.card(null))) await new Promise((done) => setTimeout(done, RETRY));
    if (found) write(found.html);
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#model-chip") || dialog.open) return;
    dialog.showModal();
    dialog.scrollTop = 0;
    fill();
  });
  // By Escape or the button, or by a press beside it. The header may have been written anew meanwhile.
  dialog.addEventListener("close", () => chip()?.focus({ preventScroll: true }));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
    if (!event.target.closest("[data-lines]")) return;
    dialog.close();
    mtl.answers.reveal();
  });
};
