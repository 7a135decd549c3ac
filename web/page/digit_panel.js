// A drawn digit goes through the trained network; its layers are shown, forward and backward.

import { BUILD } from "./build.js";
import { DIGITS } from "./digit_examples.js";
import { DigitPad } from "./digit_pad.js";
import { element, numberText, setAttribute, setText } from "./elements.js";
import { LayerMaps, mapColours } from "./layer_maps.js";
import { fetchPart } from "./parts.js";
import { say } from "./words.js";

const FIRST = 3; // the digit that stands there when the page opens

export class DigitPanel {
  constructor(root, twill) {
    this.root = root;
    this.twill = twill;
    this.ready = false;
    this.failure = null;
    this.find = (selector) => root.querySelector(selector);
    this.pad = new DigitPad(this.find("#pad"), () => this.plan());
    this.find("#clear").addEventListener("click", () => this.pad.clear());
    this.find("#digit-label").addEventListener("change", () => this.plan());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plan());
  }

  translate() {
    this.find("#digit-examples").replaceChildren(...DIGITS.map((strokes, digit) => element("button", {
      type: "button", class: "step", "aria-label": say("digit_example", digit), on: { click: () => this.pad.write(strokes) },
    }, String(digit))));
    const select = this.find("#digit-label");
    const chosen = select.value || "-1";
    select.replaceChildren(element("option", { value: -1 }, say("digit_found")),
      ...DIGITS.map((_, digit) => element("option", { value: digit }, String(digit))));
    select.value = chosen;
    this.shown = null;
    this.plan();
  }

  async load() {
    try {
      const answer = this.twill.model(new Uint8Array(await fetchPart(BUILD.model)));
      if (answer.status !== "ok") throw new Error(answer.message);
      this.ready = true;
      if (!this.pad.strokes.length) this.pad.write(DIGITS[FIRST]);
    } catch (error) {
      this.failure = error.message;
    }
    this.plan();
  }

  // Once a frame, however many points a stroke has.
  plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      this.run();
    });
  }

  run() {
    const says = this.find("#digit-says");
    const empty = !this.pad.strokes.length;
    const waits = this.failure !== null ? say("digit_failed", this.failure)
      : !this.ready ? say("digit_loading") : empty ? say("digit_nothing") : null;
    if (waits !== null) {
      says.textContent = waits;
      for (const id of ["#bars", "#layers"]) this.find(id).replaceChildren();
      this.shown = null;
      this.find("#digit-loss").textContent = "";
      return;
    }
    const began = performance.now();
    const answer = this.twill.digit(this.pad.pixels(), Number(this.find("#digit-label").value));
    this.milliseconds = performance.now() - began;
    if (answer.status !== "ok") says.textContent = say("failed", answer.message);
    else this.show(answer);
  }

  show({ outputs, nodes, loss }) {
    const best = outputs.indexOf(Math.max(...outputs));
    const text = say("digit_says", best, (100 * outputs[best]).toFixed(outputs[best] > 0.9995 ? 0 : 1));
    setText(this.find("#digit-says"), text);
    setText(this.find("#digit-loss"), say("digit_loss", numberText(loss), this.milliseconds.toFixed(1)));
    if (!this.shown) this.build(outputs, nodes);
    outputs.forEach((share, digit) => {
      const item = this.shown.bars[digit];
      setAttribute(item, "class", digit === best ? "best" : "");
      setAttribute(item, "aria-label", `${digit}: ${(100 * share).toFixed(1)} %`);
      item.lastChild.style.setProperty("--share", share.toFixed(4));
    });
    const colours = mapColours(this.root);
    for (const { maps, index, key, title } of this.shown.maps)
      maps.paint(this.twill.floatsAt(nodes[index][key], nodes[index].count), title, colours);
  }

  // What every digit of this network is shown in: made once for a language.
  build(outputs, nodes) {
    this.shown = { maps: [], bars: outputs.map((_, digit) =>
      element("li", {}, element("span", { class: "digit" }, String(digit)), element("span", { class: "bar" }))) };
    this.find("#bars").replaceChildren(...this.shown.bars);
    this.find("#layers").replaceChildren(...nodes.map((node, index) => this.layer(node, index)));
  }

  layer(node, index) {
    const title = say(`layer_${node.kind}`);
    const shape = node.spatial === 2 ? `${node.channels} × ${node.size[0]} × ${node.size[1]}` : String(node.count);
    const rows = [["value", "digit_values"], ["gradient", "digit_gradients"]].filter(([key]) => node[key] > 0);
    return element("section", { class: "layer" },
      element("h4", {}, title, " ", element("span", { class: "soft" }, shape)),
      ...rows.map(([key, name]) => {
        const maps = new LayerMaps(node);
        this.shown.maps.push({ maps, index, key, title: `${title}, ${say(name)}` });
        return element("div", { class: `row ${key}` }, element("span", { class: "soft" }, say(name)), maps.canvas);
      }));
  }
}
