// Where things lie.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const build = resolve(process.env.BUILD ?? `${root}build`);
export const pictures = `${build}/web-pictures`;
