// What is wrong with how the page looks, as a list of descriptions, once no colour is on its way to another: text whose
// contrast with what is behind it is below 4.5 : 1, or that is smaller than 14 px; what is pressed and smaller than
// 24 px, or cut off by the edge of the window; what unfolds otherwise than the rest; a page that has to be scrolled sideways.
async () => {
  const moving = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
  await Promise.allSettled(moving.map((transition) => transition.finished));
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    // Not shown to anyone.
    if (element.closest(".sr, .skip, .hide, style, script")) return false;
    return box.width && box.height && element.checkVisibility({ visibilityProperty: true });
  };
  const scrolls = (element) => {
    for (let e = element.parentElement; e; e = e.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth) return true;
    return false;
  };
  const named = (element, words) => `"${words.trim().slice(0, 30)}" ${element.tagName}.${element.getAttribute("class")}`;

  // --- contrast ---

  const light = (colour) => {
    const linear = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const rgba = (style) => {
    const n = style.match(/[\d.]+/g).map(Number);
    const scale = style.startsWith("color(") ? 255 : 1;
    return [n[0] * scale, n[1] * scale, n[2] * scale, n[3] ?? 1];
  };
  const over = (top, below, opacity = top[3]) => below.map((c, i) => top[i] * opacity + c * (1 - opacity));
  // The colours of a text and of what is behind it. A pale element is pale with all that is in it.
  const seen = ([element, ...inner], below) => {
    const style = getComputedStyle(element);
    const ground = over(rgba(style.backgroundColor), below);
    if (inner.length) return seen(inner, ground).map((colour) => over(colour, below, Number(style.opacity)));
    const mark = element.previousElementSibling; // a number on a map's mark
    const paper = mark?.matches("svg .dot") ? rgba(getComputedStyle(mark).fill).slice(0, 3) : ground;
    const ink = over(rgba(element instanceof SVGElement ? style.fill : style.color), paper);
    return [ink, paper].map((colour) => over(colour, below, Number(style.opacity)));
  };
  const contrast = (element) => {
    const line = [];
    for (let e = element; e; e = e.parentElement) line.unshift(e);
    const [more, less] = seen(line, [255, 255, 255]).map(light).sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };

  const flaws = [];
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) || !shown(element)) continue;
    const name = named(element, element.textContent);
    const scale = element instanceof SVGElement ? element.getScreenCTM().a : 1;
    const size = parseFloat(getComputedStyle(element).fontSize) * scale;
    if (size < 13.9) flaws.push(`${size.toFixed(1)} px: ${name}`);
    // The values in the grid's cells stand on something that is no element's background.
    if (element.closest(".modebar, [disabled], #heatmap .scatterlayer")) continue;
    const found = contrast(element);
    if (found < 4.5) flaws.push(`${found.toFixed(2)} : 1: ${name}`);
  }
  for (const element of document.querySelectorAll("a[href], button, input, select, textarea, summary, [role=switch]")) {
    const target = element.closest("label, .wrap") ?? element;
    const { width, height } = target.getBoundingClientRect(), name = named(element, element.ariaLabel ?? element.innerText);
    if (shown(element) && shown(target) && Math.min(width, height) < 23.5)
      flaws.push(`${width.toFixed()} x ${height.toFixed()} px: ${name}`);
    const { left, right } = element.getBoundingClientRect();
    if (shown(element) && (left < -0.5 || right > window.innerWidth + 0.5) && !scrolls(element))
      flaws.push(`${left.toFixed()} to ${right.toFixed()} px, beyond the window's edge: ${name}`);
  }
  for (const element of document.querySelectorAll("details:not(.fold), .label-wrap"))
    flaws.push(`unfolds in a way of its own: ${named(element, element.innerText)}`);
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) flaws.push(`${scrollWidth - clientWidth} px have to be scrolled sideways`);
  return flaws;
}
