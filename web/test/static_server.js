// A static host for the page as small as can be, on a port of its own.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm",
  ".svg": "image/svg+xml", ".safetensors": "application/octet-stream" };

// `broken(path)`: a status to answer with instead, or a number of bytes to cut the file to.
export function serve(folder, broken = () => null) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname).replace(/\/$/, "/index.html");
    const file = join(folder, path);
    const fault = broken(path);
    let size;
    try {
      size = statSync(file).size;
    } catch {
      return response.writeHead(404, { "content-type": "text/html" }).end("<p>not found</p>");
    }
    if (fault?.status) return response.writeHead(fault.status, { "content-type": "text/html" }).end("<p>broken</p>");
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file, fault?.bytes ? { end: Math.min(size, fault.bytes) - 1 } : {}).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve({
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => server.close(),
  })));
}
