import { Activity, Archive, BookOpen, CalendarCheck, CalendarClock, FileText, GitPullRequestArrow, HeartPulse, KeyRound, type LucideIcon, MailX, Route, Scale, ScrollText, Table2, Waypoints } from "lucide-react";
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

export const groups = ["Operate", "Views", "Events", "Rules"] as const;

const read = (view: string) => (s: Session) => may.read(s, view);
const segment = encodeURIComponent;

export const pages: Page[] = [
  { path: "/", label: "Overview", group: "Operate", icon: Activity, words: "rates lag freshness", may: () => true, load: () => import("./Overview") },
  { path: "/topology", label: "Topology", group: "Operate", icon: Waypoints, words: "picture groups topics lag graph", may: () => true, load: () => import("./Topology") },
  { path: "/health", label: "Health", group: "Operate", icon: HeartPulse, words: "workers partitions restore standby", may: () => true, load: () => import("./Health") },
  { path: "/dlq", label: "Dead letters", group: "Operate", icon: MailX, words: "dlq redrive mend parked", may: may.subscribe, load: () => import("./DeadLetters") },
  { path: "/claims", label: "Claims", group: "Views", icon: FileText, words: "claim status denial payment", may: read("claim-status"), load: () => import("./Claims") },
  {
    path: "/claims/$claim",
    label: "Claim",
    group: "Views",
    may: read("claim-status"),
    find: { label: "Open the claim of this id", to: (w) => `/claims/${segment(w)}` },
    load: () => import("./Claim"),
  },
  { path: "/appeals", label: "Appeals", group: "Views", icon: Scale, words: "provider reconsideration live", may: (s) => may.read(s, "claims-by-provider") && may.read(s, "claim-status"), find: { label: "Follow the appeals of this provider", to: (w) => `/appeals?provider=${segment(w)}` }, load: () => import("./Appeals") },
  { path: "/grace", label: "Grace periods", group: "Views", icon: CalendarClock, words: "premium invoice overdue member", may: read("grace-periods"), load: () => import("./GracePeriods") },
  { path: "/grace/$member", label: "Premiums", group: "Views", may: read("grace-periods"), find: { label: "Show the premiums of this member", to: (w) => `/grace/${segment(w)}` }, load: () => import("./GracePeriod") },
  { path: "/bookings", label: "Booking coverage", group: "Views", icon: CalendarCheck, words: "insurance network covered reasons", may: read("booking-coverage"), load: () => import("./Bookings") },
  { path: "/bookings/$booking", label: "Booking", group: "Views", may: read("booking-coverage"), find: { label: "Open the booking of this id", to: (w) => `/bookings/${segment(w)}` }, load: () => import("./Booking") },
  { path: "/catalogue", label: "Catalogue", group: "Events", icon: BookOpen, words: "event types schema class publish", may: () => true, find: { label: "Search the catalogue", to: (w) => `/catalogue?q=${segment(w)}` }, load: () => import("./Catalogue") },
  { path: "/catalogue/$type", label: "Event type", group: "Events", may: () => true, load: () => import("./EventType") },
  { path: "/store", label: "Event store", group: "Events", icon: Archive, words: "recorded events query tag transaction key", may: may.subscribe, find: { label: "Find recorded events with this key", to: (w) => `/store?key=${segment(w)}` }, load: () => import("./Store") },
  { path: "/trace/$id", label: "Event", group: "Events", may: may.subscribe, find: { label: "Trace the event of this id", to: (w) => `/trace/${segment(w)}` }, load: () => import("./Trace") },
  { path: "/views", label: "All views", group: "Views", icon: Table2, words: "query rows cel", may: (s) => !!s.scopes.admin || !!s.scopes.read?.length, load: () => import("./Views") },
  { path: "/views/$view", label: "View", group: "Views", may: (s) => !!s.scopes.admin || !!s.scopes.read?.length, load: () => import("./ViewRows") },
  { path: "/views/$view/$key", label: "Row", group: "Views", may: (s) => !!s.scopes.admin || !!s.scopes.read?.length, load: () => import("./ViewRow") },
  { path: "/rules", label: "Rules", group: "Rules", icon: Route, words: "subscriptions routing consumer topic pause shadow", may: may.subscribe, load: () => import("./Rules") },
  { path: "/rules/edit", label: "Change a rule", group: "Rules", may: may.subscribe, load: () => import("./RuleEdit") },
  { path: "/changes", label: "Proposals", group: "Rules", icon: GitPullRequestArrow, words: "approve apply reject roll back", may: () => true, load: () => import("./Changes") },
  { path: "/changes/$id", label: "Proposal", group: "Rules", may: () => true, load: () => import("./ChangePage") },
  { path: "/permissions", label: "Permissions", group: "Rules", icon: KeyRound, words: "class team matrix redaction", may: () => true, load: () => import("./Permissions") },
  { path: "/rules/$kind/$team/$name", label: "Rule", group: "Rules", may: may.subscribe, load: () => import("./RuleRow") },
  { path: "/audit", label: "Audit", group: "Rules", icon: ScrollText, words: "who saw did chain verify break glass", may: (s) => !!s.scopes.admin || !!s.scopes.audit, find: { label: "Who saw the entity of this key", to: (w) => `/audit?key=${segment(w)}` }, load: () => import("./Audit") },
];
