// What the page does in the browser itself. Its head carries this file, so that it is there before Gradio makes the
// first component; Python names these functions for Gradio to call (`js=` and `js_on_load=`). See also controls.js.
window.mtl = {
  // --- the frame ---

  navigation: () => performance.getEntriesByType("navigation")[0]?.type,
  // Loaded again, or come back to: it goes on with what it had.
  isReload: () => ["reload", "back_forward"].includes(mtl.navigation()),
  arrive: (token) => [token, mtl.isReload(), sessionStorage.getItem("mtl-run") ?? ""],
  // The run whose model this window uses: a server that was started again does not know it any more.
  remember: (element, watch) => {
    watch("value", () => {
      const { run } = element.querySelector("header").dataset;
      try { if (run !== undefined) sessionStorage.setItem("mtl-run", run); } catch { /* forbidden */ }
    });
  },
  openTab: (title) =>
    [...document.querySelectorAll("[role=tab]")].find((tab) => tab.textContent.trim() === title)?.click(),
  // Whether `text` could be copied. Browsers keep the clipboard from pages that came over plain http, as in a classroom:
  // there the old way still works.
  copy: async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  },
  // Buttons in `element` copy what stands in the field that they name: all of it (`whole`), where the field shows less.
  copies: (element) => {
    element.addEventListener("click", async ({ target }) => {
      const button = target.closest("[data-copies]");
      if (!button) return;
      const source = document.getElementById(button.dataset.copies);
      const done = await mtl.copy(source.whole ?? source.value);
      button.textContent = done ? button.dataset.done : button.dataset.failed;
      setTimeout(() => (button.textContent = button.dataset.label), 2000);
    });
  },
  download: (file) => {
    const link = document.createElement("a");
    link.href = file.url;
    link.download = file.orig_name;
    link.click();
  },

  // On a phone the chapters of Learn begin folded.
  fold: (element, watch) => {
    const fold = () => {
      if (!window.matchMedia("(max-width: 900px)").matches) return;
      for (const chapter of element.querySelectorAll(".chapter")) chapter.open = false;
    };
    fold();
    watch("value", fold);
  },

  // --- Train ---

  // What the form says, as JSON; nothing where it is not there yet.
  collect: () => document.querySelector("#what-learns .learns")?.parentElement.collect() ?? "",
  // The same, with what was asked for, for the server to carry out once.
  take: () => document.querySelector("#what-learns .learns").parentElement.take(),
  // Where the run is stands on the tab, and in the window's title, as long as it goes on; that it has ended, until the
  // tab is opened.
  onTab: (element, watch) => {
    const tab = [...document.querySelectorAll("[role=tab]")].find((each) => each.textContent.trim() === "Train");
    if (!tab) return;
    const title = document.title;
    const say = (brief) => {
      tab.dataset.run = brief;
      document.title = `${brief} · ${title}`;
    };
    const read = () => {
      delete tab.dataset.run;
      document.title = title;
    };
    const seen = () => tab.dataset.ended && tab.ariaSelected === "true" && !document.hidden && read();
    tab.addEventListener("click", () => setTimeout(seen));
    document.addEventListener("visibilitychange", seen);
    watch("value", () => {
      const run = element.querySelector(".run");
      const isBusy = Boolean(run?.classList.contains("busy"));
      const wasBusy = "run" in tab.dataset && !tab.dataset.ended;
      tab.dataset.ended = isBusy ? "" : "ended";
      if (isBusy || (run && wasBusy && (tab.ariaSelected !== "true" || document.hidden))) say(run.dataset.brief);
      else if (wasBusy || !run) read();
    });
  },
  // Start sends the form as it stands, and shows where the curves grow.
  start: () => {
    document.querySelector("#step-train").scrollIntoView({ behavior: "smooth" });
    return mtl.collect();
  },
  // What comes of a file or a sample is in sight of whoever has chosen it.
  inSight: (element, watch) => {
    watch("value", () => {
      const { body } = document;
      if (!("awaits" in body.dataset)) return;
      element.scrollIntoView({ behavior: "smooth", block: "nearest" });
      if (element.id === "data-summary" || element.querySelector(".bad")) delete body.dataset.awaits;
    });
  },
  // A choice in the table of columns goes to the server, which writes the table anew; then it has the keyboard again.
  columns: (element, trigger, watch) => {
    let last = null;
    const choose = ({ dataset, value }) => {
      const { column, label, key } = dataset;
      if (column === undefined) return;
      last = key;
      document.body.dataset.choice = JSON.stringify({ column, label, value });
      trigger("input");
    };
    element.addEventListener("change", (event) => choose(event.target));
    element.addEventListener("click", (event) => event.target.matches("button") && choose(event.target));
    watch("value", () => {
      if (last === null || ![null, document.body].includes(document.activeElement)) return;
      [...element.querySelectorAll("select")].find((select) => select.dataset.key === last)?.focus();
      last = null;
    });
  },
  // The answer to a question about the table: one of its readings, or names that are typed.
  questions: (element, trigger) => {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-question]");
      if (!button) return;
      const { question, reading } = button.dataset;
      const names = button.parentElement.querySelector("input")?.value;
      const answer = reading === undefined ? { names: names || "," } : { reading: Number(reading) };
      document.body.dataset.choice = JSON.stringify({ question: Number(question), ...answer });
      trigger("input");
    });
  },
  columnChoice: () => document.body.dataset.choice,

  // What is unfolded stays so when the HTML around it is written anew.
  keepFolds: (element, watch) => {
    const folds = new Map();
    element.addEventListener("toggle", ({ target }) => folds.set(target.dataset.fold, target.open), true);
    watch("value", () => {
      for (const fold of element.querySelectorAll("details[data-fold]")) {
        if (folds.has(fold.dataset.fold)) fold.open = folds.get(fold.dataset.fold);
      }
    });
  },

  // A choice among the held-out rows; and a cell of a confusion matrix, a slice or a bin, which opens its rows.
  filter: (element, trigger, watch) => {
    const ask = (changes = {}) => {
      const chosen = [...element.querySelectorAll("[data-filter]")].map((field) => [field.dataset.filter, field.value]);
      document.body.dataset.filter = JSON.stringify({ ...Object.fromEntries(chosen), ...changes });
      trigger("input");
    };
    element.addEventListener("change", () => ask());
    const open = (event) => {
      const cell = event.target.closest("[data-mistake], [data-part], [data-sure]");
      if (!cell) return;
      const any = { family: "", mistake: "", truth: "", answer: "", sure: "", part: "", word: "" };
      const which = cell.dataset.mistake ? "wrong" : "all";
      ask({ ...any, ...cell.dataset, task: cell.closest("[data-task]").dataset.task, which });
      element.scrollIntoView({ behavior: "smooth" });
    };
    for (const place of [element, document.querySelector("#result-scores")]) place.addEventListener("click", open);
    mtl.keepFolds(element, watch);
  },
  filterChoice: () => document.body.dataset.filter,

  // --- Compare ---

  // Whether the tab is what the visitor looks at: only then is there anything to follow.
  runsInSight: (_, ...rest) => [document.querySelector("#runs-table")?.offsetParent != null, ...rest.slice(0, 4)],
  runSet: (_, ...rest) => [mtl.collect(), ...rest.slice(0, 5)],
  runs: (element, trigger) => {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-run]");
      if (!button) return;
      document.body.dataset.run = button.dataset.run;
      trigger("select");
    });
  },
  runChoice: () => document.body.dataset.run ?? "",
};

for (const kind of ["change", "drop"]) {
  document.addEventListener(kind, ({ target }) => {
    if (target.closest?.("#data-file, #data-samples")) document.body.dataset.awaits = "";
  }, true);
}

// A jump to a part of the page, whose address holds its state and so no place. The keyboard goes on from there.
document.addEventListener("click", (event) => {
  const part = document.getElementById(event.target.closest("[data-jump]")?.dataset.jump);
  if (!part) return;
  // Of tabs, what is open.
  const place = [...part.querySelectorAll("[role=tabpanel]")].find((panel) => panel.offsetParent) ?? part;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
  place.scrollIntoView();
});

// A preset that a lesson is about is pressed in the Train tab, whose form may still be on its way.
document.addEventListener("click", async (event) => {
  const preset = event.target.closest("[data-tries]")?.dataset.tries;
  if (!preset) return;
  mtl.openTab("Train");
  let chip;
  while (!(chip = document.querySelector(`#what-learns [data-preset=${preset}]`))?.offsetParent) {
    await new Promise((later) => setTimeout(later, 50));
  }
  chip.focus({ preventScroll: true });
  chip.scrollIntoView({ block: "center" });
  chip.click();
});

// Arrow keys move along the tabs.
document.addEventListener("keydown", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (!tab) return;
  const tabs = [...tab.parentElement.querySelectorAll("[role=tab]")];
  const place = tabs.indexOf(tab), last = tabs.length - 1;
  const next = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: last }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  const other = tabs.at(next > last ? 0 : next);
  other.focus();
  other.click();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#sentences")) {
    event.preventDefault();
    document.querySelector("#analyze").click();
  }
});

// Gradio would answer a file over its limit with a bare "Error"; the page says what to do instead.
for (const kind of ["change", "drop"]) {
  document.addEventListener(kind, (event) => {
    const limits = JSON.parse(document.querySelector("[data-limits]")?.dataset.limits ?? "{}");
    for (const [place, limit] of Object.entries(limits)) {
      const files = event.target.closest?.(place) && (event.dataTransfer ?? event.target).files;
      if (![...(files || [])].some((file) => file.size > limit)) continue;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (kind === "change") event.target.value = "";
      document.querySelector(place + "-too-big").click();
    }
  }, true);
}
