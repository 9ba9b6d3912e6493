/// Measures the script that the window loads before its first page is on show, and lets no build exceed it.
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** What a slow disk and a small processor take in within a tenth of a second. */
const MOST_KB = 150;
/** Modules that are asked for by name while the window starts; everything that they import comes with them. */
const ASKED_FOR = [/src\/lib\/(api|demo)\/index\.ts$/, /src\/pages\/now\/Now\.svelte$/];

export function firstPage(): Plugin {
  return {
    name: "first-page",
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((each) => each.type === "chunk");
      const waiting = chunks.filter(
        ({ isEntry, facadeModuleId }) =>
          isEntry || ASKED_FOR.some((module) => module.test(facadeModuleId ?? "")),
      );
      const loaded = new Map<string, number>();
      for (let chunk = waiting.pop(); chunk; chunk = waiting.pop()) {
        if (loaded.has(chunk.fileName)) continue;
        loaded.set(chunk.fileName, gzipSync(chunk.code, { level: 9 }).length);
        const { imports } = chunk;
        waiting.push(...chunks.filter(({ fileName }) => imports.includes(fileName)));
      }
      const kb = [...loaded.values()].reduce((sum, bytes) => sum + bytes, 0) / 1000;
      const said = `the first page loads ${kb.toFixed(1)} kB of gzipped script in ${loaded.size} files`;
      if (loaded.size < 3) this.error(`${said}: not all of it was found`);
      if (kb > MOST_KB) this.error(`${said}; ${MOST_KB} kB is the most`);
      this.info(said);
    },
  };
}
