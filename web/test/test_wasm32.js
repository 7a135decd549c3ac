// The tests of sizes run where addresses have 32 bits.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { build } from "./paths.js";
import { runProgram } from "./run_program.js";

for (const name of ["test_checked", "test_hostile_geometry", "test_laws", "small_memory"])
  test(`${name} holds with 32-bit addresses`, async () => {
    const program = `${build}/wasm/web/${name}.wasm`;
    assert.ok(existsSync(program), `${program} is not built: make web-test builds it`);
    const { code, printed } = await runProgram(program);
    assert.equal(code, 0, printed);
    assert.match(printed, /^ok /m);
  });
