// The colours of labels and the ways of words, as in mtl/ui/widgets/colours.py and mtl/text/values.py.
import { NAMED, PALETTE } from "./constants.js";

const OWN = new Map(Object.entries(NAMED));
export const shorten = (value, width) => {
  const characters = [...value];
  return characters.length <= width ? value : `${characters.slice(0, width - 1).join("").trimEnd()}…`;
};
export const colours = (labels) => {
  const all = [...labels], taken = new Set(all.map((label) => OWN.get(label)));
  const left = PALETTE.filter((colour) => !taken.has(colour)), free = left.length ? left : PALETTE;
  let next = 0;
  return new Map(all.map((label) => [label, OWN.get(label) ?? free[next++ % free.length]]));
};
export const ink = (colour) => {
  const linear = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255)
    .map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000000" : "#FFFFFF";
};
export const plural = (count, noun) => `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
