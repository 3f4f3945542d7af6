// Bundles the workbench into web/dist: one script, one style sheet, one page, no other host.
import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";

const out = new URL("./dist/", import.meta.url).pathname;
const from = new URL("./src/", import.meta.url).pathname;
await mkdir(out, { recursive: true });
await build({
  entryPoints: [`${from}app.js`, `${from}app.css`],
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  logLevel: "warning",
});
for (const name of ["index.html", "mark.svg"]) await copyFile(`${from}${name}`, `${out}${name}`);
