// A square to write a digit on, with mouse, finger, pen or keys, and the 28 x 28 pixels that the network reads.

const SIDE = 28; // pixels of the network; the strokes' coordinates too
const SCALE = 10; // the pad has so many points to a pixel
const PEN = 2.1; // as thick as the training data's, in pixels

function trace(pen, strokes) {
  for (const stroke of strokes) {
    pen.beginPath();
    stroke.forEach(([x, y], i) => (i ? pen.lineTo(x * SCALE, y * SCALE) : pen.moveTo(x * SCALE, y * SCALE)));
    if (stroke.length === 1) pen.lineTo(stroke[0][0] * SCALE + 0.1, stroke[0][1] * SCALE);
    pen.stroke();
  }
}

function prepare(pen, colour) {
  Object.assign(pen, { lineWidth: PEN * SCALE, lineCap: "round", lineJoin: "round", strokeStyle: colour });
}

export class DigitPad {
  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.strokes = [];
    this.cursor = { x: SIDE / 2, y: SIDE / 2, down: false, shown: false };
    canvas.width = canvas.height = SIDE * SCALE;
    this.hidden = document.createElement("canvas");
    this.hidden.width = this.hidden.height = SIDE * SCALE;
    this.listen();
  }

  listen() {
    const { canvas } = this;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      const clamp = (value) => Math.min(SIDE, Math.max(0, value));
      return [clamp(((event.clientX - box.left) / box.width) * SIDE), clamp(((event.clientY - box.top) / box.height) * SIDE)];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.cursor.shown = false;
      this.strokes.push([at(event)]);
      this.changed();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId) || !this.strokes.length) return;
      this.strokes.at(-1).push(...(event.getCoalescedEvents?.() ?? [event]).map(at));
      this.changed();
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => { this.cursor.shown = this.cursor.down = false; this.paint(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  key(event) {
    const { cursor } = this;
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) this.strokes.push([[cursor.x, cursor.y]]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.clear();
    } else if (step) {
      cursor.x = Math.min(SIDE - 1, Math.max(1, cursor.x + step[0]));
      cursor.y = Math.min(SIDE - 1, Math.max(1, cursor.y + step[1]));
      if (cursor.down) this.strokes.at(-1).push([cursor.x, cursor.y]);
    } else {
      return;
    }
    event.preventDefault();
    cursor.shown = true;
    this.changed();
  }

  write(strokes) {
    this.strokes = strokes;
    this.changed();
  }

  clear() {
    this.cursor.down = false;
    this.write([]);
  }

  changed() {
    this.paint();
    this.onChange();
  }

  paint() {
    const pen = this.canvas.getContext("2d");
    const colour = (name) => getComputedStyle(this.canvas).getPropertyValue(name).trim();
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    prepare(pen, colour("--ink"));
    trace(pen, this.strokes);
    if (!this.cursor.shown) return;
    pen.beginPath();
    pen.arc(this.cursor.x * SCALE, this.cursor.y * SCALE, 8, 0, 7);
    pen.fillStyle = colour(this.cursor.down ? "--s1" : "--s0");
    pen.fill();
  }

  // What the network reads: each pixel is the share of it that is covered with ink.
  pixels() {
    const pen = this.hidden.getContext("2d", { willReadFrequently: true });
    pen.clearRect(0, 0, this.hidden.width, this.hidden.height);
    prepare(pen, "#000");
    trace(pen, this.strokes);
    const { data } = pen.getImageData(0, 0, this.hidden.width, this.hidden.height);
    const pixels = new Float32Array(SIDE * SIDE);
    for (let y = 0; y < SIDE * SCALE; y++)
      for (let x = 0; x < SIDE * SCALE; x++)
        pixels[Math.floor(y / SCALE) * SIDE + Math.floor(x / SCALE)] += data[4 * (y * SIDE * SCALE + x) + 3];
    return pixels.map((sum) => sum / (255 * SCALE * SCALE));
  }
}
