// Tokens and words of a text, as mtl/text/batches.py and mtl/text/words.py have them. Places in a text count its
// characters as Python does: each is one, however many units JavaScript has for it.
import { Tokenizer } from "../runtime/tokenizers.min.mjs";

const MAX_CHARACTERS = 100_000; // of a text that are read
const SHAPES = ["lower", "upper", "title", "mixed", "digits", "punctuation"];
// Digits that are not decimal ones: superscripts, circled ones and their kin.
const OTHER_DIGIT = new RegExp("[\\u00b2\\u00b3\\u00b9\\u1369-\\u1371\\u19da\\u2070\\u2074-\\u2079\\u2080-\\u2089\\u2460-\\u2468"
  + "\\u2474-\\u247c\\u2488-\\u2490\\u24ea\\u24f5-\\u24fd\\u24ff\\u2776-\\u277e\\u2780-\\u2788\\u278a-\\u2792"
  + "\\u{10a40}-\\u{10a43}\\u{10e60}-\\u{10e68}\\u{11052}-\\u{1105a}\\u{1f100}-\\u{1f10a}]", "u");
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/u;

export class Tokens {
  // `json`: the content of a tokenizer.json whose model is WordPiece; `about`: that of model.json.
  constructor(json, about) {
    this.tokenizer = new Tokenizer(json, {});
    this.unknown = about.unknown_id;
    const added = [...this.tokenizer.get_added_tokens_decoder().values()].map(({ content }) => content);
    const escaped = added.map((content) => content.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    this.added = added.length ? new RegExp(`(${escaped.join("|")})`, "u") : null;
    const [plain, full] = [false, true].map((add_special_tokens) => this.tokenizer.encode("a", { add_special_tokens }).ids);
    const start = full.findIndex((_, i) => plain.every((id, j) => full[i + j] === id));
    [this.prefix, this.suffix] = [full.slice(0, start), full.slice(start + plain.length)];
    this.room = Math.max(about.max_tokens - this.prefix.length - this.suffix.length, 1);
  }

  // The ids with special tokens, cut to the model's limit; the words among them as [first character, the one after its
  // last, place of its first token]; whether the text was cut, and whether it has no word that the model knows.
  read(text) {
    const characters = [...text.toWellFormed()], all = this.#pieces(characters.slice(0, MAX_CHARACTERS));
    const pieces = all.slice(0, this.room), words = [];
    let last = null;
    pieces.forEach(({ start, end, word }, i) => {
      if (word === last) words.at(-1)[1] = end;
      else words.push([start, end, i + this.prefix.length]);
      last = word;
    });
    return {
      text, characters, words,
      ids: [...this.prefix, ...pieces.map(({ id }) => id), ...this.suffix],
      truncated: all.length > this.room || characters.length > MAX_CHARACTERS,
      unread: pieces.every(({ id }) => id === this.unknown),
    };
  }

  #pieces(characters) {
    const pieces = [], sections = this.added ? characters.join("").split(this.added) : [characters.join("")];
    let at = 0, word = 0;
    sections.forEach((section, i) => {
      const inside = [...section];
      if (i % 2) pieces.push({ id: this.tokenizer.token_to_id(section), start: at, end: at + inside.length, word: word++ });
      else for (const letters of this.#words(inside, at)) pieces.push(...this.#split(letters, word++));
      at += inside.length;
    });
    return pieces;
  }

  // The words of a section as lists of [character, its place]. Character by character, as the library lower-cases a
  // whole text by rules of its own (a sigma at the end of a word), which the tokenizer of the training did not know.
  #words(characters, shift) {
    const words = [];
    let open = null;
    characters.forEach((character, i) => {
      if (/\p{Cn}/u.test(character)) return;
      for (const letter of this.tokenizer.normalizer(character)) {
        if (/\s/u.test(letter)) open = null;
        else if (PUNCTUATION.test(letter)) {
          words.push([[letter, shift + i]]);
          open = null;
        } else if (open) open.push([letter, shift + i]);
        else words.push(open = [[letter, shift + i]]);
      }
    });
    return words;
  }

  #split(letters, word) {
    const tokens = this.tokenizer.model([letters.map(([letter]) => letter).join("")]);
    const { continuing_subword_prefix: mark } = this.tokenizer.model.config;
    let at = 0;
    return tokens.map((token) => {
      const id = this.tokenizer.token_to_id(token), first = at;
      at = tokens.length === 1 ? letters.length : at + [...token].length - (at ? mark.length : 0);
      return { id, start: letters[first][1], end: letters[at - 1][1] + 1, word };
    });
  }
}

// Shapes of each word and of its `window` neighbours on each side, flat.
export const shapesAround = ({ characters, words }, window) => {
  const beyond = Array(window).fill(SHAPES.length);
  const shapes = [...beyond, ...words.map(([start, end]) => shape(characters.slice(start, end))), ...beyond];
  return words.map((_, i) => shapes.slice(i, i + 1 + 2 * window));
};

const shape = (letters) => {
  const has = (pattern, some = letters) => some.some((letter) => pattern.test(letter));
  const isLower = (some) => has(/\p{Lowercase}/u, some) && !has(/[\p{Uppercase}\p{Lt}]/u, some);
  const isUpper = (some) => has(/\p{Uppercase}/u, some) && !has(/[\p{Lowercase}\p{Lt}]/u, some);
  if (isLower(letters)) return 0;
  if (has(/\p{Nd}/u) || has(OTHER_DIGIT)) return 4;
  if (!has(/\p{L}/u)) return 5;
  if (isUpper(letters) && letters.length > 1) return 1;
  if (isUpper([letters[0]]) && (letters.length === 1 || isLower(letters.slice(1)))) return 2;
  return has(/\p{Uppercase}/u) ? 3 : 0;
};
