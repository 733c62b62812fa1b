// Every visible text whose contrast with what is behind it is below 4.5 : 1, as a list of descriptions,
// once no colour is on its way to another.
async () => {
  const moving = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
  await Promise.allSettled(moving.map((transition) => transition.finished));
  const light = (colour) => {
    const linear = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const rgba = (style) => {
    const n = style.match(/[\d.]+/g).map(Number);
    const scale = style.startsWith("color(") ? 255 : 1;
    return [n[0] * scale, n[1] * scale, n[2] * scale, n[3] ?? 1];
  };
  const over = (top, below) => below.map((c, i) => top[i] * top[3] + c * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    const mark = element.previousElementSibling; // a number on a map's mark
    if (mark?.matches("svg .dot")) layers.push(rgba(getComputedStyle(mark).fill));
    for (let e = layers.length ? null : element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (!own || !box.width || !box.height || style.visibility === "hidden") continue;
    // Not shown to anyone, or (the values in the grid's cells) drawn on something that is no element's background.
    if (element.closest(".sr, .hide, .modebar, [disabled], style, script, #heatmap .scatterlayer")) continue;
    const paper = behind(element);
    const ink = over(rgba(element instanceof SVGElement ? style.fill : style.color), paper);
    const [more, less] = [light(ink), light(paper)].sort((a, b) => b - a);
    const contrast = (more + 0.05) / (less + 0.05);
    if (contrast < 4.5) {
      const words = element.textContent.trim().slice(0, 30);
      poor.push(`${contrast.toFixed(2)} "${words}" ${element.tagName}.${element.getAttribute("class")}`);
    }
  }
  return poor;
}
