// The numbers of a layer as pictures: one for each feature map, blue above zero and red below, as strong as the
// layer's largest.

import { element, numberText } from "./elements.js";
import { say } from "./words.js";

const DENSE_COLUMNS = 30;

function rgb(text) {
  const hex = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  return hex ? hex.slice(1).map((part) => parseInt(part, 16)) : [0, 0, 0];
}

// One picture of rows x columns numbers, numberAt(row, column) or undefined.
function picture(rows, columns, numberAt, largest, colours, label) {
  const canvas = element("canvas", { width: columns, height: rows, role: "img", "aria-label": label });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(columns, rows);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const value = numberAt(r, c);
      const at = 4 * (r * columns + c);
      const [red, green, blue] = value < 0 ? colours.below : colours.above;
      image.data.set([red, green, blue, largest > 0 && value ? Math.round((255 * Math.abs(value)) / largest) : 0], at);
    }
  pen.putImageData(image, 0, 0);
  return canvas;
}

export function layerMaps(node, numbers, title, host) {
  const style = getComputedStyle(host);
  const colours = { above: rgb(style.getPropertyValue("--s0")), below: rgb(style.getPropertyValue("--s1")) };
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const maps = element("div", { class: "maps", title: say("digit_scale", numberText(largest)) });
  if (node.spatial === 2) {
    const [rows, columns] = node.size;
    for (let c = 0; c < node.channels; c++)
      maps.append(picture(rows, columns, (y, x) => numbers[(y * columns + x) * node.channels + c], largest, colours,
        say("digit_map", title, c + 1)));
  } else {
    const columns = Math.min(DENSE_COLUMNS, numbers.length);
    const rows = Math.ceil(numbers.length / columns);
    const strip = picture(rows, columns, (y, x) => numbers[y * columns + x] ?? 0, largest, colours, title);
    strip.classList.add("strip");
    strip.style.aspectRatio = `${columns} / ${rows}`;
    strip.style.setProperty("--columns", columns);
    maps.append(strip);
  }
  return maps;
}
