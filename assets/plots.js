// The map of the sentences and the grid of their cosines, drawn by plotly and never mounted anew: zoom and choice survive.
// There is one of each, and it moves to the tab that is open.
mtl.plots = (() => {
  const QUIET_INK = "#8a8f98", FADED = "rgba(127,127,127,0.18)", ACCENT = "#0072B2";
  const FONT = { family: "IBM Plex Sans, system-ui, sans-serif", size: 14, color: QUIET_INK };
  const CIVIDIS = [[0, "#00224e"], [0.25, "#3f4c6b"], [0.5, "#7d7c78"], [0.75, "#bcae6c"], [1, "#fee838"]];
  // A finger that swipes scrolls the page: it would push the points out of the picture.
  const TOUCH = window.matchMedia("(pointer: coarse)").matches;
  const CONFIG = { displaylogo: false, responsive: true };
  const NUMBERED = 40, LINES = 60, WEBGL = 300; // up to so many points have numbers, lines; from so many on WebGL draws
  const VALUES = 12; // up to so many sentences have their cosines written into the grid
  // Pixels that a cosine takes across its cell, a number below its column, a number or a text up its row; and what such
  // texts and the scale take beside the cells.
  const CELL = 28, COLUMN = 24, ROW = 20, TEXTS = 230, SCALE = 70;
  const STEPS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000];

  let plotly = null;
  const load = () => plotly ??= new Promise((done) => {
    const script = document.createElement("script");
    script.src = document.querySelector("[data-plotly]").dataset.plotly;
    script.onload = () => done(window.Plotly);
    document.head.append(script);
  });

  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const shorten = (text, width) => (text.length <= width ? text : text.slice(0, width - 1).trimEnd() + "…");
  // A text in lines for a label beside the pointer, escaped, as plotly reads some HTML there.
  const hover = (text, width = 56) => {
    const lines = [""];
    for (const word of shorten(text, 600).split(/\s+/)) {
      for (const piece of word.match(new RegExp(`.{1,${width}}`, "gsu")) ?? [""]) {
        if (lines.at(-1) && lines.at(-1).length + piece.length >= width) lines.push("");
        lines[lines.length - 1] += (lines.at(-1) && " ") + piece;
      }
    }
    return lines.map(escape).join("<br>");
  };

  // --- places ---

  let map, grid, colour = null;
  const slots = [];
  const place = (element) => {
    const inside = [...element.querySelectorAll("[data-slot]")];
    slots.push(...inside);
    new IntersectionObserver((seen) => {
      if (seen.some(({ isIntersecting }) => isIntersecting)) inside.forEach(adopt);
    }, { rootMargin: "100000px" }).observe(element);
    element.style.minHeight = "1px";
  };
  const adopt = (slot) => {
    const plot = document.getElementById(slot.dataset.slot);
    if (!plot || plot.parentElement === slot) return;
    slot.append(plot);
    const canvas = plot.querySelector(".canvas.js-plotly-plot");
    if (!canvas) return;
    window.Plotly.Plots.resize(canvas);
    if (plot === grid) drawGrid(mtl.answers.latest); // with or without texts beside it, as there is room
  };
  // The element that holds both, until a tab takes them.
  const start = (element) => {
    map = element.querySelector("#map");
    grid = element.querySelector("#heatmap");
    map.addEventListener("change", (event) => {
      if (event.target.dataset.local === "colour") {
        colour = event.target.value;
        drawMap(mtl.answers.latest);
      }
      mtl.answers.choices(event);
    });
    slots.filter((slot) => slot.offsetParent).forEach(adopt);
    mtl.answers.onAnswer(draw);
    mtl.answers.onMark(mark);
  };
  const draw = async (found) => {
    await load();
    drawMap(found);
    drawGrid(found);
  };

  // --- the map ---

  const options = (select, names, chosen) => {
    if ([...select.options].map((option) => option.value).join("\n") !== names.join("\n"))
      select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = chosen;
  };

  let drawnMap = null;
  const drawMap = async (found) => {
    const { map: layout, colourings, poolings, pooling, texts } = found;
    const names = [...colourings.map(({ name }) => name), "nothing"];
    if (!names.includes(colour)) colour = names[0];
    options(map.querySelector("[data-local=colour]"), names, colour);
    options(map.querySelector("[data-asks=pooling]"), poolings, pooling);
    for (const select of map.querySelectorAll("[data-asks=method], [data-asks=dims]"))
      select.value = mtl.answers.settings[select.dataset.asks] ?? select.value;
    map.querySelector(".note").textContent = layout.note;
    const { points } = layout;
    const solid = points[0]?.length === 3;
    const traces = grouped(colourings.find(({ name }) => name === colour), texts).map((group) => trace(group, points, texts, solid));
    const axis = { showticklabels: false, zeroline: false, gridcolor: FADED, title: { text: "" } };
    const scene = { ...axis, showbackground: false, showspikes: false, gridcolor: "#9aa0a6" };
    drawnMap = { points, solid, lines: solid ? [] : neighbourLines(found.nearest, points) };
    const shape = {
      ...base(460), shapes: drawnMap.lines, legend: { orientation: "h", y: -0.02, yanchor: "top", x: 0, itemsizing: "constant" }, dragmode: TOUCH ? false : "pan",
      uirevision: `${solid} ${layout.method}`, // what was zoomed stays so while the kind of map does
      ...(solid ? { scene: { xaxis: scene, yaxis: scene, zaxis: scene } } : { xaxis: axis, yaxis: axis }),
    };
    const canvas = map.querySelector(".canvas");
    await window.Plotly.react(canvas, traces, shape, CONFIG);
    mark(...marked);
    if (canvas.dataset.wired) return;
    canvas.dataset.wired = "yes";
    canvas.on("plotly_hover", ({ points: [under] }) => mtl.answers.point(rowOf(under)));
    canvas.on("plotly_unhover", () => mtl.answers.point(null));
    canvas.on("plotly_click", ({ points: [under], event }) => mtl.answers.choose(rowOf(under), event?.shiftKey));
  };
  const rowOf = (point) => point.data.rows[point.pointNumber];

  const base = (height) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: FONT, height,
    margin: { l: 8, r: 8, t: 28, b: 8 },
    hoverlabel: { align: "left", font: { family: FONT.family, size: 14 } },
    modebar: {
      remove: ["select2d", "lasso2d", "autoScale2d", "tableRotation", "resetCameraLastSave3d"],
      bgcolor: "rgba(0,0,0,0)", color: QUIET_INK, activecolor: ACCENT,
    },
  });

  // The sentences by label, with its colour and symbol; all together where they are coloured by a number or nothing.
  const grouped = (colouring, texts) => {
    const all = texts.map((_, i) => i);
    if (!colouring) return [{ name: "", rows: all, marker: { color: ACCENT, symbol: "circle" } }];
    if (!colouring.looks) {
      const known = colouring.values.filter((value) => value !== null);
      const [low, high] = [Math.min(...known), Math.max(...known)];
      const limit = Math.max(Math.abs(low), Math.abs(high));
      const marker = {
        color: colouring.values, cmin: low < 0 ? -limit : low, cmax: low < 0 ? limit : high,
        colorscale: low < 0 ? [[0, "#D55E00"], [0.5, "#BFBFBF"], [1, "#0072B2"]] : CIVIDIS,
        colorbar: { title: { text: escape(shorten(colouring.name, 30)), side: "right" }, thickness: 10, outlinewidth: 0, len: 1 },
      };
      const said = (row) => (colouring.values[row] === null ? "" : `${escape(colouring.name)} ${colouring.values[row].toFixed(2)}`);
      return [{ name: "", rows: all, marker, said }];
    }
    return Object.entries(colouring.looks)
      .map(([label, [color, symbol]]) => ({
        name: label, rows: all.filter((row) => colouring.values[row] === label), marker: { color, symbol },
        said: () => `<i>${escape(shorten(label, 80))}</i>`,
      }))
      .filter(({ rows }) => rows.length);
  };

  const at = (points, rows, solid) => ({
    x: rows.map((row) => points[row][0]), y: rows.map((row) => points[row][1]),
    ...(solid ? { z: rows.map((row) => points[row][2]) } : {}),
  });
  const kindOf = (solid, count) => (solid ? "scatter3d" : count > WEBGL ? "scattergl" : "scatter");

  const trace = ({ name, rows, marker, said = () => "" }, points, texts, solid) => {
    const count = texts.length, numbered = count <= NUMBERED;
    return {
      ...at(points, rows, solid), rows, type: kindOf(solid, count), mode: numbered ? "markers+text" : "markers",
      ...(numbered ? { text: rows.map((row) => `${row + 1}`) } : {}),
      textposition: "top center", textfont: { size: 14, color: QUIET_INK },
      customdata: rows.map((row) => hover(texts[row]) + (said(row) && "<br>" + said(row))),
      hovertemplate: "%{customdata}<extra></extra>",
      name: name && `${escape(shorten(name, 30))} (${rows.length})`, showlegend: Boolean(name),
      marker: { ...marker, size: count > WEBGL || solid ? 7 : 12, opacity: 0.9, line: { width: count > WEBGL ? 0 : 1, color: "white" } },
    };
  };

  // A line from each sentence to the one that is truly nearest, however far away the map has put it.
  const neighbourLines = (nearest, points) => {
    if (!nearest || points.length > LINES) return [];
    return points.map(([x0, y0], row) => {
      const [x1, y1] = points[nearest[0][row]];
      return { type: "line", x0, y0, x1, y1, layer: "below", opacity: 0.6, line: { color: QUIET_INK, width: 1, dash: "dot" } };
    });
  };
  // A ring around a sentence that is pointed at or chosen; in three dimensions its number.
  const ring = ([x, y]) => ({
    type: "circle", xsizemode: "pixel", ysizemode: "pixel", xanchor: x, yanchor: y, x0: -12, x1: 12, y0: -12, y1: 12,
    line: { color: ACCENT, width: 3 },
  });
  const flag = (row) => {
    const [x, y, z] = drawnMap.points[row];
    return { x, y, z, text: `<b>${row + 1}</b>`, arrowcolor: ACCENT, font: { size: 16, color: ACCENT }, ax: 0, ay: -28 };
  };

  // --- the grid ---

  let drawnGrid = null;
  const cells = ({ grid: { rows, cells: packed } }) => {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const flat = new Int16Array(bytes.buffer);
    return rows.map((_, i) => Array.from(flat.subarray(i * rows.length, (i + 1) * rows.length), (cell) => cell / 10000));
  };
  const cosine = (one, other) => {
    const i = drawnGrid?.rows.indexOf(one) ?? -1, j = drawnGrid?.rows.indexOf(other) ?? -1;
    return i < 0 || j < 0 ? null : drawnGrid.values[i][j];
  };
  const drawGrid = async (found) => {
    const note = grid.querySelector(".note"), canvas = grid.querySelector(".canvas");
    canvas.hidden = !found.grid;
    drawnGrid = null;
    if (!found.grid) {
      note.textContent = "With one sentence there is nothing to compare it with. Add a second one.";
      return;
    }
    const { rows } = found.grid, count = rows.length, values = cells(found);
    drawnGrid = { rows, values };
    note.textContent = count < found.texts.length
      ? `The grid shows ${count} of ${found.texts.length.toLocaleString("en")} sentences, evenly spaced; the map and the downloads have all.`
      : "Cosine similarity of each pair: 1 means the same direction, 0 nothing in common.";
    // A cell's label is its row's and its column's: given once per axis, as categories. Numbered, as texts may be equal.
    const names = rows.map((row) => `<b>${row + 1}</b> ${hover(found.texts[row])}`);
    const across = canvas.clientWidth, narrow = across < 480;
    const right = across - (narrow ? 40 : TEXTS), high = 400;
    const written = count <= VALUES && right / count >= CELL, wide = right - (written ? 0 : SCALE);
    const traces = [{
      type: "heatmap", z: values, x: names, y: names, zmin: 0, zmax: 1, colorscale: CIVIDIS,
      xgap: count <= 40 ? 1 : 0, ygap: count <= 40 ? 1 : 0, showscale: !written,
      hovertemplate: "%{y}<br>%{x}<br><b>cosine %{z:.3f}</b><extra></extra>",
      colorbar: { tickvals: [0, 0.25, 0.5, 0.75, 1], thickness: 10, outlinewidth: 0, len: 1 },
    }];
    // Plotly's own cell values choose their ink badly on middle greys.
    if (written) traces.push({
      type: "scatter", mode: "text", x: names.flatMap(() => names), y: names.flatMap((name) => names.map(() => name)),
      text: values.flat().map(short), textfont: { size: 14, color: values.flat().map(ink) }, hoverinfo: "skip", showlegend: false,
    });
    // The numbers that have room along an axis of so many pixels.
    const numbers = (pixels, each) => {
      const last = rows.at(-1) + 1, step = STEPS.find((size) => size * pixels / last >= each) ?? STEPS.at(-1);
      const round = new Map();
      for (let number = step; number <= last; number += step) round.set(rows.findIndex((row) => row + 1 >= number), `${number}`);
      return round;
    };
    // The mark keeps the number on the right of a text that runs from right to left.
    const side = narrow || high / count < ROW ? numbers(high, ROW)
      : new Map(rows.map((row, i) => [i, `${escape(shorten(found.texts[row], 24))}\u200e  ${row + 1}`]));
    // A hair off the middle of each cell: at the exact place plotly would put the short tick into the label, too.
    const beside = Math.max(count, 2) * 2e-4;
    const ticks = (labels) => ({
      tickmode: "array", tickvals: [...labels.keys()].map((i) => i + beside), ticktext: [...labels.values()],
      tickangle: 0, ticks: "", showgrid: false, automargin: true,
    });
    const shape = {
      ...base(460), dragmode: TOUCH ? false : "pan", uirevision: count, xaxis: ticks(numbers(wide, COLUMN)), yaxis: { ...ticks(side), autorange: "reversed" },
      shapes: bands([]),
    };
    await window.Plotly.react(canvas, traces, shape, CONFIG);
    mark(...marked);
    if (canvas.dataset.wired) return;
    canvas.dataset.wired = "yes";
    canvas.on("plotly_hover", ({ points: [under] }) => mtl.answers.point(drawnGrid?.rows[under.pointIndex[0]] ?? null));
    canvas.on("plotly_unhover", () => mtl.answers.point(null));
    canvas.on("plotly_click", ({ points: [under] }) => {
      const [i, j] = under.pointIndex;
      mtl.answers.choose([drawnGrid.rows[i], drawnGrid.rows[j]]);
    });
  };
  // Black or white, whichever is easier to read on the colour of a cell.
  const ink = (value) => {
    const at = Math.min(Math.max(value, 0), 1) * (CIVIDIS.length - 1);
    const below = Math.min(Math.floor(at), CIVIDIS.length - 2);
    const [one, other] = [CIVIDIS[below][1], CIVIDIS[below + 1][1]];
    const light = [1, 3, 5].map((i) => {
      const [a, b] = [one, other].map((colour) => parseInt(colour.slice(i, i + 2), 16) / 255);
      const channel = a + (b - a) * (at - below);
      return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
    });
    const luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
    return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "#000000" : "#ffffff";
  };
  const short = (value) => value.toFixed(2).replace("1.00", "1").replace("0.", ".");
  const bands = (rows) => rows.filter((i) => i >= 0).flatMap((i) => [
    { type: "rect", xref: "paper", x0: 0, x1: 1, y0: i - 0.5, y1: i + 0.5, line: { color: ACCENT, width: 2 } },
    { type: "rect", yref: "paper", y0: 0, y1: 1, x0: i - 0.5, x1: i + 0.5, line: { color: ACCENT, width: 2 } },
  ]);

  // --- what is pointed at or chosen ---

  let marked = [null, []];
  const mark = (pointed, chosen) => {
    marked = [pointed, chosen];
    if (!window.Plotly) return;
    const rows = [...new Set([...chosen, ...(pointed === null ? [] : [pointed])])];
    if (drawnMap && map.querySelector(".js-plotly-plot")) {
      const there = rows.filter((row) => row < drawnMap.points.length);
      const marks = drawnMap.solid ? { "scene.annotations": there.map(flag) }
        : { shapes: [...drawnMap.lines, ...there.map((row) => ring(drawnMap.points[row]))] };
      window.Plotly.relayout(map.querySelector(".canvas"), marks);
    }
    if (drawnGrid && grid.querySelector(".js-plotly-plot"))
      window.Plotly.relayout(grid.querySelector(".canvas"), { shapes: bands(rows.map((row) => drawnGrid.rows.indexOf(row))) });
  };

  return { place, start, cosine };
})();
