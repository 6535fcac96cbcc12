import { Activity, FileText, type LucideIcon } from "lucide-react";
import type { ComponentType } from "react";
import { type Session, may } from "../api/session";

// A page of the portal. What is in this list is in the navigation (with an
// icon), in the search, and at its address; nothing else is.
export type Page = {
  path: string; // below /portal, $name is a part of it
  label: string;
  group: (typeof groups)[number];
  icon?: LucideIcon; // none: reached from another page
  words?: string; // that it is found by, too
  may: (s: Session) => boolean; // shown to those alone
  find?: { label: string; to: (word: string) => string }; // what the search can do with a key
  load: () => Promise<{ default: ComponentType }>;
};

export const groups = ["Operate", "Views"] as const;

const read = (view: string) => (s: Session) => may.read(s, view);
const segment = encodeURIComponent;

export const pages: Page[] = [
  { path: "/", label: "Overview", group: "Operate", icon: Activity, words: "rates lag freshness", may: () => true, load: () => import("./Overview") },
  { path: "/claims", label: "Claims", group: "Views", icon: FileText, words: "claim status denial payment", may: read("claim-status"), load: () => import("./Claims") },
  {
    path: "/claims/$claim",
    label: "Claim",
    group: "Views",
    may: read("claim-status"),
    find: { label: "Open the claim of this id", to: (w) => `/claims/${segment(w)}` },
    load: () => import("./Claim"),
  },
];
