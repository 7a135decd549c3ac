// The presets: sizes, and numbers where they matter; the rest is filled in.

const counting = (count, from = 1) => Array.from({ length: count }, (_, i) => from + i);

export const PRESETS = [
  { name: "worked", x: counting(9), w: [1, 2, 3, 4], dh: [1, 0, 0, 2] },
  { name: "same", height: 5, width: 5, kernelHeight: 3, kernelWidth: 3, padding: 1, x: counting(25),
    w: [0, 1, 0, 1, -4, 1, 0, 1, 0] },
  { name: "stride", height: 5, width: 5, kernelHeight: 3, kernelWidth: 3, stride: 2, x: counting(25),
    w: [1, 0, -1, 2, 0, -2, 1, 0, -1] },
  { name: "dilation", height: 6, width: 6, kernelHeight: 2, kernelWidth: 2, dilation: 2, x: counting(36),
    w: [1, 2, 3, 4] },
  { name: "pointwise", height: 3, width: 3, kernelHeight: 1, kernelWidth: 1, channels: 3, outChannels: 2 },
  { name: "average", kind: "avgpool", height: 4, width: 4, stride: 2, x: counting(16), dh: [4, 8, 12, 16] },
  { name: "max", kind: "maxpool", height: 4, width: 4, stride: 2,
    x: [3, 8, 2, 7, 1, 6, 0, 5, 10, 4, 9, 3, 8, 2, 7, 1], dh: [1, 2, 3, 4] },
  { name: "depthwise", kind: "depthwise", height: 4, width: 4, kernelHeight: 2, kernelWidth: 2, channels: 2,
    outChannels: 2 },
];
