// Texts that people label themselves (step 1 of the Train tab). What they do is shown here at once and sent to the
// server as small actions, in their order; it learns from them and answers with what is new (mtl/ui/train/label). The
// browser keeps all of it: the project as the server last said it (`base`, after `at` actions) and the actions since.
mtl.label = (() => {
  const KEY = "mtl-labelling";
  const RETRY = [1000, 2000, 4000, 8000];
  const PAUSE = 500; // milliseconds without a key before figures are asked for
  const FOLD = 60; // after so many actions the server says the whole project anew
  const ROWS = 50; // so many rows are listed at first

  let element, server, trigger, words, keys;
  let draft; // {id, at, base, actions}
  let acknowledged = 0; // so many actions the server has carried out
  let items = [], scheme = null, latest = {}; // as the server said them, and as they are changed here
  let offered = []; // whose answers can be offered
  let current = null, how = null; // the place of the sentence on the card, and how it came there
  let seen = []; // the places that were on the card before
  let held = null; // words that are chosen: the first and the last
  let cursor = null; // the last word that was marked, from which the arrows go on
  let running = false, failures = 0, wish = {}, timer = null;
  let rows = ROWS;
  let jump = false; // an undo shows what it has changed
  const skipped = new Set();

  const find = (selector, where = element) => where.querySelector(selector);
  const all = (selector, where = element) => [...where.querySelectorAll(selector)];
  const filled = (phrase, ...values) => values.reduce((text, value) => text.replace("{}", value), phrase);
  const number = (value) => value.toLocaleString("en");
  const choice = (name) => find(`[data-of=${name}]`);
  const make = (tag, properties = {}, ...inner) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...inner);
    return made;
  };

  // --- what is kept ---

  const once = () => crypto.getRandomValues(new Uint32Array(2)).join("-");
  const begin = () => {
    draft = { id: once(), at: 0, base: JSON.parse(find(".labelling").dataset.begin), actions: [] };
    acknowledged = 0;
  };
  // Each tab of the browser goes on with its own, and a new one with what was last labelled in any.
  const restore = () => {
    for (const storage of [sessionStorage, localStorage]) {
      try {
        const [kept, since] = [`${KEY}-base`, KEY].map((key) => JSON.parse(storage.getItem(key)));
        if (!kept?.base) continue;
        const { id, at, base } = kept;
        draft = { id, at, base, actions: since?.id === id && since.at === at ? since.actions : [] };
        acknowledged = at;
        return;
      } catch { /* forbidden, or broken */ }
    }
    begin();
  };
  // The base is large, and a key must be quick.
  const keep = (isAnew = false) => {
    const { id, at, base, actions } = draft;
    let isKept = true;
    for (const storage of [sessionStorage, localStorage]) {
      try {
        if (isAnew) storage.setItem(`${KEY}-base`, JSON.stringify({ id, at, base }));
        storage.setItem(KEY, JSON.stringify({ id, at, actions }));
      } catch { isKept = false; }
    }
    find(".kept").textContent = draft.base.items.length ? (isKept ? words.kept : words.temporary) : "";
  };

  // --- asking the server ---

  const act = (action, wished) => {
    draft.actions.push(action);
    say([]);
    keep();
    ask(wished);
  };
  // One question is under way at a time; actions that come meanwhile go with the next.
  const ask = async (wished = {}) => {
    clearTimeout(timer);
    Object.assign(wish, wished);
    if (!server || !element || running) return;
    running = true;
    for (let again = true; again;) {
      const now = wish;
      wish = {};
      const until = draft.at + draft.actions.length;
      const actions = draft.actions.slice(acknowledged - draft.at);
      const save = now.save || until - draft.at > FOLD;
      const asked = { draft: draft.id, at: acknowledged, actions, order: choice("order").value, ...now, save };
      if (now.base) Object.assign(asked, { at: draft.at, base: draft.base, actions: draft.actions });
      const found = await server.label(asked);
      if (!found || found.refused) {
        busy(found?.refused ?? words.lost);
        wish = { ...now, ...wish };
        await new Promise((done) => setTimeout(done, RETRY[Math.min(failures++, RETRY.length - 1)]));
        continue;
      }
      failures = 0;
      again = false;
      if (found.lost) {
        wish = { ...now, ...wish, base: true };
        again = true;
        continue;
      }
      if (found.problem) {
        say([found.problem], "bad");
        if (now.base) {
          startOver(); // what the browser kept cannot be read
          setTimeout(() => ask({ base: true }));
        }
        break;
      } else if (found.draft === draft.id) {
        take(found);
        if (found.again) wish = { ...now, ...wish };
        again = Boolean(found.again || found.reading);
      }
      again ||= draft.at + draft.actions.length > acknowledged || Object.keys(wish).length > 0;
    }
    running = false;
    if (latest.head && (latest.stale || latest.left)) timer = setTimeout(() => ask({ curve: true }), latest.left ? 0 : PAUSE);
  };

  const take = (found) => {
    acknowledged = found.taken;
    if (found.saved) {
      draft.actions = draft.actions.slice(found.taken - draft.at);
      draft.at = found.taken;
      draft.base = found.saved;
      keep(true);
    }
    const notes = [...found.problems, ...found.notes];
    if (notes.length) say(notes, found.problems.length ? "bad" : "ok");
    busy(found.progress ?? (found.reading ? filled(words.reading, ...found.reading.map(number)) : ""));
    if (found.scheme) news(found);
    if (found.figure) figure(found.figure);
    if (found.file) download(found.file);
    find(".labelling").dataset.done = acknowledged;
  };

  // What was done here since the question stays as it is.
  const news = (found) => {
    const later = new Set(draft.actions.slice(acknowledged - draft.at).flatMap((action) => action.places ?? [action.place]));
    const changed = found.items.filter(([place]) => !later.has(place));
    for (const [place, item] of changed) items[place] = item;
    items.length = found.count;
    latest = { ...found, stale: true, left: 0 };
    scheme = found.scheme;
    offered = found.offers ?? offered;
    drawScheme();
    if (current !== null && !items[current]) current = null;
    const undone = found.items.length === 1 && jump;
    if (undone) current = changed[0]?.[0] ?? current;
    jump = false;
    if (current === null) next();
    draw();
  };
  // --- what comes next ---

  const isOpen = (place) => items[place] && items[place].value === undefined && !items[place].left_out;
  const next = () => {
    if (current !== null) seen.push(current);
    held = cursor = null;
    const open = (latest.queue ?? []).filter(isOpen);
    let place = open.find((each) => !skipped.has(each));
    if (place === undefined) {
      skipped.clear();
      place = open.find((each) => each !== current) ?? open[0];
    }
    current = place ?? null;
    how = latest.head || items.some((item) => item.offered) ? choice("order").value : words.as_given;
  };
  const back = () => {
    const place = seen.pop();
    if (place === undefined || !items[place]) return;
    current = place;
    held = cursor = null;
    draw();
  };

  // --- what a person does ---

  const give = (value, goesOn) => {
    if (current === null) return;
    items[current] = { ...items[current], value: value ?? undefined };
    act({ do: "give", place: current, value, how });
    if (goesOn) next();
    draw();
  };
  const item = () => items[current];
  const valueNow = () => item().value ?? item().offered?.[0];
  const guess = () => latest.guesses?.[current];

  const enter = () => {
    if (current === null) return;
    const { value, offered: offer } = item();
    if (value === undefined && offer) {
      items[current] = { ...item(), value: offer[0] };
      act({ do: "accept", places: [current], how });
    } else if (value === undefined) {
      const guessed = scheme.editor === "number" ? Number(find(".score input").value) : guess()?.[0] ?? ("one" === scheme.editor ? undefined : []);
      if (guessed === undefined) return;
      return void give(guessed, true);
    }
    next();
    draw();
  };
  const choose = (index) => {
    const label = scheme.labels[index];
    if (label === undefined || current === null) return;
    if (scheme.editor === "one") give(label, true);
    else if (scheme.editor === "several") {
      const now = valueNow() ?? [];
      give(now.includes(label) ? now.filter((other) => other !== label) : [...now, label]);
    } else if (scheme.editor === "spans") mark(label);
  };
  const step = (name) => {
    jump = true;
    act({ do: name });
  };
  const leaveOut = () => {
    if (current === null) return;
    items[current] = { ...item(), left_out: !item().left_out };
    act({ do: "leave out", places: [current], out: Boolean(item().left_out) });
    if (item().left_out) next();
    draw();
  };

  // --- spans ---

  // A text in words, and what is between them; places count characters as the server does, not halves of them.
  const pieces = (text) => {
    let at = 0;
    return (text.match(/[\p{L}\p{N}\p{M}_]+|\s+|[^\s]/gu) ?? []).map((part) => {
      const start = at;
      at += [...part].length;
      return { part, start, end: at, isWord: /\S/.test(part) };
    });
  };
  const chosen = () => {
    const found = pieces(item().text).filter(({ isWord }) => isWord);
    const [from, to] = [Math.min(...held), Math.max(...held)];
    return { start: found[from].start, end: found[to].end };
  };
  const mark = (label) => {
    if (!held) return;
    const span = { ...chosen(), label }, spans = valueNow() ?? [];
    const same = spans.find(({ start, end }) => start === span.start && end === span.end);
    const others = spans.filter((other) => other !== same);
    cursor = Math.max(...held);
    held = null;
    give(same?.label === label ? others : [...others, span].sort((a, b) => a.start - b.start));
  };
  const unmark = () => {
    if (!held) return;
    const { start, end } = chosen(), spans = valueNow() ?? [];
    give(spans.filter((span) => span.end <= start || span.start >= end));
  };
  const drawWords = (place) => {
    const spans = valueNow() ?? [];
    const isOffer = item().value === undefined;
    const [from, to] = held ? [Math.min(...held), Math.max(...held)] : [-1, -2];
    let word = -1, inside = null;
    place.replaceChildren();
    for (const { part, start, end, isWord } of pieces(item().text)) {
      const span = spans.find((each) => each.start < end && start < each.end);
      if (span && inside?.span !== span) {
        const [colour] = scheme.about[scheme.labels.indexOf(span.label)] ?? ["var(--quiet)"];
        inside = { span, box: make("mark", { className: isOffer ? "offer" : "" }) };
        inside.box.style.setProperty("--c", colour);
        place.append(inside.box);
      }
      const box = make("span", { textContent: part });
      if (isWord) {
        word += 1;
        box.dataset.word = word;
        box.className = word >= from && word <= to ? "word chosen" : "word";
      }
      (span ? inside.box : place).append(box);
      if (span && end >= span.end) inside.box.append(make("b", { className: "tag", textContent: span.label }));
    }
    for (const tag of all(".tag", place)) {
      const [colour, ink] = scheme.about[scheme.labels.indexOf(tag.textContent)] ?? ["var(--quiet)", "#fff"];
      tag.style.setProperty("--c", colour);
      tag.style.color = ink;
    }
  };
  const moveWord = (by, more) => {
    const last = pieces(item().text).filter(({ isWord }) => isWord).length - 1;
    const from = held?.[1] ?? cursor ?? (by > 0 ? -1 : last + 1);
    const to = Math.min(last, Math.max(0, from + by));
    held = more && held ? [held[0], to] : [to, to];
    draw();
  };
  let dragged = null;
  const wordAt = (event) => {
    const word = document.elementFromPoint(event.clientX, event.clientY)?.closest(".labelling .word");
    return word ? Number(word.dataset.word) : null;
  };
  const press = (event) => {
    const word = scheme?.editor === "spans" && event.target.closest(".sentence") ? wordAt(event) : null;
    if (word === null) return;
    event.preventDefault();
    find(".card").focus({ preventScroll: true });
    const extends_ = held && (event.shiftKey || event.pointerType === "touch");
    held = extends_ ? [held[0], word] : [word, word];
    dragged = word;
    draw();
  };
  const drag = (event) => {
    const word = dragged === null ? null : wordAt(event);
    if (word === null || word === dragged) return;
    held = [held[0], word];
    dragged = word;
    draw();
  };

  // --- drawing ---

  const busy = (line) => {
    const box = find(".waits");
    box.hidden = !line;
    if (box.textContent !== line) box.textContent = line;
  };
  const say = (lines, kind = "ok") => {
    const box = find(".said");
    box.replaceChildren();
    if (!lines.length) return;
    box.append(make("div", { className: `status ${kind}` }, make("p", { textContent: lines[0] })));
    if (lines.length > 1) box.firstChild.append(make("ul", {}, ...lines.slice(1).map((line) => make("li", { textContent: line }))));
  };
  const inWords = (value) => {
    if (typeof value === "number") return String(Number(value.toFixed(2)));
    if (!Array.isArray(value)) return value;
    return value.map((each) => each.label ?? each).join(", ") || words.none;
  };
  const percent = (share) => Math.round(100 * share);

  const draw = () => {
    const any = items.length > 0;
    for (const part of [".card", ".listing", ".hand-on"]) find(part).hidden = !any;
    find(".card").dataset.editor = scheme.editor;
    if (!latest.head) find(".learned").hidden = true;
    if (!any) return;
    drawCard();
    drawList();
    drawRepeats();
  };
  const drawCard = () => {
    const given = items.filter(({ value, left_out: out }) => value !== undefined && !out).length;
    find(".count").textContent = filled(words.labelled, number(given), number(items.filter((each) => !each.left_out).length));
    const sentence = find(".sentence");
    const isNone = current === null;
    find(".choices").hidden = scheme.editor === "number";
    find(".score").hidden = isNone || scheme.editor !== "number";
    if (isNone) {
      sentence.textContent = words.done;
      find(".guess").textContent = find(".named").textContent = "";
    } else {
      if (scheme.editor === "spans") drawWords(sentence);
      else if (sentence.textContent !== item().text) sentence.textContent = item().text;
      drawAbout();
    }
    const value = isNone ? undefined : item().value;
    const offer = isNone ? undefined : item().offered?.[0];
    const has = (some, label) => some === label || (Array.isArray(some) && some.some((each) => (each.label ?? each) === label));
    all(".choices button").forEach((button, i) => {
      button.disabled = isNone;
      button.setAttribute("aria-pressed", String(has(value, scheme.labels[i])));
      button.classList.toggle("offer", value === undefined && has(offer ?? guess()?.[0], scheme.labels[i]));
    });
    find("[data-do=undo]").disabled = !latest.undo;
    find("[data-do=undo]").title = latest.undo ? filled(words.undo, latest.undo) : "";
    find("[data-do=redo]").disabled = !latest.redo;
    find("[data-do=redo]").title = latest.redo ? filled(words.redo, latest.redo) : "";
    find("[data-do=back]").disabled = !seen.length;
    for (const name of ["enter", "skip", "out"]) find(`[data-do=${name}]`).disabled = isNone;
  };
  const drawAbout = () => {
    const { value, offered: offer } = item();
    const line = find(".guess");
    line.title = words.sure_help;
    if (value !== undefined) line.textContent = filled(words.given, inWords(value));
    else if (offer) line.textContent = filled(words.offered, offer[2], inWords(offer[0]), percent(offer[1]));
    else if (guess()) line.textContent = filled(words.guess, inWords(guess()[0]), percent(guess()[1]));
    else line.textContent = scheme.editor !== "number" && !scheme.labels.length ? words.no_labels : latest.why ?? "";
    const named = latest.named?.[current];
    find(".named").textContent = named ? filled(words.names, inWords(named[0])) : "";
    if (scheme.editor !== "number") return;
    const slider = find(".score input");
    const shown = value ?? offer?.[0] ?? guess()?.[0] ?? (scheme.low + scheme.high) / 2;
    Object.assign(slider, { min: scheme.low, max: scheme.high, step: (scheme.high - scheme.low) / 100 });
    slider.value = shown;
    find(".score output").textContent = inWords(Number(slider.value));
  };

  // The labels to choose from, and to change. What is there already stays: it may just be pressed, or written in.
  const drawScheme = () => {
    const { editor, kind, labels, descriptions, about } = scheme;
    const put = (field, value) => document.activeElement === field || (field.value = value);
    for (const radio of all("[name=label-kind]")) radio.checked = radio.value === kind;
    for (const name of ["name", "low", "high"]) put(choice(name), scheme[name]);
    find(".bounds").hidden = editor !== "number";
    find(".labels").hidden = editor === "number";
    find(".keys").textContent = `${keys[editor]} ${keys.more}`;
    find("[data-ending='.conll']").hidden = editor !== "spans";
    reuse(find(".choices"), labels.length, labelButton).forEach((button, i) => {
      button.style.setProperty("--c", about[i][0]);
      button.lastChild.textContent = labels[i];
    });
    reuse(find(".labels ol"), labels.length, labelRow).forEach((row, i) => {
      const [name, meaning, count, remove] = row.children;
      put(name, labels[i]);
      put(meaning, descriptions[labels[i]] ?? "");
      meaning.ariaLabel = `What ${labels[i]} means`;
      remove.ariaLabel = `Remove ${labels[i]}`;
      count.textContent = number(about[i][2]);
    });
  };
  // As many children as there should be, made where they are missing.
  const reuse = (place, count, fresh) => {
    while (place.children.length > count) place.lastChild.remove();
    while (place.children.length < count) place.append(fresh(place.children.length));
    return [...place.children];
  };
  const labelButton = (i) => {
    const button = make("button", { type: "button", className: "pill" });
    button.dataset.label = i;
    if (i < 9) button.append(make("kbd", { textContent: i + 1 }));
    button.append(make("i"), make("span", { dir: "auto" }));
    return button;
  };
  const labelRow = (i) => {
    const name = make("input", { type: "text", maxLength: 100, ariaLabel: `Label ${i + 1}` });
    const meaning = make("input", { type: "text", maxLength: 1000, placeholder: words.meaning });
    const remove = make("button", { type: "button", className: "pill", textContent: words.remove });
    name.dataset.rename = meaning.dataset.describe = remove.dataset.remove = i;
    return make("li", {}, name, meaning, make("span", { className: "number" }), remove);
  };
  const listRow = (i) => {
    const spans = ["text", "answer", "sure"].map((className) => make("span", { className, dir: "auto" }));
    return make("li", {}, make("button", { type: "button", tabIndex: i ? -1 : 0 }, ...spans));
  };

  const listed = () => {
    const which = choice("list").value;
    const every = [...items.keys()];
    if (which === "todo") return (latest.queue ?? []).filter(isOpen);
    if (which === "repeated") return (latest.repeats?.places ?? []).filter((place) => items[place]);
    const by = {
      labelled: ({ value, left_out: out }) => value !== undefined && !out,
      offered: ({ value, offered: offer, left_out: out }) => value === undefined && offer && !out,
      out: ({ left_out: out }) => out,
    }[which];
    return every.filter((place) => by(items[place]));
  };
  const drawList = () => {
    const places = listed();
    reuse(find(".rows"), Math.min(places.length, rows), listRow).forEach((row, i) => {
      const button = row.firstChild, [text, answer, sure] = button.children, place = places[i];
      const { value, offered: offer } = items[place];
      const found = value !== undefined ? [value] : offer ?? latest.guesses?.[place];
      button.dataset.place = place;
      button.setAttribute("aria-current", String(place === current));
      text.textContent = items[place].text.slice(0, 200);
      answer.textContent = found ? inWords(found[0]) : "";
      answer.className = value !== undefined ? "answer" : offer ? "answer offer" : "answer guess";
      sure.textContent = found && value === undefined ? `${percent(found[1])} %` : "";
    });
    const more = find("[data-do=more]"), left = places.length - rows;
    more.hidden = left <= 0;
    more.textContent = filled(words.more, number(Math.min(left, 10 * ROWS)));
    const select = choice("offer"), now = select.value;
    select.replaceChildren(...offered.map(([key, title]) => make("option", { value: key, textContent: title })));
    if (offered.some(([key]) => key === now)) select.value = now;
    find(".offer").hidden = find("[data-do=offer]").hidden = !offered.length;
    find("[data-do=accept]").hidden = !items.some(({ value, offered: offer, left_out: out }) => value === undefined && offer && !out);
    find(".agreement").textContent = (latest.agreement ?? []).map((each) => filled(words.agreement, each[0], ...each.slice(1).map(number))).join(" ");
  };
  const drawRepeats = () => {
    const { said = "", contradictions = [] } = latest.repeats ?? {};
    const box = find(".contradictions");
    box.hidden = !said;
    box.replaceChildren();
    if (said) box.append(make("p", { className: "note", textContent: said }));
    if (!contradictions.length) return;
    const lines = contradictions.map((places) => {
      const labels = make("span", {});
      for (const place of places.filter((each) => items[each]?.value !== undefined)) {
        const button = make("button", { type: "button", className: "pill", textContent: inWords(items[place].value) });
        button.dataset.place = place;
        labels.append(button, " ");
      }
      return make("li", {}, make("span", { textContent: (items[places[0]]?.text ?? "").slice(0, 120), dir: "auto" }), " ", labels);
    });
    box.append(make("div", { className: "status bad" }, make("p", { textContent: words.contradictions }), make("ul", {}, ...lines)));
  };
  const figure = ({ headline, how: measured, curve, left }) => {
    latest.stale = false;
    latest.left = left;
    find(".learned").hidden = !headline;
    if (!headline) return;
    if (find(".headline").textContent !== headline) find(".headline").textContent = headline;
    find(".how").textContent = measured;
    find(".curves").replaceChildren(document.createRange().createContextualFragment(curve));
  };
  const download = ({ name, content, notes = [], problem }) => {
    if (problem) return void say([problem], "bad");
    if (notes.length) say(notes);
    const url = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
    mtl.download({ url, orig_name: name });
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };

  // What scrolls is a stop of the Tab key.
  const mayScroll = new ResizeObserver(([{ target }]) => {
    if (target.scrollHeight > target.clientHeight) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  });

  // --- touches ---

  const change = (changes, meaning = {}) => {
    const { name, kind, labels, descriptions, low, high } = { ...scheme, ...changes };
    const known = Object.fromEntries(Object.entries(descriptions).filter(([label]) => labels.includes(label)));
    act({ do: "scheme", scheme: { name, kind, labels, descriptions: known, low, high }, meaning });
  };
  const addLabels = (text) => {
    const wanted = text.split(",").map((label) => label.trim()).filter((label) => label && !scheme.labels.includes(label));
    if (wanted.length) change({ labels: [...scheme.labels, ...new Set(wanted)] });
  };
  const addTexts = (text) => {
    const texts = text.split(/\r\n|\r|\n/).filter((line) => line.trim());
    if (!texts.length) return void say([words.empty], "bad");
    act({ do: "add", texts }, { save: true });
    find(".card").hidden = false;
    find(".card").focus({ preventScroll: true });
    find(".card").scrollIntoView({ block: "nearest" });
  };
  const deeds = {
    box: () => addTexts(document.querySelector("#sentences textarea").value),
    data: () => ask({ bring: "data", once: once() }),
    enter, back, out: leaveOut,
    skip: () => {
      if (current === null) return;
      skipped.add(current);
      next();
      draw();
    },
    undo: () => latest.undo && step("undo"),
    redo: () => latest.redo && step("redo"),
    more: () => {
      rows += 10 * ROWS;
      drawList();
    },
    offer: () => ask({ offer: choice("offer").value, once: once() }),
    accept: () => act({ do: "accept", places: [...items.keys()].filter((place) => isOpen(place) && items[place].offered) }),
    save: ({ dataset }) => ask({ file: dataset.ending }),
    train: async () => {
      await settled();
      document.body.dataset.awaits = "";
      trigger("submit");
    },
    restart: () => {
      if (!window.confirm(words.again)) return;
      startOver();
      ask({ base: true });
    },
  };
  const startOver = () => {
    begin();
    latest = {};
    items = [];
    current = null;
    seen = [];
    find(".learned").hidden = find(".contradictions").hidden = true;
    keep(true);
  };
  // Until the server has carried out all that was done.
  const settled = async () => {
    ask();
    while (running || acknowledged < draft.at + draft.actions.length) await new Promise((done) => setTimeout(done, 50));
  };

  const onClick = (event) => {
    const button = event.target.closest("button");
    if (!button || button.disabled) return;
    const { do: does, label, place, remove } = button.dataset;
    if (does) deeds[does](button);
    else if (label !== undefined) choose(Number(label));
    else if (place !== undefined) show(Number(place));
    else if (remove !== undefined) {
      const gone = scheme.labels[remove];
      change({ labels: scheme.labels.filter((each) => each !== gone) }, { [gone]: null });
    }
    if (button.closest(".card") && !["enter", "skip"].includes(does) && label === undefined) return;
    if (button.closest(".card")) find(".card").focus({ preventScroll: true });
  };
  const show = (place) => {
    if (current !== null) seen.push(current);
    current = place;
    held = cursor = null;
    how = latest.head ? words.by_hand : words.as_given;
    draw();
    find(".card").focus({ preventScroll: true });
    find(".card").scrollIntoView({ block: "nearest" });
  };
  const onSubmit = (event) => {
    event.preventDefault();
    const field = find("input, textarea", event.target);
    if (event.target.matches(".new-label")) addLabels(field.value);
    else addTexts(field.value);
    field.value = "";
  };
  const onChange = ({ target }) => {
    const { of, rename, describe } = target.dataset;
    if (target.name === "label-kind") {
      const isNumber = target.dataset.editor === "number";
      change({ kind: target.value, ...(isNumber ? { labels: [] } : {}) });
    }
    else if (of === "order") ask({ save: false });
    else if (of === "list") {
      rows = ROWS;
      drawList();
    } else if (of === "name") change({ name: target.value });
    else if (of === "low" || of === "high") change({ [of]: target.valueAsNumber });
    else if (rename !== undefined) {
      const old = scheme.labels[rename], label = target.value.trim();
      const { [old]: about, ...others } = scheme.descriptions;
      change({ labels: scheme.labels.with(rename, label), descriptions: about ? { ...others, [label]: about } : others }, { [old]: label });
    } else if (describe !== undefined) {
      change({ descriptions: { ...scheme.descriptions, [scheme.labels[describe]]: target.value } });
    } else if (target.closest(".score")) give(Number(target.value));
  };
  const onKey = (event) => {
    const { key, target } = event;
    const row = target.closest(".rows button");
    if (row && ["ArrowUp", "ArrowDown", "Home", "End"].includes(key)) {
      const buttons = all(".rows button"), at = buttons.indexOf(row);
      const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[key];
      event.preventDefault();
      buttons.forEach((button, i) => { button.tabIndex = i === to ? 0 : -1; });
      buttons[to]?.focus();
      return;
    }
    if (!target.closest(".card") || target.matches("select") || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      const name = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key.toLowerCase()];
      if (name) {
        event.preventDefault();
        deeds[name]();
      }
      return;
    }
    if (target.matches("button") && (key === "Enter" || key === " ")) return;
    const letter = { s: "skip", b: "back", u: "undo", r: "redo", x: "out" }[key.toLowerCase()];
    const arrow = { ArrowLeft: -1, ArrowRight: 1 }[key];
    const isSlider = target.matches("input[type=range]");
    if (key === "Enter") enter();
    else if (/^[1-9]$/.test(key)) digit(Number(key));
    else if (key === "0" && scheme.editor === "several") give([]);
    else if ((key === "Delete" || key === "Backspace") && scheme.editor === "spans") unmark();
    else if (letter) deeds[letter]();
    else if (arrow && scheme.editor === "spans" && current !== null) moveWord(arrow, event.shiftKey);
    else if (arrow && scheme.editor === "number" && current !== null && !isSlider) {
      const slider = find(".score input");
      slider.value = Number(slider.value) + arrow * slider.step * 5;
      give(Number(slider.value));
    } else return;
    event.preventDefault();
  };
  const digit = (number) => {
    if (scheme.editor !== "number") choose(number - 1);
    else if (current !== null) {
      const { low, high } = scheme;
      // On a scale of whole numbers the key is the score.
      const isWhole = Number.isInteger(low) && Number.isInteger(high) && low >= 0 && high > 1 && high <= 9;
      give(isWhole ? Math.min(high, Math.max(low, number)) : low + ((number - 1) / 8) * (high - low));
    }
  };

  // --- the connection with the page ---

  const start = () => {
    if (!element || !server) return;
    restore();
    if (draft.base.items?.length || draft.actions.length) {
      const fold = document.querySelector("#label details");
      if (fold) fold.open = true;
      find(".begin").open = false;
    }
    ask({ base: true, whole: true });
  };
  const connect = (functions, fire, watch, props) => {
    server = functions;
    trigger = fire;
    watch("value", () => {
      const { bring, problem, reading, ask: asked } = props.value ?? {};
      if (reading) busy(reading);
      if (problem) {
        busy("");
        say([problem], "bad");
      }
      if (bring) ask({ bring, once: once() });
      if (asked) ask();
    });
    start();
  };
  const attach = (place) => {
    element = place;
    const data = find(".labelling").dataset;
    words = JSON.parse(data.words);
    keys = JSON.parse(data.keys);
    mayScroll.observe(find(".sentence"));
    element.addEventListener("click", onClick);
    element.addEventListener("submit", onSubmit);
    element.addEventListener("change", onChange);
    element.addEventListener("keydown", onKey);
    element.addEventListener("pointerdown", press);
    element.addEventListener("pointermove", drag);
    document.addEventListener("pointerup", () => { dragged = null; });
    element.addEventListener("input", ({ target }) => {
      if (target.closest(".score")) find(".score output").textContent = inWords(Number(target.value));
    });
    start();
  };

  return { connect, show: attach };
})();
