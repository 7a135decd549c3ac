// Making elements: text only ever becomes text.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === "data") for (const [key, item] of Object.entries(value)) node.dataset[key] = item;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// element("button", { class: "quiet", on: { click } }, "text", child)
export function element(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

export function drawn(name, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

// Only what differs is written: what is as it was costs neither style nor layout.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function setProperty(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

// The children of a node made to be of these kinds, one each: what is of its kind already stays as it is, the rest
// is made anew. Sizes that change by one so change a few nodes, which costs a fraction of a new table.
export function furnish(host, kinds, make) {
  let old = host.firstElementChild;
  const children = kinds.map((kind) => {
    const here = old;
    old = here?.nextElementSibling ?? null;
    if (here?.kind === kind) return here;
    const fresh = make(kind);
    fresh.kind = kind;
    if (here) here.replaceWith(fresh);
    else host.append(fresh);
    return fresh;
  });
  while (old) {
    const next = old.nextElementSibling;
    old.remove();
    old = next;
  }
  return children;
}

// What a node says, a symbol; made anew only where it is another.
export function setSymbol(node, name) {
  if (node.symbol === name) return;
  node.symbol = name;
  node.replaceChildren(symbol(name));
}

// "w11" and "h[2,1,1]" as a letter with an index; "dL/dw11" as a quotient in a line.
export function symbol(name) {
  const parts = /^(dL\/d)?([a-zA-Z])(?:\[(.*)\]|(.*))$/.exec(name);
  const node = element("span", { class: "symbol" });
  if (!parts) return node.appendChild(document.createTextNode(name)), node;
  const [, gradient, letter, inBrackets, digits] = parts;
  if (gradient) node.append("d", element("var", {}, "L"), "/d", element("var", {}, letter));
  else node.append(element("var", {}, letter));
  const index = inBrackets ?? digits;
  if (index) node.append(element("sub", {}, index));
  return node;
}

// A number as people read it; the whole of it stands in data-value.
export function numberText(value) {
  if (value === null || value === undefined) return "·";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text = Number.isInteger(value) && size < 1e6 ? String(size)
    : size >= 1e5 || size < 1e-3 ? size.toExponential(2)
      : String(Number(size.toPrecision(4)));
  if (value < 0) text = `−${text}`;
  return text;
}

// One tab stop for many: arrow keys move among the nodes of a grid that are found by selector.
export function rove(grid, selector, columnsOf) {
  const all = () => [...grid.querySelectorAll(selector)];
  grid.addEventListener("keydown", (event) => {
    const nodes = all();
    const at = nodes.indexOf(event.target);
    const columns = columnsOf(event.target);
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    const to = event.key === "Home" ? 0 : event.key === "End" ? nodes.length - 1 : at + (steps[event.key] ?? NaN);
    if (at < 0 || !nodes[to]) return;
    event.preventDefault();
    nodes[at].setAttribute("tabindex", "-1");
    nodes[to].setAttribute("tabindex", "0");
    nodes[to].focus();
  });
}
