// Stepping through the passes: forward, output by output as the window moves; backward, gradient by gradient as it
// arrives. What is shown half way is the library's answer to half of dL/dh.

const PACE = 700; // milliseconds a step

export class Sweep {
  constructor(onChange) {
    this.onChange = onChange;
    this.pass = null; // "forward", "backward" or null: all at once
    this.step = 0;
    this.count = 1;
    this.timer = null;
  }

  get playing() { return this.timer !== null; }

  choose(pass) {
    this.pause();
    this.pass = pass;
    this.step = 0;
    this.onChange();
  }

  // The sizes changed.
  resize(count) {
    this.count = count;
    this.step = Math.min(this.step, count - 1);
  }

  go(step) {
    if (!this.pass) this.pass = "forward";
    this.step = Math.min(this.count - 1, Math.max(0, step));
    this.onChange();
  }

  play() {
    if (!this.pass) this.pass = "forward";
    if (this.step === this.count - 1) this.step = 0;
    this.timer = setInterval(() => {
      if (this.step + 1 >= this.count) return this.pause();
      this.go(this.step + 1);
    }, PACE);
    this.onChange();
  }

  pause() {
    if (!this.playing) return;
    clearInterval(this.timer);
    this.timer = null;
    this.onChange();
  }

  // dL/dh as far as the sweep has come.
  upstream(dh) {
    return this.pass === "backward" ? dh.map((value, i) => (i <= this.step ? value : 0)) : dh;
  }

  // Outputs that are known.
  get reached() { return this.pass === "forward" ? this.step + 1 : Infinity; }

  get selection() {
    if (!this.pass) return null;
    return { kind: "h", element: this.step, of: this.pass === "forward" ? "h" : "dh" };
  }
}
