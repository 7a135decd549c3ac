// Steppers and sliders for the sizes, one row each.

import { element, setProperty, setText } from "./elements.js";
import { KINDS, MODES, SIZES, isPool, offers } from "./geometry_state.js";
import { say } from "./words.js";

export class Controls {
  constructor(host, onChange) {
    this.host = host;
    this.onChange = onChange; // (name, value)
    this.rows = new Map();
    this.build();
  }

  build() {
    const kind = this.select("kind", KINDS, (name) => say(`kind_${name}`));
    const mode = this.select("mode", MODES, (name) => say(`mode_${name}`));
    const rows = Object.keys(SIZES).map((name) => this.row(name));
    this.host.replaceChildren(kind, ...rows.slice(0, 6), mode, ...rows.slice(6));
  }

  select(name, choices, titleOf) {
    const select = element("select", { id: `control-${name}`, on: { change: () => this.onChange(name, select.value) } },
      ...choices.map((choice) => element("option", { value: choice }, titleOf(choice))));
    this[name] = select;
    return element("div", { class: "control" }, element("label", { for: select.id }, say(name)), select);
  }

  row(name) {
    const { least, most } = SIZES[name];
    const title = say(`size_${name}`);
    const slider = element("input", {
      type: "range", min: least, max: most, step: 1, id: `control-${name}`,
      on: { input: () => this.onChange(name, Number(slider.value)) },
    });
    const value = element("output", { for: slider.id });
    const step = (by, sign, text) => element("button", {
      type: "button", class: "step", "aria-label": text,
      on: { click: () => this.onChange(name, Math.min(most, Math.max(least, Number(slider.value) + by))) },
    }, sign);
    const row = element("div", { class: "control sized", data: { size: name } },
      element("label", { for: slider.id }, title), value,
      step(-1, "−", say("less", title)), slider, step(1, "+", say("more", title)));
    this.rows.set(name, { row, slider, value });
    return row;
  }

  show(state) {
    setProperty(this.kind, "value", state.kind);
    setProperty(this.mode, "value", state.mode);
    setProperty(this.mode, "disabled", isPool(state));
    for (const [name, { row, slider, value }] of this.rows) {
      setProperty(slider, "value", String(state[name]));
      setText(value, String(state[name]));
      const offered = offers(state, name);
      if (row.classList.contains("off") === !offered) continue;
      row.classList.toggle("off", !offered);
      for (const control of row.querySelectorAll("input, button")) control.disabled = !offered;
    }
  }
}
