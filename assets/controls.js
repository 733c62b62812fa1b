// Step 2 of the Train tab: `mtl.controls` runs once for each of two pieces of HTML (`element`): the form, and what comes
// of it. A touch of a control is answered here at once: the numbers, the
// sliders that follow, the picture of the stack. What learns when, and what a rate follows, stands in the form as JSON
// (from mtl/groups.py); blocks are drawn as in mtl/ui/widgets/stack.py. Then `trigger` sends the form's values to the
// server, which checks and keeps them.
mtl.controls = (element, trigger, watch) => {
  const find = (selector, where = element) => where.querySelector(selector);
  const all = (selector, where = element) => [...where.querySelectorAll(selector)];
  // A preset or a reset that was asked for, until it is sent; a preset until the next touch. The form may be written anew
  // meanwhile, for other data.
  let wish = {};
  // How often the form was touched, and what it said after the last time. The server puts the count that it knows into
  // each form that it writes (see `after`).
  let touches = 0;
  let last = null;

  // --- numbers ---

  // A slider's place, 0 to 141: 0 is the rate 0, then 1e-7 to 1 in twenty steps for each power of ten.
  const rateAt = (place) => (place === 0 ? 0 : Number((10 ** ((place - 1) / 20 - 7)).toExponential(1)));
  const placeOf = (rate) => (rate <= 0 ? 0 : Math.min(141, Math.max(1, Math.round(1 + 20 * (Math.log10(rate) + 7)))));
  const rateWords = (rate) => {
    if (rate === 0 || rate === 1) return String(rate);
    const [digits, power] = rate.toExponential(2).split("e");
    return (digits.endsWith("0") ? digits.slice(0, -1) : digits) + "e" + Number(power);
  };
  const strength = (rate) => (rate <= 0 ? 0.12 : 0.12 + 0.48 * Math.min(1, Math.max(0, (Math.log10(rate) + 6) / 4)));

  // --- a slider and its box ---

  const valueOf = (pair) => Number(pair.dataset.value);
  const show = (pair) => {
    const value = valueOf(pair);
    const [slider, box] = pair.children;
    const said = pair.dataset.kind === "rate" ? rateWords(value) : String(Number(value.toFixed(4)));
    slider.value = pair.dataset.kind === "rate" ? placeOf(value) : value;
    slider.setAttribute("aria-valuetext", said);
    // What was typed and is no value stays, to be put right.
    if (!("wrong" in pair.dataset)) box.value = said;
    box.setAttribute("aria-invalid", "wrong" in pair.dataset);
  };
  const problem = ({ dataset }) => {
    const words = { found: dataset.wrong, value: dataset.kind === "rate" ? rateWords(Number(dataset.value)) : dataset.value };
    return dataset.problem.replace(/\{(\w+)\}/g, (found, word) => words[word] ?? found);
  };
  const set = (pair, value) => {
    pair.dataset.value = String(value);
    show(pair);
  };

  // --- the form as a whole ---

  const rows = (kind) => all(`.rate-row[data-kind=${kind}]`);
  const filler = (field) => valueOf(find(`.pair[data-field=${field}]`));
  const powers = (row) => JSON.parse(row.dataset.powers);

  // Every rate that was not given by itself is a product of powers of what the three sliders above say.
  const fill = () => {
    for (const row of all(".rate-row[data-own=false]")) {
      const rate = Object.entries(powers(row)).reduce((rate, [name, power]) => rate * filler(name) ** power, 1);
      set(row.firstChild, rate);
    }
  };

  const ratesInWords = (words) => {
    const decay = filler("lr_decay");
    const own = all(".rate-row[data-own=true]").length;
    const kind = decay < 1 ? "falling" : "even";
    const parts = {
      top: rateWords(filler("lr")),
      below: words[kind].replace("{}", `${Number((100 * (1 - decay)).toFixed(1))} %`),
      heads: rateWords(filler("head_lr")),
      own: own ? words.own.replace("{}", own) : "",
      why: own ? "" : words[`${kind}_why`],
    };
    const still = rows("layer").every((row) => row.firstChild.dataset.still === "true");
    return (still ? words.heads_rates : words.rates).replace(/\{(\w+)\}/g, (_, part) => parts[part]);
  };

  const draw = () => {
    const form = find(".learns");
    const words = JSON.parse(form.dataset.words);
    const slider = find(".freeze");
    const frozen = Number(slider.dataset.value);
    const layers = rows("layer").reverse();
    const epochs = JSON.parse(form.dataset.epochs)[form.dataset.unfreeze][frozen];
    const blocks = all(".stack .block");
    slider.setAttribute("aria-valuetext", `${frozen} of ${layers.length}`);
    find(".workbench").style.setProperty("--frozen", frozen);
    let learning = 0;
    [...rows("head"), ...rows("layer")].forEach((row, i) => {
      const rate = valueOf(row.firstChild);
      const head = row.dataset.kind === "head" ? find("[role=switch]", all(".freezers .place")[i]) : null;
      const off = head ? head.getAttribute("aria-checked") === "true" : false;
      const epoch = row.dataset.kind === "layer" ? epochs[layers.indexOf(row)] : 1;
      const still = off || epoch === 0;
      const kind = still || rate === 0 ? "frozen" : epoch > 1 ? "waits" : "learns";
      const word = row.dataset.idle === "true" ? words.idle : rate === 0 ? words.zero : words.frozen;
      const later = kind === "waits" ? words.later.replace("{}", epoch) : "";
      const block = blocks[i];
      block.setAttribute("class", `block ${kind}`);
      block.setAttribute("style", `--strength:${strength(rate).toFixed(2)}`);
      find(".rate", block).textContent = kind === "frozen" ? word : rateWords(rate);
      find(".note", block).textContent = later;
      const state = kind === "frozen" ? [word] : [later || words.learns, rateWords(rate)];
      find("title", block).textContent = [row.dataset.about, ...state].join(" · ");
      row.firstChild.dataset.still = still;
      for (const input of row.firstChild.children) input.disabled = still;
      if (kind !== "frozen") learning += 1;
    });
    for (const pair of all(".filler .pair")) {
      const set = all(".rate-row").filter((row) => powers(row)[pair.dataset.field]);
      const idle = set.every((row) => row.firstChild.dataset.still === "true");
      const line = find(".note", pair.parentElement);
      line.textContent = "wrong" in pair.dataset ? problem(pair) : idle ? words.unused : line.dataset.info;
      line.classList.toggle("wrong", "wrong" in pair.dataset);
    }
    find("[data-fold=rates] > summary").textContent = ratesInWords(words);
    find(".stack").setAttribute("aria-label", words.stack.replace("{}", learning).replace("{}", blocks.length));
  };

  // What the form says, as JSON.
  const collect = () => {
    const state = { start: find("[name=start]:checked")?.value, freeze: Number(find(".freeze").dataset.value) };
    state.freeze_heads = all("[data-head][aria-checked=true]:not([aria-disabled])").map((button) => button.dataset.head);
    state.rates = {};
    for (const row of all(".rate-row[data-own=true]")) state.rates[row.dataset.group] = valueOf(row.firstChild);
    state.task_weights = {};
    state.wrong = {};
    for (const pair of all(".pair[data-wrong]")) {
      state.wrong[pair.dataset.field ?? pair.parentElement.dataset.group] = pair.dataset.wrong;
    }
    for (const box of all("[data-task]")) {
      if (box.checkValidity()) state.task_weights[box.dataset.task] = box.valueAsNumber;
      else state.wrong[`weight ${box.dataset.task}`] = box.value;
    }
    for (const field of all("[data-field]")) {
      const name = field.dataset.field;
      if (field.matches(".pair")) state[name] = valueOf(field);
      else if (field.matches("[role=switch]")) state[name] = field.getAttribute("aria-checked") === "true";
      else if (field.type === "checkbox") state[name] = field.checked;
      else if (field.checkValidity()) state[name] = field.type === "number" ? field.valueAsNumber : field.value;
      else state.wrong[name] = field.value;
    }
    return JSON.stringify({ ...state, ...wish, touch: touches });
  };

  const tell = () => {
    touches += 1;
    last = wish.reset ? null : collect();
    trigger("input");
  };

  const send = () => {
    // A preset that is still to be sent is all in the form, and what was touched since must not be undone by it.
    delete wish.preset;
    say();
    for (const chip of all("[data-preset]")) chip.setAttribute("aria-pressed", "false");
    sentence();
    tell();
  };

  const ask = (wished) => {
    Object.assign(wish, wished);
    tell();
  };

  // Make the form say these values (see `collect`), as far as it has such parts; `unfreeze` only where the form has what
  // the slider does then.
  const put = (values) => {
    const form = find(".learns");
    const slider = find(".freeze");
    slider.value = slider.dataset.value = Math.min(values.freeze, slider.max);
    if (values.unfreeze in JSON.parse(form.dataset.epochs)) form.dataset.unfreeze = values.unfreeze;
    for (const head of all("[data-head]:not([aria-disabled])")) {
      head.setAttribute("aria-checked", String(values.freeze_heads.includes(head.dataset.head)));
    }
    const start = find(`[name=start][value="${values.start}"]`);
    if (start) start.checked = true;
    for (const field of all("[data-field]")) {
      const value = values[field.dataset.field];
      if (value === undefined) continue;
      if (field.matches(".pair")) set(field, value);
      else if (field.matches("[role=switch]")) field.setAttribute("aria-checked", String(value));
      else if (field.type === "checkbox") field.checked = value;
      else field.value = value;
    }
    for (const box of all("[data-task]")) box.value = values.task_weights?.[box.dataset.task] ?? box.value;
    for (const row of all(".rate-row")) {
      const own = Object.hasOwn(values.rates, row.dataset.group);
      row.dataset.own = String(own);
      if (own) set(row.firstChild, values.rates[row.dataset.group]);
    }
    fill();
    draw();
  };

  // What a preset does, shown before the server has said the same.
  const apply = (chip) => {
    for (const pair of all(".pair")) delete pair.dataset.wrong;
    for (const other of all("[data-preset]")) other.setAttribute("aria-pressed", String(other === chip));
    say();
    put(JSON.parse(chip.dataset.settings));
    ask({ preset: chip.dataset.preset });
  };

  // The sentence of the preset that is chosen, or pointed at.
  const sentence = (chip = find("[data-preset][aria-pressed=true]")) => {
    const line = find(".presets .note");
    line.textContent = chip ? chip.title : line.dataset.own;
  };

  // Below the picture: what is wrong with its boxes, or why a lock does nothing.
  const say = (words = all(".rate-row .pair[data-wrong]").map(problem).join(" ")) => {
    find(".rate-problem").textContent = words;
  };

  const complain = (box, wrong) => {
    const field = box.closest(".field");
    const line = find("small", field);
    field.classList.toggle("wrong", wrong);
    box.setAttribute("aria-invalid", wrong);
    line.textContent = wrong ? line.dataset.wrong : line.dataset.info;
  };

  // After the server has written the form anew: properties follow attributes, which is all that it can change.
  const settle = () => {
    for (const box of all(".fields input, .starts input")) {
      if (box.type === "checkbox" || box.type === "radio") box.checked = box.hasAttribute("checked");
      else box.value = box.getAttribute("value");
      if (box.closest(".field")) complain(box, false);
    }
    for (const list of all(".fields select")) list.value = find("[selected]", list).value;
    const slider = find(".freeze");
    slider.value = slider.dataset.value;
    all(".pair").forEach(show);
    sentence();
    draw();
  };

  // --- touches ---

  const onInput = ({ target }) => {
    const pair = target.closest(".pair");
    if (pair) {
      if (target.type !== "range") return; // what is typed counts when it is finished
      change(pair, pair.dataset.kind === "rate" ? rateAt(Number(target.value)) : Number(target.value));
    } else if (target.matches(".freeze")) {
      target.dataset.value = target.value;
      draw();
      send();
    } else if (target.type === "number") {
      complain(target, !target.checkValidity());
      if (!target.checkValidity() || "finished" in target.dataset) return;
      target.setAttribute("value", target.value);
      send();
    }
  };

  const change = (pair, value) => {
    set(pair, value);
    const row = pair.closest(".rate-row");
    if (row) row.dataset.own = "true";
    else for (const other of all(".rate-row")) if (pair.dataset.field in powers(other)) other.dataset.own = "false";
    fill();
    draw();
    send();
  };

  const onChange = ({ target }) => {
    const pair = target.closest(".pair");
    if (pair && target.type === "text") {
      const found = target.value.trim();
      const value = /\d/.test(found) ? Number(found.replace(",", ".")) : NaN;
      const wrong = "wrong" in pair.dataset;
      delete pair.dataset.wrong;
      if (found === rateWords(valueOf(pair)) && !wrong) return;
      if (value >= 0 && value <= 1) return void change(pair, value);
      pair.dataset.wrong = found.slice(0, 40);
      show(pair);
      draw();
      say();
      tell();
    } else if (target.type === "number" && !target.checkValidity()) {
      complain(target, true);
      tell(); // Start waits for it
    } else if (target.type === "number" && "finished" in target.dataset) {
      target.setAttribute("value", target.value);
      send();
    } else if (target.type === "text") {
      complain(target, !target.checkValidity());
      if (target.checkValidity()) send();
      else tell();
    } else if (target.matches("[type=radio], [type=checkbox], select")) {
      send();
    }
  };

  const onClick = ({ target }) => {
    const chip = target.closest("[data-preset]");
    const head = target.closest("[role=switch]");
    const idle = (chip ?? head)?.getAttribute("aria-disabled") === "true";
    if (idle) (chip ? sentence : (head) => say(head.title))(chip ?? head);
    else if (chip) apply(chip);
    else if (target.closest("[data-reset]")) ask({ reset: true });
    else if (head) {
      head.setAttribute("aria-checked", String(head.getAttribute("aria-checked") !== "true"));
      draw();
      send();
    }
  };

  const point = ({ target, type }) => {
    const chip = target.closest?.("[data-preset]");
    if (chip) sentence(type === "mouseout" || type === "focusout" ? undefined : chip);
  };

  // --- what comes of it ---

  // The address carries all this, so that a reloaded page has it again; and the chips show which preset this is.
  const outcome = () => {
    const told = find("[data-query]");
    for (const chip of document.querySelectorAll("#what-learns [data-preset]")) {
      chip.setAttribute("aria-pressed", String(chip.dataset.preset === told.dataset.chosen));
    }
    document.dispatchEvent(new Event("mtl-chosen"));
    mtl.answers.link(told.dataset.query);
  };

  // A form that was written before the last touches were known loses nothing of them.
  const written = (known) => {
    settle();
    if (last && known < touches) {
      put(JSON.parse(last));
      trigger("input");
    } else {
      touches = known;
      last = null;
    }
  };

  const after = () => {
    const form = find(".learns");
    if (form) written(Number(form.dataset.touch));
    if (find("[data-query]")) outcome();
  };

  element.addEventListener("input", onInput);
  element.addEventListener("change", onChange);
  element.addEventListener("click", onClick);
  for (const type of ["mouseover", "mouseout", "focusin", "focusout"]) element.addEventListener(type, point);
  document.addEventListener("mtl-chosen", () => find(".presets") && sentence());
  document.addEventListener("mtl-linked", () => find(".presets") && trigger("select"));
  element.collect = collect;
  element.take = () => {
    const taken = collect();
    wish = {};
    return taken;
  };
  watch("value", after);
  after();
  mtl.keepFolds(element, watch);
};
