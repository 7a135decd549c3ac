// The library, as WebAssembly: letters in, replies out. The page hands over no addresses, and checks those that it
// is given: every view lies within the memory, as it is at that moment.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// What the library wants of a system. It reads no files and no clock; whatever asks is told that there is none.
function systemFor(memory) {
  const refused = () => 52; // "function not supported", as WASI numbers it
  const stop = () => { throw new Error("the library stopped itself"); };
  const known = { proc_exit: stop, fd_write: refused };
  return new Proxy({}, { get: (_, name) => known[name] ?? ((...unused) => refused(memory, unused)) });
}

// All imports that the module names, whatever they are called.
function importsOf(module) {
  const imports = {};
  const system = systemFor();
  for (const { module: space, name } of WebAssembly.Module.imports(module)) {
    imports[space] ??= {};
    imports[space][name] = name === "emscripten_notify_memory_growth" ? () => {} : system[name];
  }
  return imports;
}

export class TwillError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Twill {
  static async load(bytes) {
    const module = await WebAssembly.compile(bytes);
    const instance = await WebAssembly.instantiate(module, importsOf(module));
    instance.exports._initialize?.();
    return new Twill(instance.exports);
  }

  constructor(exports) {
    this.exports = exports;
  }

  // A view on `count` bytes at `address`, or an error: an address is only a number.
  bytesAt(address, count) {
    const { buffer } = this.exports.memory;
    const fits = Number.isInteger(address) && address > 0 && Number.isInteger(count) && count >= 0
      && address + count <= buffer.byteLength;
    if (!fits) throw new TwillError("memory", "the library gave an address outside its memory");
    return new Uint8Array(buffer, address, count);
  }

  // Numbers of a layer, copied: the memory may move.
  floatsAt(address, count) {
    return new Float32Array(this.bytesAt(address, 4 * count).slice().buffer);
  }

  post(letter) {
    const bytes = typeof letter === "string" ? encoder.encode(letter) : letter;
    const address = this.exports.tw_web_room(bytes.length) >>> 0;
    if (address === 0) throw new TwillError("memory", `no memory for ${bytes.length} bytes`);
    this.bytesAt(address, bytes.length).set(bytes);
    return bytes.length;
  }

  reply() {
    return this.bytesAt(this.exports.tw_web_reply() >>> 0, this.exports.tw_web_reply_size());
  }

  ask(call, letter, ...more) {
    this.exports[call](this.post(letter), ...more);
    return JSON.parse(decoder.decode(this.reply()));
  }

  // The numbers of each tensor: {x, w, h}.
  sizes(letter) { return this.ask("tw_web_sizes", letter); }

  // The whole answer; one with a status other than "ok" is an answer too.
  explore(letter) { return this.ask("tw_web_explore", letter); }

  // A document's bytes.
  document(letter) {
    const status = this.exports.tw_web_document(this.post(letter));
    const bytes = this.reply().slice();
    if (status === 0) return bytes;
    const refused = JSON.parse(decoder.decode(bytes));
    throw new TwillError(refused.status, refused.message);
  }

  model(bytes) { return this.ask("tw_web_model", bytes); }

  digit(pixels, label) {
    return this.ask("tw_web_digit", new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength), label);
  }
}
