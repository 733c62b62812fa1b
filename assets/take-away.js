// What there is to take away of a step of the Train tab: the command, around what only its reader knows, and the link.
mtl.takeAway = (element, watch) => {
  const filled = new Map(); // what was written into a field, by what stood there before

  // As a POSIX shell reads it. What begins with ~/ is in the reader's home, and with a dash an option.
  const quoted = (path) => {
    const [, home, rest] = /^(~\/)?(.*)$/s.exec(path.startsWith("-") ? `./${path}` : path);
    return (home ?? "") + (/^[\w@%+=:,./-]+$/.test(rest) ? rest : `'${rest.replaceAll("'", `'"'"'`)}'`);
  };

  // A box turns the ends of lines into its own; what is copied keeps them.
  const fill = () => {
    const box = element.querySelector("[data-pieces]");
    const value = (name) => {
      const field = element.querySelector(`[data-fills=${name}]`);
      return quoted(field.value.trim() || field.getAttribute("value"));
    };
    box.whole = JSON.parse(box.dataset.pieces).map((piece, i) => (i % 2 ? value(piece) : piece)).join("");
    box.value = box.whole;
  };

  const write = () => {
    if (!element.querySelector("[data-pieces]")) return; // there is no form, or no table, yet
    const link = element.querySelector("[data-link]");
    if (link) link.value = `${window.location.origin}${window.location.pathname}#${link.dataset.link}`;
    const ownMachine = /^(localhost|127\..*|\[::1\])$/.test(window.location.hostname);
    element.querySelector("[data-own-machine]")?.toggleAttribute("hidden", !ownMachine);
    for (const field of element.querySelectorAll("[data-fills]")) {
      field.value = filled.get(field.getAttribute("value")) ?? field.getAttribute("value");
    }
    fill();
  };

  element.addEventListener("input", ({ target }) => {
    if (!target.dataset.fills) return;
    filled.set(target.getAttribute("value"), target.value);
    fill();
  });
  mtl.copies(element);
  watch("value", write);
  write();
};
