import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Named, Page as Answer } from "../api/event_type";
import { get, post, query, segment } from "../api/http";
import { type Rule, type Subscription, paths } from "../api/rule_rows";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Status } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

const states = ["ACTIVE", "PAUSED", "SHADOW", "QUARANTINED"] as const;

const named = (name: string) => name.split("/").map(segment).join("/");

const page = (kind: string, name: string) => `/rules/${kind}/${named(name)}`;

// Rules are the routing rules and subscriptions that the session may see.
export default function Rules() {
  const [f, set] = useFilters();
  const rules = useQuery({ queryKey: ["rules", f.q], queryFn: ({ signal }) => get<Answer<Rule>>(query("/v1/routing-rules", { q: f.q, limit: 500 }), signal) });
  const subs = useQuery({ queryKey: ["subs", f.q], queryFn: ({ signal }) => get<Answer<Subscription>>(query("/v1/subscriptions", { q: f.q, limit: 500 }), signal) });
  const is = (r: { row: { state?: string; team: string } }) => (!f.state || (r.row.state ?? "ACTIVE") === f.state) && (!f.team || r.row.team === f.team);
  const teams = [...new Set([...(rules.data?.rows ?? []), ...(subs.data?.rows ?? [])].map((r) => r.row.team))].sort();
  const error = rules.error ?? subs.error;
  return (
    <Page
      title="Rules and subscriptions"
      sub="What goes to whom, under which condition"
      asked={{ path: query("/v1/subscriptions", { q: f.q }), cli: "payerflow sub list" }}
      actions={
        <>
          <Link className="button" to={"/rules/edit" as string} search={{ kind: "subscription" } as never}>New subscription</Link>
          <Link className="button" to={"/rules/edit" as string} search={{ kind: "routing-rule" } as never}>New rule</Link>
        </>
      }
    >
      <Filters>
        <Text label="Search" value={f.q} set={(q) => set({ q })} placeholder="name, type" wide />
        <Choice label="Team" value={f.team} set={(team) => set({ team })} of={teams} />
        <Choice label="State" value={f.state} set={(state) => set({ state })} of={states} />
      </Filters>
      {error ? <ErrorBox error={error} /> : null}
      {subs.isPending ? <Loading what="subscriptions" /> : null}
      {subs.data && subs.data.rows.filter(is).length === 0 ? (
        <Empty title={f.q || f.state || f.team ? "No subscription is like that" : "There is no subscription yet"}>
          Make one above, or by <code>payerflow sub apply -f testdata/rules/denied-claims.yaml</code>
        </Empty>
      ) : null}
      {subs.data && subs.data.rows.some(is) ? (
        <Panel title="Subscriptions" flush>
          <Table
            label="Subscriptions"
            rows={subs.data.rows.filter(is)}
            id={(s) => s.name}
            to={(s) => page("subscription", s.name)}
            columns={[
              { head: "Subscription", cell: (s) => <span className="mono">{s.name}</span> },
              { head: "State", cell: (s) => <span title={s.row.reason}><Status of={s.row.state ?? "ACTIVE"} /></span> },
              { head: "Gets", cell: (s) => [...(s.row.eventTypes ?? []), ...(s.row.rules ?? []).map((r) => `rule ${r}`)].map((t) => <span className="tag" key={t}>{t}</span>) },
              { head: "Tags", cell: (s) => tagsOf(s.row) || <span className="quiet">any</span> },
              { head: "Consumed", cell: (s) => <code title="How to consume it">{consumed(s.name, s.row)}</code> },
              { head: "Change", cell: (s) => <Acts kind="subscription" of={s} /> },
            ]}
          />
        </Panel>
      ) : null}
      {rules.data && rules.data.rows.some(is) ? (
        <Panel title="Routing rules" flush>
          <Table
            label="Routing rules"
            rows={rules.data.rows.filter(is)}
            id={(r) => r.name}
            to={(r) => page("routing-rule", r.name)}
            columns={[
              { head: "Rule", cell: (r) => <span className="mono">{r.name}</span> },
              { head: "State", cell: (r) => <span title={r.row.reason}><Status of={r.row.state ?? "ACTIVE"} /></span> },
              { head: "Of", cell: (r) => r.row.eventTypes?.map((t) => <span className="tag" key={t}>{t}</span>) },
              { head: "Condition", cell: (r) => <code title={r.row.condition}>{r.row.condition || "always"}</code> },
              { head: "Goes to", cell: (r) => <span className="mono">{r.row.destination}</span> },
              { head: "Change", cell: (r) => <Acts kind="routing-rule" of={r} /> },
            ]}
          />
        </Panel>
      ) : null}
    </Page>
  );
}

// tagsOf are the tags that a subscription chooses by, in words.
export const tagsOf = (s: Subscription) => [s.tags?.allOf?.length && `all of ${s.tags.allOf.join(", ")}`, s.tags?.anyOf?.length && `any of ${s.tags.anyOf.join(", ")}`, s.tags?.noneOf?.length && `none of ${s.tags.noneOf.join(", ")}`].filter(Boolean).join("; ");

const consumed = (name: string, s: Subscription) => (s.delivery === "pull" ? `payerflow sub pull ${name}` : s.delivery === "stream" ? `payerflow sub consume ${name}` : `consumer.${name.replace("/", ".")}`);

// Acts change a row's state at once. Where a policy wants approval, the server
// says so.
function Acts({ kind, of }: { kind: string; of: Named<{ state?: string }> }) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: (what: string) => post(query(`${paths[kind]}/${named(of.name)}/${what}`, { why: "from the portal" }), undefined, { headers: { "If-Match": `"${of.version}"` } }),
    onSettled: () => void Promise.all([client.invalidateQueries({ queryKey: ["rules"] }), client.invalidateQueries({ queryKey: ["subs"] })]),
  });
  const able = (of.row.state ?? "ACTIVE") === "ACTIVE" ? ["pause", "shadow"] : of.row.state === "PAUSED" ? ["resume", "shadow"] : ["resume", "pause"];
  return (
    <span className="acts">
      {able.map((a) => (
        <button key={a} disabled={act.isPending} onClick={() => act.mutate(a)} aria-label={`${a} ${of.name}`}>
          {a}
        </button>
      ))}
      {act.error ? <span className="bad" role="alert" title={act.error.message}>{act.error.message}</span> : null}
    </span>
  );
}
