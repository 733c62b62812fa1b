// From the lines in the box to sentences, as `from_lines` of mtl/ui/sentences.py.
import { MAX_SENTENCES } from "./constants.js";
import { plural } from "./labels.js";

const ANY_CONTROL = /[\x00-\x1f\x7f-\x9f]/g, CONTROL = /[\x00-\x08\x0e-\x1f\x7f-\x9f]/;
const SPACES = /^[^\S\ufeff]+|[^\S\ufeff]+$/gu;

// {texts, notes}: what was skipped, cut or cleaned. So many characters were `leftOut` at the end.
export const fromLines = (value, leftOut = 0) => {
  const lines = value.split(/\r\n|\r|\n/), texts = [], notes = [];
  let blank = 0, controls = 0;
  if (leftOut > 0) notes.push(`The box holds more than the page reads: after ${number(value.length)} characters its last ${number(leftOut)} were left out.`);
  lines.forEach((line, i) => {
    const cleaned = clean(line);
    // An empty last line is how every text ends; it is not worth a word.
    if (/^[\s\p{Cc}\p{Cf}]*$/u.test(cleaned)) blank += line || i < lines.length - 1 ? 1 : 0;
    else {
      controls += CONTROL.test(line) ? 1 : 0;
      texts.push(cleaned);
    }
  });
  if (blank && texts.length) notes.push(`${plural(blank, "blank line")} skipped.`);
  if (controls) notes.push(`Control characters that cannot be shown (such as NUL) were removed from ${plural(controls, "line")}.`);
  if (texts.length > MAX_SENTENCES) notes.push(`Of ${number(texts.length)} sentences the first ${number(MAX_SENTENCES)} are analyzed.`);
  return { texts: texts.slice(0, MAX_SENTENCES), notes };
};
const number = (value) => value.toLocaleString("en-US");
const clean = (line) => (
  line.toWellFormed().replace(/[\t\n\v\f\r\u2028\u2029]+/g, " ").replace(ANY_CONTROL, "").replace(SPACES, "")
);
