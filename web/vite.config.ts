import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { stamp } from "./stamp.ts";

const worker = process.env.PAYERFLOW_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/portal/",
  plugins: [react(), stamp()],
  build: {
    target: "es2023",
    assetsInlineLimit: 0, // the policy takes no script or style from the page itself
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
  },
  // While one works on the portal, a worker answers what is no file of it.
  server: { proxy: { "/v1": worker, "/livez": worker, "/readyz": worker, "/metrics": worker, "/openapi.json": worker, "/portal/session": worker } },
});
