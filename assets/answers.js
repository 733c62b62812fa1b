// The sentences and the answers to them: asks the server whenever something has changed, keeps what it answered, and
// tells the views. The views are the Overview's rows (here), the map (map.js), the grid (grid.js), what is said of the
// chosen sentences (chosen.js), and what the tabs show.
mtl.answers = (() => {
  const LIVE = 60; // so many sentences are answered while they are typed; more wait for Analyze
  const MOST = 2_000_000; // so many characters of the box are read and kept
  const SHORT = 150, LONG = 1000; // milliseconds without a key before the server is asked
  const IDLE = 3000; // milliseconds without a key after which the page may be loaded again
  const ANYWHERE = { rootMargin: "100000px" }; // in the tab that is open, however far one has to scroll
  const RETRY = [1000, 2000, 4000, 8000];
  const NUMBERS = ["dims", "one", "other", "clusters"]; // choices that are sent as numbers
  const CHOICES = [...NUMBERS, "method", "pooling", "colour", "search", "head", "order", "span_head"];
  const NO_STATE = { texts: [], colourings: [], map: null, grid: null, nearest: null };

  let server, trigger;
  let latest = NO_STATE;
  let rowOf = new Map(); // the HTML of each sentence's row
  const settings = {}; // what visitors chose in the views, as the server is asked for it
  const drawings = []; // functions that are called after every answer
  let running = false, wanted = null, stopped = false, timer = null, roundTrip = 0, failures = 0;
  let pointed = null, chosen = [], matches = null; // rows; those that a search finds, null without a search
  let alike = null, searching = null; // the cosine of each that was found by its meaning; the pause before that
  let waiting = false; // whether the line below the box says that the server takes long
  let said = ""; // the last answer's line
  let owns = []; // the visitor's own sentences that examples or files replaced, the latest at the end
  let fileText = null; // what the last file put into the box
  let visit = null, typedAt = 0; // as whom the server knows this page; when a key was last pressed

  const box = () => document.querySelector("#sentences textarea");
  const lines = () => box().value.split(/\r\n|\r|\n/).filter((line) => line.trim());

  // --- asking ---

  // Ask once the visitor pauses: longer where answers take long.
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask({ typed: true }), Math.min(Math.max(SHORT, roundTrip / 2), LONG));
  };

  // `question`: {typed: true} about what is in the box, {file: true} about the last file, {} about what the server has.
  // One is under way at a time, and those that come meanwhile become one.
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
      // A question that is patient may take long, and its answer changes the map alone.
      const slow = setTimeout(() => {
        if (now.patient) return;
        waiting = true;
        say(server.waiting ?? "Waiting for the server …", "busy");
      }, 1000);
      const views = inSight();
      const text = now.typed ? box().value : "";
      const lines = now.typed && { lines: text.slice(0, MOST), left_out: Math.max(text.length - MOST, 0) };
      const { typed, ...rest } = now;
      const found = await server.answer({ ...settings, ...rest, ...lines, views });
      clearTimeout(slow);
      if (!found) {
        // No connection, or the server is busy: nothing is lost, and it is asked again.
        wanted = { ...now, ...wanted, again: true };
        waiting = true;
        if (now.typed) document.body.classList.add("stale");
        say("The server does not answer. Your sentences are kept; trying again …", "busy");
        await new Promise((done) => setTimeout(done, RETRY[Math.min(failures++, RETRY.length - 1)]));
        continue;
      }
      failures = 0;
      roundTrip = performance.now() - began;
      if (found.visit !== undefined && found.visit !== (visit ??= found.visit)) renew();
      if (found.progress) {
        status(found.progress);
        if (stopped) say("Stopped. The results shown are those from before.");
        else wanted ??= { all_rows: now.all_rows };
      } else if (found.lines) {
        wanted = { typed: true, all_rows: true, ...wanted };
      } else if (found.problem) {
        status(found.problem);
        document.body.classList.add("stale");
      } else if (found.refused) {
        say(found.refused, "bad");
      } else if (!take(found, now)) {
        wanted = { all_rows: true, ...wanted };
      } else if (inSight().some((name) => !views.includes(name))) {
        wanted ??= {}; // a view came in sight meanwhile
      }
      canStop(Boolean(found.progress && wanted));
    }
    running = false;
  };

  // A server that was started anew, or forgot this page while the machine slept, answers as before, but knows nothing
  // of its runs and its model. Loaded again the page has everything it had, so that is done once nobody types.
  const renew = () => {
    const idle = performance.now() - typedAt > IDLE && !running;
    if (idle) window.location.reload();
    else setTimeout(renew, 500);
  };
  document.addEventListener("mtl-reconnected", () => ask({}));

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
    document.body.classList.remove("stale");
    if (!same) find();
    const news = asked.typed || asked.file || !same || found.read > 0;
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

  // --- the line below the box, and below it that of a file which is being read ---

  let fileLine = null, reading = false;
  const show = (line) => document.querySelector("#status").replaceChildren(line, ...(fileLine ? [fileLine] : []));
  const status = (html) => show(fragment(html));
  const say = (words, kind = "ok") => {
    const line = document.createElement("div");
    line.className = "status " + kind;
    line.setAttribute("role", "status");
    line.append(Object.assign(document.createElement("p"), { textContent: words }));
    show(line);
  };
  // For long enough to be read, in place of what was said of the answers.
  const remark = (words) => {
    say(words);
    const line = document.querySelector("#status .status");
    setTimeout(() => line.isConnected && status(said), 8000);
  };
  const ofFile = (html) => {
    fileLine?.remove();
    fileLine = html ? fragment(html).firstElementChild : null;
    if (fileLine) document.querySelector("#status").append(fileLine);
  };
  const canStop = (yes) => {
    reading = yes;
    document.body.classList.toggle("can-stop", reading || fileLine !== null);
  };
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
    const { asks, row } = place.contains(document.activeElement) ? document.activeElement.dataset : {};
    place.replaceChildren(fragment(html));
    place.querySelectorAll("details").forEach((part, i) => { part.open = open[i] ?? part.open; });
    const focused = asks ? `[data-asks="${asks}"]` : row && `[data-row="${row}"][tabindex]`;
    if (focused) place.querySelector(focused)?.focus();
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
    if (event.key === "Escape" && chosen.length && !event.target.closest("dialog") && !(event.target.type === "search" && event.target.value)) choose([]);
  });
  // What the chosen sentences have in common, for those of whom the browser has no cosines.
  const about = async (rows) => (await server.answer({ ...settings, chosen: rows }))?.chosen;

  const search = (words) => {
    keep("search", words);
    find();
    light();
  };
  // The sentences that hold each of the words, whatever their case and accents; where none does, those whose embeddings
  // are nearest to that of the words.
  const find = () => {
    clearTimeout(searching);
    const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    const words = plain(settings.search ?? "").split(/\s+/).filter(Boolean);
    const texts = words.length ? latest.texts.map(plain) : [];
    matches = words.length ? [...texts.keys()].filter((row) => words.every((word) => texts[row].includes(word))) : null;
    alike = null;
    if (matches?.length === 0 && latest.texts.length) searching = setTimeout(findAlike, 2 * SHORT);
  };
  const findAlike = async () => {
    const { search: words } = settings, of = latest;
    const found = (await server.answer({ ...settings, like: words }))?.like;
    if (!found || words !== settings.search || of !== latest) return;
    alike = new Map(found);
    matches = [...alike.keys()];
    light();
  };

  const marked = [];
  const tellMarks = () => marked.forEach((mark) => mark(pointed, chosen));
  const light = () => {
    const ringed = new Set(chosen), wanted = matches?.length && new Set(matches);
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
    element.addEventListener("focusin", (event) => {
      point(rowUnder(event));
      if (event.target.matches("[data-row]")) stopAt(event.target);
    });
    // Shift would mark the text from one row to the other.
    element.addEventListener("mousedown", (event) => {
      if (event.shiftKey && rowUnder(event) !== null) event.preventDefault();
    });
    element.addEventListener("click", (event) => {
      const row = rowUnder(event);
      if (row !== null && !event.target.closest("summary, a, button, select, input, label")) choose(row, event.shiftKey);
    });
    element.addEventListener("keydown", (event) => {
      if (!event.target.matches("[data-row]")) return;
      const rows = [...event.target.parentElement.children], place = rows.indexOf(event.target);
      const next = { ArrowUp: place - 1, ArrowDown: place + 1, Home: 0, End: rows.length - 1 }[event.key];
      if (next === undefined && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      if (next === undefined) choose(Number(event.target.dataset.row), event.shiftKey);
      else rows[next]?.focus();
    });
  };
  // The rows of a list are one stop of the Tab key, at the one that had it last; the arrow keys move along them.
  const stopAt = (row) => {
    for (const other of row.parentElement.children) other.tabIndex = other === row ? 0 : -1;
  };

  // --- what is typed, and what replaces it ---

  // Own sentences make room for others, and can be put back; by the browser's Back, too.
  const replace = (text) => {
    if (isOwn()) owns = recent([...owns, box().value]);
    remember();
    history.pushState({ ...history.state, mtl: undefined }, "");
    fillBox(text);
    offerOwn();
  };
  const isOwn = () => {
    const examples = [...document.querySelectorAll("[data-lines]")].map((button) => button.dataset.lines);
    const { value } = box();
    return Boolean(value.trim()) && ![...examples, ...owns, fileText].includes(value);
  };
  // As many of the latest as the browser keeps.
  const recent = (texts) => {
    let room = MOST;
    const first = texts.findLastIndex((text) => (room -= text.length) < 0);
    return texts.slice(first + 1);
  };
  // What stands in the box waits at the end of the line, so that putting back loses nothing either.
  const putBack = () => {
    const text = owns.pop();
    if (isOwn()) owns.unshift(box().value);
    fillBox(text);
    box().focus({ preventScroll: true });
    offerOwn();
    ask({ typed: true });
  };
  const fillBox = (text) => {
    const area = box();
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, text);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  document.addEventListener("input", (event) => {
    if (event.target !== box()) return;
    typedAt = performance.now();
    rememberSoon();
    const count = lines().length;
    if (count <= LIVE) soon();
    else {
      clearTimeout(timer);
      document.body.classList.add("stale");
      say(`${count.toLocaleString("en")} sentences: press Analyze when they are as you want them.`);
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#analyze")) {
      ask({ typed: true, anew: true, all_rows: true });
      toAnswers();
    }
    if (event.target.closest("#stop")) stopped = true;
    const example = event.target.closest("[data-lines]");
    if (example) {
      replace(example.dataset.lines);
      ask({ typed: true });
    }
    if (event.target.closest("#undo-example")) putBack();
  });
  // On a phone the answers stand below the box.
  const toAnswers = () => {
    const right = document.querySelector("#right"), [below, above] = [right, box()].map((e) => e.getBoundingClientRect());
    if (below.left < above.right) right.scrollIntoView({ behavior: "smooth" });
  };
  // Bring the answers in sight, from a tab that has none too.
  const reveal = () => {
    if (!box().checkVisibility({ visibilityProperty: true })) mtl.openTab("Overview");
    toAnswers();
  };
  const offerOwn = () => { document.querySelector("#undo-example").hidden = !owns.length; };

  // --- what survives a reload, and what a link carries ---

  const LONGEST_LINK = 2000; // characters of sentences that a link holds
  const TRAIN = ["train", "start", "data"]; // parts of an address that are about the Train tab; the server writes them
  const KEY = "mtl-kept";
  let ready = false, remembering = null;
  const ofTrain = (parts) => new URLSearchParams([...parts].filter(([name]) => TRAIN.includes(name)));
  // Links of earlier versions have that part where a server is sent it.
  const moveToFragment = () => {
    const { pathname, search, hash } = window.location;
    const sent = new URLSearchParams(search), old = ofTrain(sent);
    if (!old.size) return;
    for (const name of TRAIN) sent.delete(name);
    const tab = new URLSearchParams(hash.slice(1)).has("tab") ? [] : ["tab=Train"];
    const address = [hash.slice(1), ...tab, old].filter(String).join("&");
    history.replaceState(history.state, "", `${pathname}${sent.size ? `?${sent}` : ""}#${address}`);
  };
  moveToFragment();
  const behindHash = () => new URLSearchParams(window.location.hash.slice(1));
  // Another address has its own sentences, and keeps them should it be loaded again before it is ready.
  if (mtl.navigation() === "navigate" && behindHash().has("sentences")) {
    try { sessionStorage.removeItem(KEY); } catch { /* forbidden */ }
  }
  let train = ofTrain(behindHash()); // what the address says of the Train tab
  // A link to it that the server is asked to follow. A page that is loaded again wrote its address by itself.
  let asked = train + (mtl.isReload() ? "&again=1" : "");
  const linked = () => asked;
  const link = (query) => {
    train = new URLSearchParams(query);
    rememberSoon();
  };
  const opened = () => document.querySelector("[role=tab][aria-selected=true]")?.textContent.trim();
  const address = () => {
    const parts = new URLSearchParams();
    const text = box().value;
    if (text.length <= LONGEST_LINK) parts.set("sentences", text);
    for (const [name, value] of Object.entries(settings)) parts.set(name, value);
    if (opened() && opened() !== "Overview") parts.set("tab", opened());
    for (const [name, value] of train) parts.set(name, value);
    return parts;
  };
  // What the address does not hold stays with this entry of the browser's history, and the last with this tab of the
  // browser, which still takes it while the page is left. The part of the address behind # is never sent to a server.
  const remember = () => {
    clearTimeout(remembering);
    if (!ready) return;
    const area = box();
    const caret = document.activeElement === area ? [area.selectionStart, area.selectionEnd] : null;
    const entry = history.state?.mtl?.entry ?? Math.random();
    const state = { entry, text: area.value.slice(0, MOST), owns, caret };
    const { pathname, search } = window.location;
    try {
      sessionStorage.setItem(KEY, JSON.stringify(state));
      history.replaceState({ ...history.state, mtl: state }, "", `${pathname}${search}#${address()}`);
    } catch { /* the browser keeps nothing of this page, or it was changed too often: the next time */ }
  };
  const kept = () => {
    const here = history.state?.mtl;
    try {
      const last = JSON.parse(sessionStorage.getItem(KEY));
      // A page that is loaded again a moment after its entry was written may find the entry as it was before that.
      const isAgain = !ready && mtl.navigation() === "reload";
      return { last, here: isAgain || here?.entry === last?.entry ? last ?? here : here };
    } catch { // forbidden
      return { here };
    }
  };
  const rememberSoon = () => {
    clearTimeout(remembering);
    remembering = setTimeout(remember, 300);
  };
  window.addEventListener("pagehide", remember);
  document.addEventListener("visibilitychange", () => document.hidden && remember());

  // A choice that changes nothing on the server.
  const keep = (name, value) => {
    settings[name] = value;
    if (!value) delete settings[name];
    remember();
  };
  const restore = () => {
    const parts = behindHash();
    for (const name of CHOICES) {
      const value = NUMBERS.includes(name) ? Number(parts.get(name)) || null : parts.get(name);
      if (value === null) delete settings[name];
      else settings[name] = value;
    }
    const { here, last } = kept();
    const text = here?.text ?? parts.get("sentences") ?? last?.text;
    owns = here?.owns ?? [];
    offerOwn();
    if (text !== undefined && text !== box().value) fillBox(text);
    if (here?.caret) {
      box().focus({ preventScroll: true });
      box().setSelectionRange(...here.caret);
    }
    if (parts.has("tab")) mtl.openTab(parts.get("tab"));
  };
  document.addEventListener("click", async (event) => {
    if (event.target.closest("[role=tab]")) setTimeout(remember);
    if (!event.target.closest("#copy-address")) return;
    remember();
    if (!await mtl.copy(window.location.href)) remark("This browser copies nothing by itself: copy the address of this page.");
    else if (address().has("sentences")) remark(`The link is copied: whoever can reach this page sees these sentences${train.size ? " and what is set in Train" : ""} by it.`);
    else remark(`The link is copied, without the sentences: it holds at most ${LONGEST_LINK.toLocaleString("en")} characters of them.`);
  });
  window.addEventListener("popstate", () => {
    const parts = behindHash(), isNew = !history.state?.mtl;
    restore();
    if (!parts.has("tab")) mtl.openTab("Overview");
    ask({ typed: true, all_rows: true });
    const now = String(ofTrain(parts));
    rememberSoon(); // with what holds until the server has followed the link
    // Who goes back to sentences from before loses nothing that was done in Train since.
    if (!isNew || !now || now === String(train)) return;
    asked = now;
    document.dispatchEvent(new Event("mtl-linked"));
  });

  // --- the connection with the page ---

  const connect = (functions, fire, watch, props) => {
    server = functions;
    trigger = fire;
    watch("value", () => {
      const { status: html, reading: line, lines, ask: asked } = props.value ?? {};
      ofFile(line);
      canStop(reading);
      if (html) status(html);
      if (lines != null) {
        replace(lines);
        fileText = box().value;
        ask({ file: true, typed: false, all_rows: true });
      }
      if (asked) ask({ all_rows: true });
    });
    begin();
  };
  // Gradio may make the tabs and the box later, and it puts the opening sentences in only when the box is there: over
  // ours, if they came first.
  const begin = () => {
    if (!box()?.value || !opened()) {
      setTimeout(begin, 20);
      return;
    }
    restore();
    ready = true;
    ask({ typed: true, all_rows: true });
  };

  return {
    connect, view, follow, reveal, settings, marks, point, choose, search, choices, ask, about, keep, linked, link,
    get latest() { return latest; },
    get matches() { return matches; },
    get alike() { return alike; },
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
      const others = heads.querySelectorAll(".row-head > span").length - 2; // without the number and the nearest one
      element.style.setProperty("--tasks", Math.max(others, 1));
    }
    // Rows that stay are left alone, so that nothing flickers and no selection is lost.
    const kept = new Map();
    for (const { html, row } of drawn) kept.set(html, [...(kept.get(html) ?? []), row]);
    drawn = shown.map((text) => {
      const html = rows.get(text);
      let row = kept.get(html)?.shift();
      if (!row) {
        row = document.createElement("li");
        row.tabIndex = -1;
        row.append(document.createRange().createContextualFragment(html));
      }
      return { html, row };
    });
    drawn.forEach(({ row }, i) => {
      row.dataset.row = i;
      row.querySelector(".line-number").textContent = i + 1;
      const near = row.querySelector(".nearest span");
      near.textContent = nearest ? `${nearest[0][i] + 1} · cos ${nearest[1][i].toFixed(2)}` : "–";
      near.title = nearest ? texts[nearest[0][i]].slice(0, 400) : "";
    });
    const order = drawn.map(({ row }) => row);
    if (order.length !== list.children.length || order.some((row, i) => list.children[i] !== row))
      list.replaceChildren(...order);
    if (order.length && order.every((row) => row.tabIndex !== 0)) order[0].tabIndex = 0;
  });
};
