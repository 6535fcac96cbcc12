import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

// What the portal is built from. web/fresh_test.go holds the same list.
const sources = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "stamp.ts", "src"];

function files(path: string): string[] {
  try {
    return readdirSync(path).flatMap((name) => files(join(path, name)));
  } catch {
    return [path];
  }
}

// stamp writes down what dist was built from and what is in it, so that a test
// without Node can tell whether somebody forgot to build.
export function stamp(): Plugin {
  return {
    name: "stamp",
    apply: "build",
    closeBundle() {
      const lines = [...sources, "dist"]
        .flatMap(files)
        .filter((path) => path !== join("dist", "built.txt"))
        .sort()
        .map((path) => `${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${path}\n`);
      writeFileSync(join("dist", "built.txt"), lines.join(""));
    },
  };
}
