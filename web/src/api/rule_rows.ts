// Rows of the mediator's rules, as far as the pages know them.

export type Rule = { team: string; name: string; eventTypes?: string[]; condition?: string; destination?: string; doc?: string; state?: string; reason?: string };
export type Subscription = { team: string; name: string; eventTypes?: string[]; rules?: string[]; tags?: { allOf?: string[]; anyOf?: string[]; noneOf?: string[] }; synthetic?: string; delivery?: string; partitions?: number; state?: string; reason?: string };
export type Permission = { team: string; application?: string; class: string; eventTypes?: string[] };

export type Change = { kind: string; name?: string; act?: "PUT" | "DELETE"; version?: number; row?: unknown };
type By = { token: string; team: string; application?: string };
export type Decision = { by: By; at: string; why?: string };
export type Proposal = { id: string; state: string; changes: Change[]; by: By; why: string; until?: string; approvals?: Decision[]; ended?: Decision; kept?: string[]; wants?: string };

// kinds that the portal edits, with a row to begin with.
export const begins: Record<string, (team: string) => unknown> = {
  "routing-rule": (team) => ({ team, name: "", eventTypes: ["CLAIM_DENIED"], condition: "", destination: `${team}/` }),
  subscription: (team) => ({ team, name: "", eventTypes: ["CLAIM_DENIED"], tags: { anyOf: [] }, delivery: "topic" }),
  permission: (team) => ({ team, class: "PHI", eventTypes: [] }),
};

export const paths: Record<string, string> = { "routing-rule": "/v1/routing-rules", subscription: "/v1/subscriptions", permission: "/v1/permissions" };
