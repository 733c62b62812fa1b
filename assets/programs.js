// How another program asks what the page does: the snippet of the function and the language chosen.
mtl.programs = (element) => {
  const place = element.querySelector(".programs"), asks = element.querySelector("#program-asks");
  const box = element.querySelector("#copy-program");
  const { snippets, placeholder } = place.dataset;
  const shown = new Map(JSON.parse(snippets).map(([name, gives, programs]) => [name, { gives, programs }]));
  const here = `${window.location.origin}${window.location.pathname.replace(/\/$/, "")}`;
  const addressed = (text) => text.replaceAll(placeholder, here);

  const write = () => {
    const { gives, programs } = shown.get(asks.value);
    const language = place.querySelector("[data-language][aria-pressed=true]").dataset.language;
    place.querySelector("[data-gives]").textContent = gives;
    box.whole = addressed(programs[language]);
    box.value = box.whole;
    box.rows = box.whole.split("\n").length;
  };

  asks.addEventListener("change", write);
  place.addEventListener("click", ({ target }) => {
    const chosen = target.closest("[data-language]");
    if (!chosen) return;
    for (const each of place.querySelectorAll("[data-language]")) each.ariaPressed = String(each === chosen);
    write();
  });
  mtl.copies(element);
  const tools = place.querySelector("[data-mcp]");
  tools.hidden = !window.gradio_config?.mcp_server;
  tools.querySelector("code").textContent = addressed(tools.querySelector("code").textContent);
  write();
};
