// The two parts that are fetched: the module and the trained network. Each must have the length and the digest that
// it had when the page was made: half a download, or a server's error page, is told from the thing itself. They
// travel compressed, whatever the server does.

// null where browsers have no digests: on a page that came without encryption, and not from this machine.
async function digestOf(content) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function fetchPart({ file, bytes, sha256 }) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file}: ${response.status} ${response.statusText}`);
  const content = await response.arrayBuffer();
  if (content.byteLength !== bytes) throw new Error(`${file}: ${content.byteLength} bytes; expected ${bytes}`);
  const found = await digestOf(content);
  if (found !== null && found !== sha256) throw new Error(`${file}: the content has changed (SHA-256 ${found.slice(0, 12)}…)`);
  const unpacked = new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).arrayBuffer();
}
