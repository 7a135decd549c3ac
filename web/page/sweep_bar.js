// The buttons of the sweep: which pass, play, one step back or on, and a slider.

import { element, setAttribute, setProperty, setText } from "./elements.js";
import { say } from "./words.js";

export class SweepBar {
  constructor(host, sweep) {
    this.host = host;
    this.sweep = sweep;
    this.translate();
  }

  translate() {
    const { sweep } = this;
    const button = (name, sign, click) => element("button", { type: "button", class: "icon", "aria-label": say(name), title: say(name), on: { click } }, sign);
    this.passes = [[null, "sweep_off"], ["forward", "sweep_forward"], ["backward", "sweep_backward"]].map(([pass, name]) =>
      element("button", { type: "button", data: { pass: pass ?? "" }, on: { click: () => sweep.choose(pass) } }, say(name)));
    this.playing = button("play", "▶", () => (sweep.playing ? sweep.pause() : sweep.play()));
    this.slider = element("input", { type: "range", min: 0, step: 1, "aria-label": say("position"),
      on: { input: () => { sweep.pause(); sweep.go(Number(this.slider.value)); } } });
    this.text = element("p", { class: "soft", role: "status" });
    this.host.replaceChildren(
      element("div", { class: "segments", role: "group", "aria-label": say("sweep") }, ...this.passes),
      element("div", { class: "transport" },
        button("previous", "◀◀", () => { sweep.pause(); sweep.go(sweep.step - 1); }), this.playing,
        button("next", "▶▶", () => { sweep.pause(); sweep.go(sweep.pass ? sweep.step + 1 : 0); }), this.slider),
      this.text);
  }

  show(scene) {
    const { sweep } = this;
    for (const button of this.passes) setAttribute(button, "aria-pressed", String(button.dataset.pass === (sweep.pass ?? "")));
    const name = say(sweep.playing ? "pause" : "play");
    setText(this.playing, sweep.playing ? "❚❚" : "▶");
    setAttribute(this.playing, "aria-label", name);
    setAttribute(this.playing, "title", name);
    setProperty(this.slider, "max", String(sweep.count - 1));
    setProperty(this.slider, "value", String(sweep.step));
    setProperty(this.slider, "disabled", !sweep.pass);
    setText(this.text, !sweep.pass || !scene ? ""
      : `${say("step_of", sweep.step + 1, sweep.count)}: ${say(`step_${sweep.pass}`, scene.name(sweep.pass === "forward" ? "h" : "dh", sweep.step))}`);
  }
}
