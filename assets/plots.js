// What the map (map.js) and the grid (grid.js) share: plotly, the tab that they are in, the label beside the pointer.
// There is one of each, and it moves to the tab that is open, never mounted anew: zoom and choice survive.
mtl.plots = (() => {
  const QUIET_INK = "#8a8f98", FADED = "rgba(127,127,127,0.18)", ACCENT = "#0072B2";
  const RINGED = "#2b8cd0"; // to be seen on light and dark ground
  const FONT = { family: "IBM Plex Sans, system-ui, sans-serif", size: 14, color: QUIET_INK };
  const CIVIDIS = [[0, "#00224e"], [0.25, "#3f4c6b"], [0.5, "#7d7c78"], [0.75, "#bcae6c"], [1, "#fee838"]];
  // A finger that swipes scrolls the page: it would push the points out of the picture.
  const DRAG = window.matchMedia("(pointer: coarse)").matches ? false : "pan";
  const CONFIG = { displaylogo: false, responsive: true };
  const MOST_SAID = 160; // characters of a sentence in the label beside the pointer
  const APART = 14, EDGE = 4; // pixels from the label to what it is about, and to the edge

  let plotly = null;
  const load = () => plotly ??= new Promise(function add(done) {
    const script = document.createElement("script");
    script.src = document.querySelector("[data-plotly]").dataset.plotly;
    script.onload = () => done(window.Plotly);
    script.onerror = () => setTimeout(add, 2000, done);
    document.head.append(script);
  });

  // --- words ---

  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const shorten = (text, width) => (text.length <= width ? text : text.slice(0, width - 1).trimEnd() + "…");

  // --- places ---

  const slots = [];
  const place = (element) => {
    const inside = [...element.querySelectorAll("[data-slot]")];
    slots.push(...inside);
    // Of tabs that were opened in quick succession it is told late, so each slot looks for itself.
    new IntersectionObserver(() => inside.forEach(adopt), { rootMargin: "100000px" }).observe(element);
    element.style.minHeight = "1px";
  };
  const adopt = (slot) => {
    const plot = document.getElementById(slot.dataset.slot);
    if (!plot || plot.parentElement === slot || !slot.offsetParent) return;
    slot.append(plot);
    const canvas = plot.querySelector(".canvas.js-plotly-plot");
    if (!canvas) return;
    window.Plotly.Plots.resize(canvas);
    if (plot.id === "heatmap") mtl.grid.draw(mtl.answers.latest); // with or without texts beside it, as there is room
  };
  // The element that holds both, until a tab takes them.
  const start = (element) => {
    mtl.chosen.start(element.querySelector("#map .chosen-ones"));
    mtl.map.start(element.querySelector("#map"));
    mtl.grid.start(element.querySelector("#heatmap"));
    slots.forEach(adopt);
    mtl.answers.onAnswer(async (found) => {
      await load();
      mtl.map.draw(found);
      mtl.grid.draw(found);
    });
  };

  // --- what both look like ---

  const layout = (height) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: FONT, height, dragmode: DRAG,
    margin: { l: 8, r: 8, t: 32, b: 8 },
  });
  const modebar = (remove) => ({
    remove: ["select2d", "autoScale2d", "tableRotation", "resetCameraLastSave3d", ...remove],
    bgcolor: "rgba(0,0,0,0)", color: QUIET_INK, activecolor: ACCENT,
  });

  // --- the label beside the pointer ---

  // Above what it is about, or below where there is no room, and never wider than the picture. `lines`: of text.
  const say = (canvas, { bbox, event }, lines) => {
    const picture = canvas.parentElement, label = picture.querySelector(".bubble");
    label.replaceChildren(...lines.filter(Boolean).map((text) => {
      const line = Object.assign(document.createElement("p"), { textContent: text });
      line.dir = "auto";
      return line;
    }));
    label.hidden = false;
    const frame = picture.getBoundingClientRect();
    const pointer = { x0: event.clientX - frame.left, y0: event.clientY - frame.top };
    const { x0, y0, x1 = x0, y1 = y0 } = bbox?.x0 === undefined ? pointer : bbox;
    const above = y0 - APART - label.offsetHeight;
    const most = picture.clientWidth - label.offsetWidth - EDGE;
    label.style.top = `${frame.top + above >= 0 ? above : y1 + APART}px`;
    label.style.left = `${Math.max(EDGE, Math.min((x0 + x1 - label.offsetWidth) / 2, most))}px`;
  };
  const hush = (canvas) => { canvas.parentElement.querySelector(".bubble").hidden = true; };
  // A finger leaves no point: it touches something else.
  document.addEventListener("pointerdown", () => document.querySelectorAll(".picture > .canvas").forEach(hush), true);

  // What a plot does with the pointer, once it is drawn. `about` gives the lines of the label for what is under the
  // pointer, `row` its sentence; `choose` is called when it is clicked.
  const AGAIN = 700; // milliseconds in which plotly tells a tap once more, as a click
  const wire = (canvas, { about, row, choose }) => {
    if (canvas.dataset.wired) return;
    canvas.dataset.wired = "yes";
    const point = ({ points: [under], event }) => {
      say(canvas, { bbox: under.bbox, event }, about(under));
      mtl.answers.point(row(under));
    };
    let tapped = -AGAIN;
    canvas.on("plotly_hover", point);
    canvas.on("plotly_unhover", () => {
      hush(canvas);
      mtl.answers.point(null);
    });
    canvas.on("plotly_click", (clicked) => {
      const { points: [under], event } = clicked, tap = event.type === "touchstart";
      if (!tap && performance.now() - tapped < AGAIN) return;
      if (tap) {
        tapped = performance.now();
        point(clicked);
      }
      choose(under, event.shiftKey);
    });
  };

  return {
    QUIET_INK, FADED, ACCENT, RINGED, CIVIDIS, DRAG, CONFIG, MOST_SAID, escape, shorten, place, start, layout, modebar, wire,
  };
})();
