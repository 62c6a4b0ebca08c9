import vue from "@vitejs/plugin-vue";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const service = process.env["XUELIANG_SERVICE"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  define: {
    __VUE_I18N_LEGACY_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: {
    // The last Chromium that runs on Windows 7, which monitoring rooms still have.
    target: "chrome109",
    // Everything is a file of ours: the policy allows no inline script, style or data address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    reportCompressedSize: true,
  },
  server: {
    // The service takes what changes something from its own origin alone.
    proxy: Object.fromEntries(
      ["/api", "/whep", "/events"].map((path) => [
        path,
        { target: service, changeOrigin: true, configure: (proxy) => void proxy.on("proxyReq", (request) => void request.setHeader("origin", service)) },
      ]),
    ),
  },
});
