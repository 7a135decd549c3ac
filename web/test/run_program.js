// Runs a WebAssembly program that only prints: node run_program.js PROGRAM.wasm. Exits as the program does.

import { readFileSync } from "node:fs";

class Ended extends Error {
  constructor(code) { super(`ended with ${code}`); this.code = code; }
}

export async function runProgram(path) {
  let printed = "";
  let memory;
  const system = {
    proc_exit: (code) => { throw new Ended(code); },
    fd_write: (_, vectors, count, written) => {
      const view = new DataView(memory.buffer);
      let bytes = 0;
      for (let i = 0; i < count; i++) {
        const at = view.getUint32(vectors + 8 * i, true), size = view.getUint32(vectors + 8 * i + 4, true);
        printed += new TextDecoder().decode(new Uint8Array(memory.buffer, at, size));
        bytes += size;
      }
      view.setUint32(written, bytes, true);
      return 0;
    },
  };
  const module = await WebAssembly.compile(readFileSync(path));
  const imports = {};
  for (const { module: space, name } of WebAssembly.Module.imports(module)) {
    imports[space] ??= {};
    imports[space][name] = system[name] ?? (() => 52);
  }
  const instance = await WebAssembly.instantiate(module, imports);
  memory = instance.exports.memory;
  try {
    instance.exports._start();
    return { code: 0, printed };
  } catch (error) {
    return { code: error instanceof Ended ? error.code : 70, printed: error instanceof Ended ? printed : `${printed}${error.stack}\n` };
  }
}
