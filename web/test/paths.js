// Where things lie.

import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const build = process.env.BUILD ? `${process.cwd()}/${process.env.BUILD}` : `${root}build`;
export const pictures = `${build}/web-pictures`;
