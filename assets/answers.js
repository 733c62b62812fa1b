// The sentences and the answers to them: asks the server whenever something has changed, keeps what it answered, and
// tells the views. The views are the Overview's rows (here), the map (map.js), the grid (grid.js), what is said of the
// chosen sentences (chosen.js), and what the tabs show.
mtl.answers = (() => {
  const LIVE = 60; // so many sentences are answered while they are typed; more wait for Analyze
  const SHORT = 150, LONG = 1000; // milliseconds without a key before the server is asked
  const ANYWHERE = { rootMargin: "100000px" }; // in the tab that is open, however far one has to scroll
  const RETRY = [1000, 2000, 4000, 8000];
  const NUMBERS = ["dims", "one", "other", "clusters"]; // choices that are sent as numbers
  const NO_STATE = { texts: [], colourings: [], map: null, grid: null, nearest: null };

  let server, trigger;
  let latest = NO_STATE;
  let rowOf = new Map(); // the HTML of each sentence's row
  const settings = {}; // what visitors chose in the views, as the server is asked for it
  const drawings = []; // functions that are called after every answer
  let running = false, wanted = null, stopped = false, timer = null, roundTrip = 0, failures = 0;
  let pointed = null, chosen = [], matches = null; // rows; those that a search finds, null without a search
  let waiting = false; // whether the line below the box says that the server takes long
  let said = ""; // the last answer's line
  let before = null; // the visitor's own sentences that an example replaced

  const box = () => document.querySelector("#sentences textarea");
  const lines = () => box().value.split(/\r\n|\r|\n/).filter((line) => line.trim());

  // --- asking ---

  // Ask once the visitor pauses: longer where answers take long.
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask({ lines: box().value }), Math.min(Math.max(SHORT, roundTrip / 2), LONG));
  };

  // `question`: {lines} for those in the box, {} for those that the server has. One is under way at a time, and of those
  // that come meanwhile only the last is asked.
  const ask = async (question) => {
    clearTimeout(timer);
    wanted = { ...wanted, ...question };
    if (running || !server) return;
    running = true;
    stopped = false;
    while (wanted) {
      const now = wanted;
      wanted = null;
      const began = performance.now();
      const slow = setTimeout(() => { waiting = true; say("Waiting for the server …", "busy"); }, 1000);
      const views = inSight();
      const found = await server.answer({ ...settings, ...now, views });
      clearTimeout(slow);
      if (!found) {
        // No connection, or the server is busy: nothing is lost, and it is asked again.
        wanted = { ...now, ...wanted };
        waiting = true;
        say("The server does not answer. Your sentences are kept; trying again …", "busy");
        await new Promise((done) => setTimeout(done, RETRY[Math.min(failures++, RETRY.length - 1)]));
        continue;
      }
      failures = 0;
      roundTrip = performance.now() - began;
      if (found.progress) {
        status(found.progress);
        if (stopped) say("Stopped. The results shown are those from before.");
        else wanted ??= { all_rows: now.all_rows };
      } else if (found.lines) {
        wanted = { lines: box().value, all_rows: true, ...wanted };
      } else if (found.problem) {
        status(found.problem);
      } else if (!take(found, now)) {
        wanted = { all_rows: true, ...wanted };
      } else if (inSight().some((name) => !views.includes(name))) {
        wanted ??= {}; // a view came in sight meanwhile
      }
      canStop(Boolean(found.progress && wanted));
    }
    running = false;
  };

  // Keep an answer and show it. False where rows are missing: then they are asked for.
  const take = (found, asked) => {
    const rows = new Map(Object.entries(found.rows));
    for (const text of found.texts) if (!rows.has(text) && rowOf.has(text)) rows.set(text, rowOf.get(text));
    const shown = found.texts.slice(0, found.shown);
    if (!shown.every((text) => rows.has(text))) return false;
    rowOf = rows;
    const same = found.model === latest.model && String(found.texts) === String(latest.texts);
    if (!same) {
      pointed = null;
      const kept = chosen.map((row) => found.texts.indexOf(latest.texts[row]));
      chosen = [...new Set(kept)].filter((row) => row >= 0);
    }
    latest = { ...found, rows, shown };
    if (!same) find();
    const news = asked.lines !== undefined || !same || found.read > 0;
    if (news) said = found.status;
    if (news || waiting) status(said);
    waiting = false;
    for (const [name, html] of Object.entries(found.views)) fill(name, html);
    drawings.forEach((draw) => draw(latest));
    light();
    if (found.better_in !== null) setTimeout(() => ask({ patient: true }), 1000 * found.better_in);
    if (!same || asked.anew) document.body.dataset.answered = (Number(document.body.dataset.answered) || 0) + 1;
    tellGradio();
    remember();
    return true;
  };

  // Some parts of the page follow the sentences by events of Gradio's: told only while one of them is in sight.
  let told = null, lastModel = null, follower = null;
  const tellGradio = () => {
    const version = `${document.body.dataset.answered} ${latest.model}`;
    const anotherModel = lastModel !== null && latest.model !== lastModel;
    lastModel = latest.model;
    if (version === told || !(anotherModel || (follower && visible(follower)))) return;
    told = version;
    trigger("input");
  };
  // An element that such events fill; told when it comes in sight, too.
  const follow = (element) => {
    follower = element;
    element.style.minHeight = "1px";
    new IntersectionObserver((seen) => {
      if (seen.some(({ isIntersecting }) => isIntersecting) && latest.texts.length) tellGradio();
    }, ANYWHERE).observe(element);
  };

  // --- the line below the box ---

  const status = (html) => { document.querySelector("#status").replaceChildren(fragment(html)); };
  const say = (words, kind = "ok") => {
    const line = document.createElement("div");
    line.className = "status " + kind;
    line.setAttribute("role", "status");
    line.append(Object.assign(document.createElement("p"), { textContent: words }));
    document.querySelector("#status").replaceChildren(line);
  };
  const canStop = (yes) => document.body.classList.toggle("can-stop", yes);
  const fragment = (html) => document.createRange().createContextualFragment(html);

  // --- views that the server draws ---

  const places = new Map();
  const visible = (element) => element.offsetParent !== null;
  const inSight = () => [...places].filter(([, place]) => visible(place)).map(([name]) => name);
  const fill = (name, html) => {
    const place = places.get(name);
    if (!place) return;
    place.dataset.of = document.body.dataset.answered;
    const open = [...place.querySelectorAll("details")].map((part) => part.open);
    const focused = place.contains(document.activeElement) ? document.activeElement.dataset.asks : null;
    place.replaceChildren(fragment(html));
    place.querySelectorAll("details").forEach((part, i) => { part.open = open[i] ?? part.open; });
    if (focused) place.querySelector(`[data-asks="${focused}"]`)?.focus();
    if (pointed !== null || chosen.length || matches) light();
  };
  // What comes in sight after the answer came is asked for then.
  const watcher = new IntersectionObserver((seen) => {
    if (seen.some(({ isIntersecting, target }) => isIntersecting && target.dataset.of !== document.body.dataset.answered))
      if (latest.texts.length) ask({});
  }, ANYWHERE);
  const view = (element, name) => {
    places.set(name, element);
    element.style.minHeight = "1px";
    watcher.observe(element);
    element.addEventListener("change", choices);
    marks(element);
  };
  // A choice in a view belongs to the next question.
  const choices = (event) => {
    const { asks } = event.target.dataset;
    if (!asks) return;
    settings[asks] = NUMBERS.includes(asks) ? Number(event.target.value) : event.target.value;
    ask({});
  };

  // --- pointing at a sentence, choosing some, searching ---

  const point = (row) => {
    if (row === pointed) return;
    const rowsOf = (at) => (at === null ? [] : document.querySelectorAll(`[data-row="${at}"]`));
    rowsOf(pointed).forEach((element) => element.classList.remove("pointed"));
    rowsOf(row).forEach((element) => element.classList.add("pointed"));
    pointed = row;
    tellMarks();
  };
  // One sentence, or a list of them; `more`: besides those that are chosen. A second one is compared with the first.
  const choose = (row, more) => {
    if (Array.isArray(row)) chosen = [...new Set(more ? [...chosen, ...row] : row)];
    else if (chosen.includes(row)) chosen = chosen.filter((other) => other !== row);
    else chosen = more || chosen.length === 1 ? [...chosen, row] : [row];
    light();
  };
  document.addEventListener("keydown", (event) => {
    // In a search that is not empty, Escape empties it.
    if (event.key === "Escape" && chosen.length && !(event.target.type === "search" && event.target.value)) choose([]);
  });
  // What the chosen sentences have in common, for those of whom the browser has no cosines.
  const about = async (rows) => (await server.answer({ ...settings, chosen: rows }))?.chosen;

  const search = (words) => {
    keep("search", words);
    find();
    light();
  };
  // The sentences that hold each of the words, whatever their case and accents.
  const find = () => {
    const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    const words = plain(settings.search ?? "").split(/\s+/).filter(Boolean);
    const texts = words.length ? latest.texts.map(plain) : [];
    matches = words.length ? [...texts.keys()].filter((row) => words.every((word) => texts[row].includes(word))) : null;
  };

  const marked = [];
  const tellMarks = () => marked.forEach((mark) => mark(pointed, chosen));
  const light = () => {
    const ringed = new Set(chosen), wanted = matches && new Set(matches);
    for (const element of document.querySelectorAll("[data-row]")) {
      const row = Number(element.dataset.row);
      element.classList.toggle("pointed", row === pointed);
      element.classList.toggle("chosen", ringed.has(row));
      element.classList.toggle("faded", Boolean(wanted) && !wanted.has(row));
    }
    tellMarks();
  };
  // Rows in `element` light up with the sentence that they belong to.
  const marks = (element) => {
    const rowUnder = (event) => {
      const row = event.target.closest?.("[data-row]");
      return row && element.contains(row) ? Number(row.dataset.row) : null;
    };
    element.addEventListener("pointerover", (event) => point(rowUnder(event)));
    element.addEventListener("pointerleave", () => point(null));
    element.addEventListener("focusin", (event) => point(rowUnder(event)));
    element.addEventListener("click", (event) => {
      const row = rowUnder(event);
      if (row !== null && !event.target.closest("summary, a, button, select, input, label")) choose(row, event.shiftKey);
    });
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " " || !event.target.matches("[data-row]")) return;
      event.preventDefault();
      choose(Number(event.target.dataset.row), event.shiftKey);
    });
  };

  // --- what is typed, and what replaces it ---

  const fillBox = (text) => {
    const area = box();
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, text);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  document.addEventListener("input", (event) => {
    if (event.target !== box()) return;
    const count = lines().length;
    if (count <= LIVE) soon();
    else {
      clearTimeout(timer);
      say(`${count.toLocaleString("en")} sentences: press Analyze when they are as you want them.`);
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#analyze")) {
      ask({ lines: box().value, anew: true, all_rows: true });
      // On a phone the answers stand below the box.
      const right = document.querySelector("#right");
      if (right.offsetTop > document.querySelector("#left").offsetTop + 100) right.scrollIntoView({ behavior: "smooth" });
    }
    if (event.target.closest("#stop")) stopped = true;
    const example = event.target.closest("#examples [data-lines]");
    if (example) {
      const examples = [...document.querySelectorAll("#examples [data-lines]")].map((button) => button.dataset.lines);
      if (!examples.includes(box().value) && box().value.trim()) before = box().value;
      fillBox(example.dataset.lines);
      ask({ lines: box().value });
      undo();
    }
    if (event.target.closest("#undo-example")) {
      fillBox(before);
      before = null;
      ask({ lines: box().value });
      undo();
    }
  });
  const undo = () => { document.querySelector("#undo-example").hidden = before === null; };

  // --- what survives a reload, and what a link carries ---

  const LONGEST_LINK = 2000; // characters of sentences that a link holds
  const KEY = "mtl-sentences";
  const opened = () => document.querySelector("[role=tab][aria-selected=true]")?.textContent.trim();
  const address = () => {
    const parts = new URLSearchParams();
    const text = box().value;
    if (text.length <= LONGEST_LINK) parts.set("sentences", text);
    for (const [name, value] of Object.entries(settings)) parts.set(name, value);
    if (opened() && opened() !== "Overview") parts.set("tab", opened());
    return parts;
  };
  // The part of the address behind # is never sent to a server.
  const remember = () => {
    try { sessionStorage.setItem(KEY, box().value); } catch { /* too long, or forbidden: then only the link remembers */ }
    const { pathname, search } = window.location;
    history.replaceState(history.state, "", `${pathname}${search}#${address()}`);
  };
  // A choice that changes nothing on the server.
  const keep = (name, value) => {
    settings[name] = value;
    if (!value) delete settings[name];
    remember();
  };
  const restore = () => {
    const parts = new URLSearchParams(window.location.hash.slice(1));
    for (const [name, value] of parts)
      if (!["sentences", "tab"].includes(name)) settings[name] = NUMBERS.includes(name) ? Number(value) : value;
    const text = parts.get("sentences") ?? sessionStorage.getItem(KEY);
    if (text !== null && text !== box().value) fillBox(text);
    if (parts.has("tab")) mtl.openTab(parts.get("tab"));
    return Boolean(text);
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[role=tab]")) setTimeout(remember);
    if (!event.target.closest("#copy-address")) return;
    remember();
    navigator.clipboard.writeText(window.location.href);
    say(address().has("sentences") ? "The link is copied: whoever opens it sees these sentences."
      : `The link is copied, without the sentences: it holds at most ${LONGEST_LINK.toLocaleString("en")} characters of them.`);
  });
  window.addEventListener("hashchange", () => { if (restore()) ask({ lines: box().value, all_rows: true }); });

  // --- the connection with the page ---

  const connect = (functions, fire, watch, props) => {
    server = functions;
    trigger = fire;
    watch("value", () => {
      const { status: html, ask: asked, busy } = props.value ?? {};
      if (html) status(html);
      canStop(busy);
      if (asked) ask({ anew: false, all_rows: true });
    });
    begin();
  };
  // Gradio may make the box later.
  const begin = () => {
    if (!box()) {
      setTimeout(begin, 20);
      return;
    }
    restore();
    ask({ lines: box().value, all_rows: true });
  };

  return {
    connect, view, follow, settings, marks, point, choose, search, choices, ask, about, keep,
    get latest() { return latest; },
    get matches() { return matches; },
    onAnswer: (draw) => { drawings.push(draw); if (latest.texts.length) draw(latest); },
    onMark: (mark) => marked.push(mark),
  };
})();

// --- the Overview's rows ---

mtl.overview = (element) => {
  const list = element.querySelector(".answers");
  let drawn = [];
  mtl.answers.marks(element);
  mtl.answers.onAnswer(({ shown, rows, head, saved, nearest, texts }) => {
    if (saved) element.querySelector(".saved").textContent = saved;
    const heads = element.querySelector(".heads");
    if (heads.dataset.html !== head) {
      heads.dataset.html = head;
      heads.replaceChildren(document.createRange().createContextualFragment(head));
      const columns = heads.querySelectorAll(".row-head > span").length - 1;
      element.style.setProperty("--columns", columns);
    }
    // Rows that stay are left alone, so that nothing flickers and no selection is lost.
    const kept = new Map();
    for (const { html, row } of drawn) kept.set(html, [...(kept.get(html) ?? []), row]);
    drawn = shown.map((text) => {
      const html = rows.get(text);
      let row = kept.get(html)?.shift();
      if (!row) {
        row = document.createElement("li");
        row.tabIndex = 0;
        row.append(document.createRange().createContextualFragment(html));
      }
      return { html, row };
    });
    drawn.forEach(({ row }, i) => {
      row.dataset.row = i;
      row.querySelector(".line-number").textContent = i + 1;
      const near = row.querySelector(".nearest span");
      near.textContent = nearest ? `${nearest[0][i] + 1} · ${nearest[1][i].toFixed(2)}` : "–";
      near.title = nearest ? texts[nearest[0][i]].slice(0, 400) : "";
    });
    const order = drawn.map(({ row }) => row);
    if (order.length !== list.children.length || order.some((row, i) => list.children[i] !== row))
      list.replaceChildren(...order);
  });
};
