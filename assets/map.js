// The map of the sentences: coloured, searched, with lines to those that are truly nearest.
mtl.map = (() => {
  const { QUIET_INK, FADED, ACCENT, RINGED, CIVIDIS, DRAG, CONFIG, escape, shorten, MOST_SAID } = mtl.plots;
  const NUMBERED = 40, LINES = 60, WEBGL = 300; // up to so many points have numbers, lines; from so many on WebGL draws
  const RING = 24; // pixels across
  const CROWDED = 40; // pixels to another point, within which a number makes room for it
  const MOST_CHOSEN = 500; // of the sentences that a search finds
  const NOTHING = "nothing", TAGS = "your tags", NO_TAG = "no tag";
  const LINES_SAID = "Dotted lines lead to the truly nearest one.";

  let picture, canvas, own;
  const start = (element) => {
    picture = element;
    canvas = element.querySelector(".canvas");
    own = JSON.parse(element.dataset.own);
    element.addEventListener("change", (event) => {
      mtl.answers.choices(event);
      if (event.target.dataset.asks === "colour") redraw();
    });
    const field = element.querySelector("[type=search]");
    field.addEventListener("input", () => mtl.answers.search(field.value));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && matches()) mtl.answers.choose(matches().slice(0, MOST_CHOSEN));
    });
    mtl.answers.onMark(mark);
  };
  const matches = () => mtl.answers.matches;

  // --- controls ---

  const options = (select, names, chosen) => {
    if ([...select.options].map((option) => option.value).join("\n") !== names.join("\n"))
      select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = chosen;
  };
  const controls = (found, names, colour) => {
    options(picture.querySelector("[data-asks=colour]"), names, colour);
    options(picture.querySelector("[data-asks=pooling]"), found.poolings, found.pooling);
    for (const select of picture.querySelectorAll("[data-asks=method], [data-asks=dims], [data-asks=clusters]")) {
      select.value = mtl.answers.settings[select.dataset.asks] ?? select.options[0].value;
      if (select.selectedIndex < 0) select.selectedIndex = 0; // a link of a page that offers more
    }
    for (const choice of picture.querySelectorAll("[data-of-colour]"))
      choice.hidden = choice.dataset.ofColour !== colour;
    const field = picture.querySelector("[type=search]");
    if (field !== document.activeElement) field.value = mtl.answers.settings.search ?? "";
    const said = inWords(found.texts.length), line = picture.querySelector(".matches");
    if (line.textContent !== said) line.textContent = said; // what stays the same is not read aloud again
  };
  // What a search has found.
  const inWords = (total) => {
    const count = matches()?.length, { alike } = mtl.answers;
    if (count === undefined) return "";
    if (alike) {
      const each = [...alike].map(([row, cosine]) => `${row + 1} (cosine ${cosine.toFixed(2)})`);
      return `No sentence has these words.${each.length ? ` Nearest in meaning: ${each.join(", ")}.` : ""}`;
    }
    const some = count > MOST_CHOSEN ? `, Enter chooses the first ${MOST_CHOSEN}` : "";
    return count ? `${count.toLocaleString("en")} of ${total.toLocaleString("en")} sentences${some}` : "No sentence has these words.";
  };

  // --- colours ---

  const colourings = ({ colourings: found, texts }) => {
    const { names, of } = mtl.chosen.tags;
    if (!texts.some((text) => of[text])) return found;
    const looks = Object.fromEntries(names.map((name, i) => [name, own[i % own.length]]));
    looks[NO_TAG] = [QUIET_INK, "circle-open"];
    return [...found, { name: TAGS, values: texts.map((text) => of[text] ?? NO_TAG), looks }];
  };
  // Clusters are not, until they are asked for.
  const isKnown = ({ values }) => values.some((value) => value !== null);
  const colourByTags = () => {
    mtl.answers.keep("colour", TAGS);
    redraw();
  };
  // The sentences by label, with its colour and symbol; all together where they are coloured by a number or nothing.
  // `key`: of the colouring, so that what is hidden by the legend stays so in one of them alone.
  const grouped = (colouring, key, texts) => {
    const all = texts.map((_, i) => i);
    if (!colouring || !isKnown(colouring))
      return [{ key, name: "", rows: all, marker: { color: ACCENT, symbol: "circle" }, said: () => "" }];
    if (colouring.looks) {
      const besides = (row) => (colouring.besides?.[row] ? ` +${colouring.besides[row]}` : "");
      return Object.entries(colouring.looks)
        .map(([label, [color, symbol]], i) => ({
          key: `${key}-${i}`, name: label, rows: all.filter((row) => colouring.values[row] === label),
          marker: { color, symbol },
          said: (row) => shorten(label, 80) + besides(row),
        }))
        .filter(({ rows }) => rows.length);
    }
    const known = colouring.values.filter((value) => value !== null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const limit = Math.max(Math.abs(low), Math.abs(high));
    const scale = {
      cmin: low < 0 ? -limit : low, cmax: low < 0 ? limit : high,
      colorscale: low < 0 ? [[0, "#D55E00"], [0.5, "#BFBFBF"], [1, "#0072B2"]] : CIVIDIS,
      colorbar: {
        title: { text: escape(shorten(colouring.name, 30)), side: "right" }, thickness: 10, outlinewidth: 0, len: 1,
      },
    };
    const { values } = colouring;
    const said = (row) => (values[row] === null ? "" : `${colouring.name} ${values[row].toFixed(2)}`);
    return [{ key, name: "", rows: all, marker: scale, values, said }];
  };

  // --- drawing ---

  let drawn = null, draws = 0, due = null;
  // Several reasons within one task make one drawing.
  const redraw = () => { due ??= setTimeout(draw); };
  const draw = async () => {
    clearTimeout(due);
    due = null;
    const found = mtl.answers.latest, { map: laidOut, texts } = found;
    if (!window.Plotly || !laidOut) return;
    const choices = colourings(found), names = [...choices.map(({ name }) => name), NOTHING];
    const { colour: wanted } = mtl.answers.settings;
    const colour = names.includes(wanted) ? wanted : choices.find(isKnown)?.name ?? NOTHING;
    controls(found, names, colour);
    const colouring = choices.find(({ name }) => name === colour);
    const { points } = laidOut, solid = points[0].length === 3;
    const dotted = found.nearest && points.length <= LINES ? points.map((_, row) => [row, found.nearest[0][row]]) : [];
    picture.querySelector(".note").textContent
      = [laidOut.note, dotted.length && texts.length > 2 ? LINES_SAID : "", colouring?.note].filter(Boolean).join(" ");
    const groups = grouped(colouring, `colour-${names.indexOf(colour)}`, texts);
    const said = new Map(groups.flatMap((group) => group.rows.map((row) => [row, group.said(row)])));
    drawn = { points, solid, said, texts, chosen: marked[1], matches: matches() };
    const nearest = marked[1].length === 1 ? mtl.chosen.nearest() : [];
    const traces = [
      lines("dotted", dotted, { color: QUIET_INK, width: solid ? 3 : 1.5, dash: "dot" }, 0.8),
      // The fainter, the less similar.
      ...nearest.map(([row, cosine], i) => lines(
        `nearest-${i}`, [[marked[1][0], row]], { color: RINGED, width: solid ? 4 : 2 }, Math.min(Math.max(cosine, 0.15), 1),
      )),
      ...groups.flatMap(markers),
      rings(marked[1]), room(),
      ...(texts.length <= NUMBERED ? groups.map(numbers) : []),
    ];
    const axis = { showticklabels: false, zeroline: false, gridcolor: FADED, title: { text: "" } };
    const scene = { ...axis, showbackground: false, showspikes: false, gridcolor: "#9aa0a6" };
    const shape = {
      ...mtl.plots.layout(460), shapes: [], selections: [], selectionrevision: draws++,
      modebar: mtl.plots.modebar(["zoomIn2d", "zoomOut2d"]), // they zoom at the middle, where there may be nothing
      legend: { orientation: "h", y: -0.02, yanchor: "top", x: 0, itemsizing: "constant" },
      uirevision: `${solid} ${laidOut.method}`, // what was zoomed stays so while the kind of map does
      // A unit is as long on each axis, or what is nearest in numbers would not be so in the picture.
      ...(solid ? { scene: { aspectmode: "data", xaxis: scene, yaxis: scene, zaxis: scene } }
        : { xaxis: axis, yaxis: { ...axis, scaleanchor: "x" } }),
    };
    await window.Plotly.react(canvas, traces.filter(({ x }) => x.length), shape, CONFIG);
    mark(...marked);
    wire();
  };
  const wire = () => {
    if (canvas.dataset.wired) return;
    const about = (under) => {
      const row = rowOf(under), said = drawn.said.get(row), tag = mtl.chosen.tags.of[under.customdata];
      return [`${row + 1}  ${shorten(under.customdata, MOST_SAID)}`, said, tag && tag !== said && `your tag: ${tag}`];
    };
    mtl.plots.wire(canvas, { about, row: rowOf, choose: (under, more) => mtl.answers.choose(rowOf(under), more) });
    // Plotly does not say whether Shift was held.
    let shift = false;
    canvas.addEventListener("pointerdown", (event) => { shift = event.shiftKey; }, true);
    canvas.on("plotly_selected", (event) => {
      if (!event?.lassoPoints) return;
      const sentences = event.points.filter(({ data }) => data.customdata); // not rings and numbers
      mtl.answers.choose(sentences.map(rowOf).sort((a, b) => a - b), shift);
      if (!DRAG) window.Plotly.relayout(canvas, { dragmode: false }); // a finger scrolls again
    });
  };
  const rowOf = (point) => point.data.rows[point.pointNumber];

  // --- what is drawn ---

  const at = (rows) => {
    const [x, y, z] = [0, 1, 2].map((axis) => rows.map((row) => (row === null ? null : drawn.points[row][axis])));
    return { x, y, rows, ...(drawn.solid ? { z } : {}) };
  };
  const svg = () => (drawn.solid ? "scatter3d" : "scatter");
  // Each trace has a name of its own (`uid`, which goes into selectors): by its place plotly would take it for another.
  const ASIDE = { hoverinfo: "skip", showlegend: false };
  const lines = (uid, pairs, line, opacity) => ({
    ...ASIDE, uid, ...at(pairs.flatMap((pair) => [...pair, null])), type: svg(), mode: "lines", line, opacity,
  });
  const rings = (rows) => ({
    ...ASIDE, ...at(rows), type: svg(), mode: "markers", uid: "rings",
    marker: { symbol: "circle-open", size: drawn.solid ? 14 : RING, color: RINGED, line: { width: 3, color: RINGED } },
  });
  // Unseen, in the corners: there is room for rings at the edges before there are any, so that choosing moves nothing.
  const room = () => {
    const [x, y] = drawn.solid ? [[], []] : [ends(0), ends(1)];
    return { ...ASIDE, x, y, type: "scatter", mode: "markers", uid: "room", marker: { size: RING + 4, opacity: 0 } };
  };
  const ends = (axis) => {
    const along = drawn.points.map((point) => point[axis]);
    return [Math.min(...along), Math.max(...along)];
  };
  // Those that a search has not found are faded, with the legend's entry where it has found none.
  const markers = ({ key, name, rows, marker, values, said }) => {
    const count = drawn.texts.length, wanted = drawn.matches?.length && new Set(drawn.matches);
    const unlike = new Set(mtl.answers.latest.unlike);
    const full = wanted ? rows.filter((row) => wanted.has(row)) : rows;
    const faded = wanted ? rows.filter((row) => !wanted.has(row)) : [];
    const trace = (part, opacity, inLegend, uid) => ({
      ...at(part), customdata: part.map((row) => drawn.texts[row]), uid: `${key}-${uid}`, legendgroup: name,
      type: drawn.solid || count <= WEBGL ? svg() : "scattergl", mode: "markers", hoverinfo: "none", opacity: drawn.solid ? opacity : 1,
      name: name && `${escape(shorten(name, 30))} (${rows.length})`, showlegend: Boolean(name) && inLegend,
      marker: {
        ...marker, ...(values ? { color: part.map((row) => values[row]), showscale: inLegend } : {}),
        size: count > WEBGL || drawn.solid ? 7 : 12,
        ...(drawn.solid ? {} : { opacity: part.map((row) => (unlike.has(row) ? opacity / 3 : opacity)) }), line: { width: count > WEBGL ? 0 : 1, color: "white" },
      },
    });
    return [trace(faded, 0.15, !full.length, "faded"), trace(full, 0.9, true, "full")];
  };
  // Above all markers. An unseen marker of their own keeps them off the one that they belong to.
  const numbers = ({ key, name, rows }) => {
    const wanted = drawn.matches?.length && new Set(drawn.matches), sides = drawn.solid ? null : roomiest();
    const color = rows.map((row) => (wanted && !wanted.has(row) ? "rgba(138,143,152,0.25)" : QUIET_INK));
    return {
      ...ASIDE, ...at(rows), uid: `${key}-numbers`, legendgroup: name, type: svg(), mode: "markers+text",
      text: rows.map((row) => `${row + 1}`), textposition: sides ? rows.map((row) => sides[row]) : "top center",
      textfont: { size: 14, color: drawn.solid ? QUIET_INK : color },
      marker: { size: drawn.solid ? 7 : rows.map((row) => (drawn.chosen.includes(row) ? RING : 12)), opacity: 0 },
    };
  };
  // On which side of each point its number stands: away from the nearest other point, where that is close.
  const roomiest = () => {
    const pixels = Math.min(...[canvas.clientWidth, canvas.clientHeight].map((size, axis) => {
      const [low, high] = ends(axis);
      return size / (high - low || 1);
    }));
    return drawn.points.map((here, i) => {
      let [near, x, y] = [CROWDED, 0, 0];
      drawn.points.forEach((other, j) => {
        const [across, up] = [0, 1].map((axis) => (other[axis] - here[axis]) * pixels);
        if (j !== i && Math.hypot(across, up) < near) [near, x, y] = [Math.hypot(across, up), across, up];
      });
      if (Math.abs(x) > Math.abs(y)) return x > 0 ? "middle left" : "middle right";
      return y > 0 ? "bottom center" : "top center";
    });
  };

  // --- what is pointed at or chosen ---

  // A dotted ring around the sentence that is pointed at (a chosen one has a whole one); in three dimensions its number.
  const ring = ([x, y]) => ({
    type: "circle", xsizemode: "pixel", ysizemode: "pixel", xanchor: x, yanchor: y,
    x0: -RING / 2, x1: RING / 2, y0: -RING / 2, y1: RING / 2,
    line: { color: RINGED, width: 2, dash: "dot" },
  });
  const flag = ([x, y, z], row) => (
    { x, y, z, text: `<b>${row + 1}</b>`, arrowcolor: RINGED, font: { size: 16, color: RINGED }, ax: 0, ay: -28 }
  );
  let marked = [null, []];
  const mark = (pointed, chosen) => {
    marked = [pointed, chosen];
    if (!drawn || !canvas.matches(".js-plotly-plot")) return;
    if (chosen !== drawn.chosen || matches() !== drawn.matches) redraw();
    const point = drawn.points[pointed];
    window.Plotly.relayout(canvas, drawn.solid ? { "scene.annotations": point ? [flag(point, pointed)] : [] }
      : { shapes: point ? [ring(point)] : [] });
  };

  return { start, draw, redraw, colourByTags };
})();
