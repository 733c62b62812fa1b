// The chosen sentences: what they have in common, those nearest to one of them, and tags that visitors give them.
mtl.chosen = (() => {
  const HINT = mtl.plots.DRAG
    ? "Choose a sentence, or two to compare them; Shift or the lasso chooses several."
    : "Choose a sentence, or two to compare them; the lasso chooses several.";
  const TAGS = "mtl-tags"; // where the browser keeps them, until the window is closed

  let panel, found = {}; // what is known of the chosen ones: {mean} or {nearest: [[row, cosine], …]}
  let shown = []; // the chosen ones that the panel is about

  const start = (element) => {
    panel = element;
    panel.querySelector("[data-local=nearest]").addEventListener("change", show);
    panel.querySelector(".clear").addEventListener("click", () => mtl.answers.choose([]));
    panel.querySelector("form").addEventListener("submit", tag);
    panel.querySelector("[name=tag]").addEventListener("input", show);
    suggest();
    mtl.answers.marks(panel);
    panel.addEventListener("click", (event) => {
      const row = event.target.closest("button")?.closest("[data-row]")?.dataset.row;
      if (row === undefined) return;
      mtl.answers.choose(Number(row)); // beside the one that it is near to
      panel.querySelector(".clear").focus();
    });
    mtl.answers.onMark(follow);
  };

  // --- numbers ---

  // From the cosines that the browser has, or else from the server.
  const follow = async (_, chosen) => {
    const { latest } = mtl.answers;
    if (chosen === shown && latest === found.of) return;
    shown = chosen;
    const cosines = mtl.grid.cosines(latest);
    found = { of: latest, ...(cosines && known(chosen, cosines)) };
    show();
    const pair = chosen.length === 2 && latest.pairs; // heads for two texts have more to say than the cosine
    if (!pair && (cosines || !latest.grid || !chosen.length)) return;
    const answer = await mtl.answers.about(chosen);
    if (!answer || chosen !== shown || latest !== mtl.answers.latest) return;
    found = { of: latest, ...answer };
    show();
  };
  const known = (chosen, cosines) => {
    if (chosen.length === 1) {
      const others = cosines[chosen[0]].map((cosine, row) => [row, cosine]).filter(([row]) => row !== chosen[0]);
      return { nearest: others.sort(([, one], [, other]) => other - one) };
    }
    const pairs = chosen.flatMap((one, i) => chosen.slice(i + 1).map((other) => cosines[one][other]));
    return { mean: pairs.reduce((sum, cosine) => sum + cosine, 0) / pairs.length };
  };
  const nearest = () => found.nearest?.slice(0, Number(panel.querySelector("[data-local=nearest]").value)) ?? [];

  // --- what is shown of them ---

  const inWords = () => {
    const count = shown.length, { mean } = found;
    if (!count) return "";
    if (count === 1) return `Sentence ${shown[0] + 1} is chosen: choose another one to see how similar the two are.`;
    if (mean === undefined) return `${count.toLocaleString("en")} sentences are chosen.`;
    const said = [`cosine ${mean.toFixed(3)}`, ...(found.answers ?? []).map(([task, answer]) => `${task} ${answer}`)];
    if (count === 2) return `Sentences ${shown[0] + 1} and ${shown[1] + 1}: ${said.join("; ")}.${distrust()}`;
    return `${count.toLocaleString("en")} sentences are chosen, mean cosine ${mean.toFixed(2)}.`;
  };
  const distrust = () => {
    const unlike = shown.filter((row) => mtl.answers.latest.unlike.includes(row)).map((row) => row + 1);
    if (!unlike.length) return "";
    const who = unlike.length === 1 ? `Sentence ${unlike[0]} is` : "Both are";
    return ` ${who} unlike the texts that this model knows: do not trust this.`;
  };
  // What stays the same is not read aloud again.
  const write = (line, words) => { if (line && line.textContent !== words) line.textContent = words; };
  const show = () => {
    const { texts } = mtl.answers.latest, said = inWords();
    write(panel.querySelector(".said"), shown.length === 1 ? `Sentence ${shown[0] + 1} is chosen.` : said || HINT);
    write(document.querySelector("#overview .pair"), said);
    panel.classList.toggle("some", shown.length > 0);
    panel.classList.toggle("one", Boolean(found.nearest));
    const field = panel.querySelector("[name=tag]");
    const untag = !field.value.trim() && shown.some((row) => tags.of[texts[row]]);
    panel.querySelector("[type=submit]").textContent = untag ? "Remove tag" : "Tag";
    panel.querySelector("ol").replaceChildren(...nearest().map(([row, cosine]) => entry(row, texts[row], cosine)));
    mtl.map.redraw();
  };
  const entry = (row, text, cosine) => {
    const line = panel.querySelector("template").content.cloneNode(true);
    line.querySelector("li").dataset.row = row;
    line.querySelector(".line-number").textContent = row + 1;
    line.querySelector(".text").textContent = mtl.plots.shorten(text, mtl.plots.MOST_SAID);
    line.querySelector(".cosine").textContent = cosine.toFixed(2);
    return line;
  };

  // --- tags ---

  // `of`: the tag of each sentence. `names`: every tag, in the order in which they came, which their looks follow.
  const tags = JSON.parse(sessionStorage.getItem(TAGS)) ?? { names: [], of: {} };
  const suggest = () => panel.querySelector("datalist").replaceChildren(...tags.names.map((name) => new Option(name)));
  const tag = (event) => {
    event.preventDefault();
    const { texts } = mtl.answers.latest, field = panel.querySelector("[name=tag]"), name = field.value.trim();
    for (const row of shown) {
      if (name) tags.of[texts[row]] = name;
      else delete tags.of[texts[row]];
    }
    if (name && !tags.names.includes(name)) tags.names.push(name);
    try { sessionStorage.setItem(TAGS, JSON.stringify(tags)); } catch { /* forbidden, or too many */ }
    suggest();
    field.value = "";
    mtl.map.colourByTags();
    show();
  };

  return { start, nearest, tags };
})();
