// The numbers of a layer as one picture: its feature maps side by side, blue above zero and red below, as strong as
// the layer's largest. One canvas for all of them, kept and painted anew: a browser pays for each canvas in every frame.

import { element, numberText, setAttribute } from "./elements.js";
import { say } from "./words.js";

const DENSE_COLUMNS = 30;
const GAP = 1; // pixels between maps

function rgb(text) {
  const hex = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  return hex ? hex.slice(1).map((part) => parseInt(part, 16)) : [0, 0, 0];
}

export function mapColours(host) {
  const style = getComputedStyle(host);
  return { above: rgb(style.getPropertyValue("--s0")), below: rgb(style.getPropertyValue("--s1")), empty: rgb(style.getPropertyValue("--cell")) };
}

// How the maps lie in the picture: rows and columns of a map, maps across, pixels in all.
function arrange(node) {
  const plane = node.spatial === 2;
  const columns = plane ? node.size[1] : Math.min(DENSE_COLUMNS, node.count);
  const rows = plane ? node.size[0] : Math.ceil(node.count / columns);
  const maps = plane ? node.channels : 1;
  const across = Math.min(8, maps);
  return { plane, rows, columns, maps, across,
    width: across * (columns + GAP) - GAP, height: Math.ceil(maps / across) * (rows + GAP) - GAP };
}

export class LayerMaps {
  constructor(node) {
    this.node = node;
    this.shape = arrange(node);
    const { width, height, plane, across, columns } = this.shape;
    this.canvas = element("canvas", { width, height, role: "img", class: plane ? "" : "strip" });
    this.canvas.style.setProperty("--columns", plane ? across : columns);
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true }); // kept in memory: small, and painted often
    this.image = this.pen.createImageData(width, height);
  }

  paint(numbers, title, colours) {
    const { maps, across, rows, columns, width, plane } = this.shape;
    const { channels } = this.node;
    const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const { data } = this.image;
    for (let map = 0; map < maps; map++) {
      const top = Math.floor(map / across) * (rows + GAP), left = (map % across) * (columns + GAP);
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++) {
          const value = numbers[plane ? (y * columns + x) * channels + map : y * columns + x] ?? 0;
          const share = largest > 0 ? Math.abs(value) / largest : 0;
          const full = value < 0 ? colours.below : colours.above;
          const at = 4 * ((top + y) * width + left + x);
          for (let c = 0; c < 3; c++) data[at + c] = colours.empty[c] + (full[c] - colours.empty[c]) * share;
          data[at + 3] = 255;
        }
    }
    this.pen.putImageData(this.image, 0, 0);
    setAttribute(this.canvas, "aria-label", maps > 1 ? say("digit_maps", title, maps) : title);
    setAttribute(this.canvas, "title", say("digit_scale", numberText(largest)));
  }
}
