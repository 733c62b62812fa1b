// The grid of the cosines of each two sentences.
mtl.grid = (() => {
  const { ACCENT, CIVIDIS, CONFIG, escape, shorten, MOST_SAID } = mtl.plots;
  const VALUES = 12; // up to so many sentences have their cosines written into the grid
  // Pixels that a cosine takes across its cell, a number below its column, a number or a text up its row; and what such
  // texts and the scale take beside the cells.
  const CELL = 28, COLUMN = 24, ROW = 20, TEXTS = 230, SCALE = 70;
  const STEPS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000];
  const BANDS = 12; // up to so many chosen sentences are marked

  let picture, canvas;
  const start = (element) => {
    picture = element;
    canvas = element.querySelector(".canvas");
    mtl.answers.onMark(mark);
  };

  // --- cosines ---

  let decoded = {};
  const values = ({ grid }) => {
    if (decoded.grid === grid) return decoded.values;
    const bytes = Uint8Array.from(atob(grid.cells), (letter) => letter.charCodeAt(0));
    const flat = new Int16Array(bytes.buffer), count = grid.rows.length;
    const rows = grid.rows.map((_, i) => Array.from(flat.subarray(i * count, (i + 1) * count), (cell) => cell / 10000));
    decoded = { grid, values: rows };
    return rows;
  };
  // Of each two sentences; null where the grid shows only some of them.
  const cosines = (found) => (found.grid?.rows.length === found.texts.length ? values(found) : null);

  // --- drawing ---

  let drawn = null; // the sentences that it shows
  const draw = async (found) => {
    const note = picture.querySelector(".note");
    canvas.hidden = !found.grid;
    if (!found.grid) {
      drawn = null;
      note.textContent = "With one sentence there is nothing to compare it with. Add a second one.";
      return;
    }
    const { rows } = found.grid, count = rows.length, z = values(found);
    drawn = rows;
    note.textContent = count < found.texts.length
      ? `The grid shows ${count} of ${found.texts.length.toLocaleString("en")} sentences, evenly spaced; `
        + "the map and the downloads have all."
      : "Cosine similarity of each pair: 1 means the same direction, 0 nothing in common.";
    // Numbered, as texts may be equal.
    const names = rows.map((row) => `${row + 1}  ${found.texts[row]}`);
    const across = canvas.clientWidth, narrow = across < 480;
    const right = across - (narrow ? 40 : TEXTS), high = 400;
    const written = count <= VALUES && right / count >= CELL, wide = right - (written ? 0 : SCALE);
    const traces = [{
      type: "heatmap", z, x: names, y: names, zmin: 0, zmax: 1, colorscale: CIVIDIS,
      xgap: count <= 40 ? 1 : 0, ygap: count <= 40 ? 1 : 0, showscale: !written, hoverinfo: "none",
      colorbar: { tickvals: [0, 0.25, 0.5, 0.75, 1], thickness: 10, outlinewidth: 0, len: 1 },
    }];
    // Plotly's own cell values choose their ink badly on middle greys.
    if (written) traces.push({
      type: "scatter", mode: "text", x: names.flatMap(() => names), y: names.flatMap((name) => names.map(() => name)),
      text: z.flat().map(short), textfont: { size: 14, color: z.flat().map(ink) }, hoverinfo: "skip", showlegend: false,
    });
    // The numbers that have room along an axis of so many pixels.
    const numbers = (pixels, each) => {
      const last = rows.at(-1) + 1, step = STEPS.find((size) => size * pixels / last >= each) ?? STEPS.at(-1);
      const round = new Map();
      for (let number = step; number <= last; number += step)
        round.set(rows.findIndex((row) => row + 1 >= number), `${number}`);
      return round;
    };
    // The mark keeps the number on the right of a text that runs from right to left.
    const side = narrow || high / count < ROW ? numbers(high, ROW)
      : new Map(rows.map((row, i) => [i, `${escape(shorten(found.texts[row], 24))}\u200e  ${row + 1}`]));
    const ticks = (labels) => ({
      type: "category", tickmode: "array", tickvals: [...labels.keys()], ticktext: [...labels.values()],
      tickangle: 0, ticks: "", showgrid: false, automargin: true,
    });
    const shape = {
      ...mtl.plots.layout(460), modebar: mtl.plots.modebar(["lasso2d"]), uirevision: count,
      xaxis: ticks(numbers(wide, COLUMN)), yaxis: { ...ticks(side), autorange: "reversed" }, shapes: bands([]),
    };
    await window.Plotly.react(canvas, traces, shape, CONFIG);
    mark(...marked);
    mtl.plots.wire(canvas, {
      about: ({ x, y, z }) => [shorten(y, MOST_SAID), x === y ? "" : shorten(x, MOST_SAID), `cosine ${z.toFixed(3)}`],
      row: ({ pointIndex: [i] }) => drawn[i],
      choose: ({ pointIndex }) => mtl.answers.choose(pointIndex.map((at) => drawn[at])), // both of the cell
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

  // --- what is pointed at or chosen ---

  const bands = (rows) => rows.filter((i) => i >= 0).flatMap((i) => {
    const line = { color: ACCENT, width: rows.length > 3 ? 1 : 2 };
    return [
      { type: "rect", xref: "paper", x0: 0, x1: 1, y0: i - 0.5, y1: i + 0.5, line },
      { type: "rect", yref: "paper", y0: 0, y1: 1, x0: i - 0.5, x1: i + 0.5, line },
    ];
  });
  let marked = [null, []];
  const mark = (pointed, chosen) => {
    marked = [pointed, chosen];
    if (!drawn || !canvas.matches(".js-plotly-plot")) return;
    const rows = new Set([...(chosen.length > BANDS ? [] : chosen), ...(pointed === null ? [] : [pointed])]);
    window.Plotly.relayout(canvas, { shapes: bands([...rows].map((row) => drawn.indexOf(row))) });
  };

  return { start, draw, cosines };
})();
