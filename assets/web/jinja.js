// What the page's templates use of Jinja2 and of Python, for their translation by mtl/ui/web/javascript.py. Python's
// dictionaries are maps here, so that labels such as 10 and 2 keep their order.

// HTML that was made here; everything else is escaped.
class Markup {
  constructor(html) { this.html = html; }
  toString() { return this.html; }
  toJSON() { return this.html; }
}
const ESCAPED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;" };
const escape = (value) => {
  if (value instanceof Markup) return value.html;
  return value === undefined || value === null ? "" : String(value).replace(/[&<>'"]/g, (sign) => ESCAPED[sign]);
};
export const safe = (html) => new Markup(html);
export const markup = (parts) => new Markup(parts.map(escape).join(""));

// What `fill` puts into the list that it is given.
export const built = (fill) => {
  const parts = [];
  fill(parts);
  return markup(parts);
};

export const truth = (value) => {
  if (value instanceof Markup) return value.html !== "";
  return Array.isArray(value) ? value.length > 0 : value instanceof Map ? value.size > 0 : Boolean(value);
};
export const loop = (values) => [...values].map((value, index0, { length }) => (
  [value, { index0, index: index0 + 1, first: index0 === 0, last: index0 === length - 1 }]
));
export const at = (value, key) => (value instanceof Map ? value.get(key) : value[key]);
export const slice = (value, start, end) => {
  const part = (typeof value === "string" ? [...value] : value).slice(start, end);
  return typeof value === "string" ? part.join("") : part;
};
export const holds = (value, key) => (value instanceof Map ? value.has(key) : value.includes(key));
export const times = (one, other) => (typeof one === "string" ? one.repeat(other) : one * other);

// --- numbers in words ---

const grouped = (value) => value.toLocaleString("en-US");
// "%s %+.1f" and the like.
export const format = (pattern, ...given) => {
  const values = given.flat();
  return pattern.replace(/%(\+?)(?:\.(\d+))?([sdfg%])/g, (_, sign, digits, kind) => {
    if (kind === "%") return "%";
    const value = values.shift();
    const said = { s: () => String(value), d: () => Math.trunc(value), f: () => value.toFixed(digits ?? 6), g: () => Number(value.toPrecision(digits ?? 6)) };
    return (sign && value >= 0 ? "+" : "") + said[kind]();
  });
};

const total = (values) => values.reduce((sum, value) => sum + value, 0);
export const filters = {
  format, sum: total,
  join: (values, between = "") => new Markup([...values].map(escape).join(escape(between))),
  length: (value) => value.size ?? value.length,
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
};
export const tests = {
  defined: (value) => value !== undefined,
  none: (value) => value === null,
  string: (value) => typeof value === "string" || value instanceof Markup,
  integer: Number.isInteger,
  escaped: (value) => value instanceof Markup,
};
export const methods = {
  items: (map) => [...map],
  get: (map, key, otherwise) => (map.has(key) ? map.get(key) : otherwise),
  // "{:,}" and "{:.0%}".
  format: (pattern, value) => pattern.replace("{:,}", () => grouped(value)).replace("{:.0%}", () => `${(100 * value).toFixed(0)}%`),
};
