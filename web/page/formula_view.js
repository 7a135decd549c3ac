// The formula of what is pointed at: symbols with their numbers below, and the same in one line for those who
// listen.

import { element, numberText, symbol } from "./elements.js";
import { say } from "./words.js";

const MOST_TERMS = 12;

function atomNode({ name, value }) {
  return element("span", { class: "atom" }, symbol(name), element("span", { class: "number" }, numberText(value)));
}

function sign(text) { return element("span", { class: "sign" }, text); }

function termNodes(terms, joiner) {
  const shown = terms.length > MOST_TERMS ? MOST_TERMS - 2 : terms.length;
  const nodes = [];
  terms.forEach((factors, i) => {
    if (i >= shown && i < terms.length - 1) {
      if (i === shown) nodes.push(sign(joiner), sign(say("terms_more", terms.length - shown - 1)));
      return;
    }
    if (i > 0) nodes.push(sign(joiner));
    const group = element("span", { class: "term" });
    factors.forEach((factor, k) => group.append(...(k ? [sign("·")] : []), atomNode(factor)));
    nodes.push(group);
  });
  return nodes;
}

function lineNode({ left, terms, sign: equals, wrap, label }) {
  const nodes = terms.length ? termNodes(terms, wrap ? "," : "+") : [sign(say("terms_none"))];
  return element("div", { class: "line" },
    label ? element("span", { class: "label" }, label) : null,
    atomNode(left), sign(equals),
    wrap ? sign(`${wrap}(`) : null, ...nodes, wrap ? sign(")") : null);
}

// "h11 = w11 x11 + w12 x12 = 1 · 1 + 2 · 2 = 37"
export function spoken({ left, terms, wrap }) {
  const few = terms.slice(0, MOST_TERMS);
  const joiner = wrap ? ", " : " + ";
  const rest = terms.length > few.length ? `${joiner}${say("terms_more", terms.length - few.length)}` : "";
  const names = few.map((factors) => factors.map((f) => f.name).join(" ")).join(joiner) + rest;
  const numbers = few.map((factors) => factors.map((f) => numberText(f.value)).join(" · ")).join(joiner) + rest;
  const around = (text) => (wrap ? `${wrap}(${text})` : text);
  return `${left.name} = ${around(names)} = ${around(numbers)} = ${numberText(left.value)}`;
}

export class FormulaView {
  constructor(panel, voice) {
    this.panel = panel;
    this.voice = voice;
  }

  show({ text, lines, more = 0 }, aloud) {
    const tail = more ? element("p", { class: "soft" }, say("terms_more", more)) : null;
    const told = JSON.stringify([text, lines, more]);
    if (told !== this.told)
      this.panel.replaceChildren(element("p", { class: "says" }, text), ...lines.map(lineNode), ...(tail ? [tail] : []));
    this.told = told;
    if (aloud) this.voice.textContent = [text, ...lines.slice(0, 3).map(spoken)].join(" ");
  }
}
