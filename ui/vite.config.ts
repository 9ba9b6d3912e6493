/// Builds the window's UI: `dist` for the app, `dist-demo` (mode demo) for any browser, and the kit's
/// gallery (mode gallery).
import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { firstPage } from "./first-page.ts";

/** What the app's window is served with: the demo is served with the same, so that it can break the same. */
const CSP = "default-src 'self'";

/** One version for the whole program. */
const VERSION = /^version = "([^"]+)"$/m.exec(readFileSync("../Cargo.toml", "utf8"))?.[1] ?? "";

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), mode === "gallery" ? null : firstPage()],
  define: { __VERSION__: JSON.stringify(VERSION) },
  base: "./",
  build: {
    target: ["es2022", "safari16"], // WebKitGTK 2.40 and later
    assetsInlineLimit: 0, // a data: address would not pass the CSP
    modulePreload: false, // WebKit complains of each that it finds too early; from the disk nothing is gained
    rollupOptions: { input: mode === "gallery" ? "gallery/index.html" : "index.html" },
  },
  resolve: {
    // Vitest would otherwise take Svelte's server build.
    conditions: mode === "test" ? ["browser"] : undefined,
  },
  server: { host: "127.0.0.1", port: 1420, strictPort: true },
  preview: { host: "127.0.0.1", headers: { "Content-Security-Policy": CSP } },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    restoreMocks: true,
    testTimeout: 20_000, // a busy machine; the tests themselves take tenths of a second
  },
}));
