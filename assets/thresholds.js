// The thresholds of labels: what each finds and misses on the rows held out, while it is moved, and which are kept.
mtl.thresholds = (() => {
  const percent = (share) => (Number.isNaN(share) ? "–" : `${(100 * share).toFixed(1)} %`);
  const curves = new WeakMap(); // what is known of a label, by its row
  let said = ""; // what the server is to keep

  // Precision, recall and F1 of a label that is answered from this threshold on.
  const figures = ({ have, lack }, at) => {
    const reach = (all) => all.filter((probability) => probability >= at).length;
    const right = reach(have), wrong = reach(lack);
    return [right / (right + wrong), right / have.length, (2 * right) / (have.length + right + wrong)];
  };

  const rowsOf = (section) => [...section.querySelectorAll("tr[data-label]")];
  const used = ({ fitted, chosen }) => chosen ?? fitted;

  const showRow = (row) => {
    const curve = curves.get(row);
    const [range, number] = row.querySelectorAll("input");
    range.value = curve.at;
    range.setAttribute("aria-valuetext", curve.at.toFixed(3));
    if (number !== document.activeElement) number.value = curve.at.toFixed(3);
    curve.figures = figures(curve, curve.at);
    row.querySelectorAll("td.num").forEach((cell, i) => {
      if (i < 3) cell.textContent = percent(curve.figures[i]);
    });
    row.classList.toggle("moved", curve.at !== curve.fitted);
  };

  const showAll = (section) => {
    const known = rowsOf(section).map((row) => curves.get(row));
    const scored = known.filter(({ have }) => have.length);
    const mean = scored.reduce((sum, curve) => sum + curve.figures[2], 0) / scored.length;
    const which = scored.length === known.length ? "these labels" : "the labels that a row has";
    section.querySelector(".all").textContent = `The mean F1 of ${which}: ${percent(mean)}.`;
    const isKept = known.every((curve) => curve.at === used(curve));
    const isFitted = known.every((curve) => curve.at === curve.fitted);
    section.querySelector("[data-does=use]").disabled = isKept;
    section.querySelector("[data-does=back]").disabled = isFitted;
    section.querySelector(".state").textContent = isKept
      ? `The model answers by these${isFitted ? ", as they were fitted" : ""}.`
      : "Tried here alone: the model does not answer by these yet.";
  };

  const set = (row, at) => {
    const curve = curves.get(row);
    // A slider has steps of its own: one that goes back to where it was fitted is that threshold again.
    curve.at = Math.abs(at - curve.fitted) < 5e-4 ? curve.fitted : at;
    showRow(row);
    showAll(row.closest("section"));
  };

  const start = (element, trigger, watch) => {
    const write = () => {
      for (const section of element.querySelectorAll("section.thresholds")) {
        for (const row of rowsOf(section)) {
          const curve = JSON.parse(row.dataset.curve);
          curves.set(row, { ...curve, at: used(curve) });
          showRow(row);
        }
        showAll(section);
      }
    };
    element.addEventListener("input", ({ target }) => {
      const row = target.closest("tr[data-label]");
      if (!row) return;
      const at = Number(target.value), fits = target.value !== "" && at >= Number(target.min) && at <= Number(target.max);
      target.setAttribute("aria-invalid", String(!fits));
      if (fits) set(row, at);
    });
    // The arrow keys of a slider take steps that can be seen.
    element.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01 }[event.key];
      if (!step || event.target.type !== "range") return;
      event.preventDefault();
      const { min, max } = event.target, row = event.target.closest("tr[data-label]");
      set(row, Math.min(Number(max), Math.max(Number(min), curves.get(row).at + step)));
    });
    element.addEventListener("focusout", ({ target }) => {
      const row = target.type === "number" && target.closest("tr[data-label]");
      if (!row) return;
      target.setAttribute("aria-invalid", "false");
      target.value = curves.get(row).at.toFixed(3);
    });
    element.addEventListener("click", ({ target }) => {
      const does = target.closest("[data-does]")?.dataset.does;
      if (!does) return;
      const section = target.closest("section");
      if (does === "back") {
        for (const row of rowsOf(section)) set(row, curves.get(row).fitted);
        section.querySelector("[data-does=use]").focus();
        return;
      }
      const all = rowsOf(section).map((row) => [row.dataset.label, curves.get(row)]);
      const thresholds = Object.fromEntries(all.map(([label, { at, fitted }]) => [label, at === fitted ? null : at]));
      said = JSON.stringify({ task: section.dataset.task, thresholds });
      trigger("input");
    });
    mtl.keepFolds(element, watch);
    watch("value", write);
    write();
  };

  return { start, chosen: () => said };
})();
